"""The schemas of the OpenAPI documents: names that people choose, and the meanings of values beside the values."""

import json
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any

from clipcast.common.schemas import MEANINGS

REF = "$ref"
# Names of models that differ from what they are called in documents. Of other names, the ending is left out.
NAMES = {
    "Details": "Metadata",
    "ItemChange": "UpdateItem",
    "PlatformSaid": "PlatformError",
    "RenderBody": "CreateRender",
    "Validated": "ValidationResult",
    "VideoIn": "PostVideo",
}
ENDING = re.compile("(Out|In|Body)$")
# Keywords that hold values, not schemas.
EXAMPLES = ("example", "examples")
# The schemas that hold a code, and the names of its lists in error_codes.json, which `make docs` writes.
CODES = {
    "ProblemDocument": "ErrorCode",
    "ProblemDetail": "ProblemCode",
    "ItemError": "ItemErrorCode",
    "ItemWarning": "ItemWarningCode",
}


def public_name(name: str) -> str:
    """Return the name of a model's schema."""
    return NAMES.get(name) or ENDING.sub("", name)


def renamed(node: Any) -> Any:
    """Return a part of a document whose references have the public names."""
    if isinstance(node, list):
        return [renamed(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    made = {key: inner if key in EXAMPLES else renamed(inner) for key, inner in node.items()}
    if REF in made:
        place, _, name = made[REF].rpartition("/")
        made[REF] = f"{place}/{public_name(name)}"
    return made


def completed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the title `name`, without those of its fields, and with each value's meaning in the text.

    A null as the default of a field that may be left out is dropped: not every such field accepts null.
    """
    made: dict[str, Any] = renamed(_completed(schema))
    return made | {"title": name} if "title" in made else made


def _completed(node: Any) -> Any:
    if isinstance(node, list):
        return [_completed(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    made = {key: inner if key in EXAMPLES else _completed(inner) for key, inner in node.items()}
    for field in made.get("properties", {}).values():
        finish(field)
    return made


def finish(field: dict[str, Any]) -> None:
    """Complete the schema of a field or a parameter in place."""
    field.pop("title", None)
    if "default" in field and field["default"] is None:
        del field["default"]
    for one in enums_of(field):
        meanings = one[MEANINGS] = {value: one[MEANINGS][value] for value in one["enum"]}
        lines = [f"- `{value}`: {meaning}" for value, meaning in meanings.items()]
        field["description"] = "\n".join([field.get("description", ""), "", *lines]).strip()


def enums_of(field: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of a field's values that list them: the field's own, or that of a branch or of an element."""
    places = [field, *field.get("anyOf", ())]
    return [one for place in places for one in (place, place.get("items", {})) if MEANINGS in one]


def name_enums(schemas: dict[str, Any], parameters: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Give each list of values a name: that of the first field that has it. Return the named schemas.

    Generators of clients would make a name for each place.
    """
    names: dict[str, str] = {}
    named: dict[str, Any] = {}

    def name(one: dict[str, Any], proposed: str) -> None:
        meanings = one[MEANINGS]
        chosen = names.setdefault(json.dumps(meanings), proposed)
        if chosen == proposed:
            assert chosen not in schemas, chosen
            text = "\n".join(f"- `{value}`: {meaning}" for value, meaning in meanings.items())
            parts = {key: one[key] for key in ("type", "enum", MEANINGS)}
            named[chosen] = parts | {"title": chosen, "description": text}
        for key in ("type", "enum", MEANINGS):
            del one[key]
        one[REF] = f"#/components/schemas/{chosen}"

    for model, schema in schemas.items():
        for field, content in schema.get("properties", {}).items():
            for one in enums_of(content):
                name(one, model + _pascal(field))
    for parameter in parameters:
        for one in enums_of(parameter["schema"]):
            name(one, _pascal(parameter["name"]) + "Filter")
    return named


def add_codes(schemas: dict[str, Any]) -> None:
    """Add the codes of errors with their meanings. Other codes can follow: a platform's package has its own."""
    codes = json.loads(resources.files(__package__).joinpath("error_codes.json").read_text("utf-8"))
    for model, name in CODES.items():
        schemas[name] = {
            "type": "string",
            "enum": list(codes[name]),
            MEANINGS: codes[name],
            "title": name,
            "description": "The codes of this version, with the meaning of each.",
        }
        field = schemas[model]["properties"]["code"]
        del field["type"]
        field["anyOf"] = [{REF: f"#/components/schemas/{name}"}, {"type": "string"}]


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
