"""Values that people write as text, in a cell of a plan or after `--set`, by the JSON Schema of their field."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Escapes of characters that PostgreSQL cannot store.
FORBIDDEN = re.compile(r"\\u(0000|[dD][89a-fA-F])")
INTEGER = re.compile(r"-?[0-9]{1,18}")
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def parse_cell(text: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return the value of `text` for a field. `definitions` holds the schemas that `$ref` names.

    A list is written with `;` between its values, or as JSON. Lists of objects, and objects, are written as JSON. Raise
    ValueError with the rule that the text breaks.
    """
    schema = resolved(schema, definitions)
    kind = schema.get("type", "string")
    if kind == "string":
        return text
    text = text.strip()
    if kind == "boolean":
        if text.lower() not in WORDS:
            raise ValueError("Must be true or false.")
        return WORDS[text.lower()]
    if kind == "integer":
        if not INTEGER.fullmatch(text):
            raise ValueError("Must be a whole number, such as 5.")
        return int(text)
    if kind == "number":
        if not NUMBER.fullmatch(text):
            raise ValueError("Must be a number, such as 1.5.")
        return float(text)
    items = resolved(schema.get("items", {}), definitions)
    if kind == "array" and not text.startswith("[") and items.get("type", "string") not in ("object", "array"):
        return [parse_cell(part, items, definitions) for part in split_list(text)]
    return _json(text, "[...]" if kind == "array" else "{...}")


def split_list(text: str) -> list[str]:
    """Return the parts between `;`, without spaces around them and without empty ones."""
    return [part.strip() for part in text.split(";") if part.strip()]


def read_list(text: str) -> list[str]:
    """Return the texts of a cell: those between `;`, or those of a JSON list, which can hold any text."""
    if text.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            found = json.loads(text)
            if isinstance(found, list) and all(isinstance(one, str) for one in found):
                return found
    return split_list(text)


def join_list(values: Sequence[str]) -> str:
    """Return the cell from which `read_list` returns these texts."""
    text = "; ".join(values)
    return text if read_list(text) == list(values) else json.dumps(list(values), ensure_ascii=False)


def resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the value where it is not null, without `$ref`."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return resolved(one, definitions)
    if "$ref" in schema:
        found: Mapping[str, Any] = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return found
    return schema


def _constant(name: str) -> Any:
    raise ValueError(name)


def _json(text: str, form: str) -> Any:
    try:
        if FORBIDDEN.search(text):
            raise ValueError(text)
        return json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise ValueError(f"Must be JSON, such as {form}.") from None
