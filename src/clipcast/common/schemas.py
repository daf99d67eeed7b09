"""The base classes of request bodies and of responses, and helpers for JSON schemas."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from clipcast.common.timestamps import format_timestamp

# An id and an instant of a row, as responses show them.
Id = Annotated[str, BeforeValidator(str)]
Timestamp = Annotated[str, BeforeValidator(format_timestamp)]


class Body(BaseModel):
    """The base class of request bodies. It rejects unknown fields and does not convert types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ResponseModel(BaseModel):
    """The base of responses. `model_validate(row)` reads the fields from a row."""

    model_config = ConfigDict(from_attributes=True)


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `schema` with every local `$ref` replaced by its definition."""
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            return resolve(definitions[name]) | {k: resolve(v) for k, v in node.items() if k != "$ref"}
        return {key: resolve(value) for key, value in node.items() if key != "$defs"}

    result: dict[str, Any] = resolve(schema)
    return result
