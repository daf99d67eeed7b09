"""Examples of bodies, made from their schemas: each field's own example, or a value that fits its schema."""

from typing import Any

from clipcast.common.schemas import definition_of

UUID = "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"
BY_FORMAT = {"uuid": UUID, "date-time": "2026-12-24T21:00:00.000Z", "uri": "https://clipcast.example"}
BY_TYPE = {"string": "text", "number": 1.0, "boolean": False, "null": None}


def example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a complete example of a value. `schemas` holds those that `$ref` names.

    An object has every field, except those that may be left out and have no example.
    """
    if "$ref" in schema and "examples" not in schema:
        return example_of(definition_of(schema, schemas), schemas)
    for name in ("examples", "enum"):
        if name in schema:
            return schema[name][0]
    for name in ("const", "example"):
        if name in schema:
            return schema[name]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    kind = schema.get("type")
    if kind == "object":
        return {
            name: example_of(field, schemas)
            for name, field in schema.get("properties", {}).items()
            if name in schema.get("required", []) or "examples" in field or "const" in field
        }
    if kind == "array":
        return [example_of(schema["items"], schemas)]
    if kind == "integer":
        return max(int(schema.get("minimum", 1)), 1)
    return BY_FORMAT.get(schema.get("format", ""), BY_TYPE.get(str(kind)))
