"""The base classes of request bodies and of responses, and helpers for JSON schemas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from clipcast.common.timestamps import format_timestamp

# An id and an instant of a row, as responses show them.
UUID, DATE_TIME = {"format": "uuid"}, {"format": "date-time"}
Id = Annotated[str, BeforeValidator(str), WithJsonSchema({"type": "string"} | UUID)]
Timestamp = Annotated[str, BeforeValidator(format_timestamp), WithJsonSchema({"type": "string"} | DATE_TIME)]
# The keyword for the meanings of an enum's values. Readers of OpenAPI documents show it beside each value.
MEANINGS = "x-enum-descriptions"


@dataclass(frozen=True, eq=False)
class Meanings:
    """The meaning of each value of a `Literal`, for its schema: `Annotated[Literal["a"], Meanings({"a": "..."})]`."""

    by_value: Mapping[str, str]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema)
        assert set(shown["enum"]) == set(self.by_value), shown["enum"]
        return shown | {MEANINGS: {value: self.by_value[value] for value in shown["enum"]}}


class Body(BaseModel):
    """The base class of request bodies. It rejects unknown fields and does not convert types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ResponseModel(BaseModel):
    """The base of responses. `model_validate(row)` reads the fields from a row."""

    model_config = ConfigDict(from_attributes=True)


def definition_of(reference: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that `$ref` names."""
    found: dict[str, Any] = definitions[reference["$ref"].rsplit("/", 1)[-1]]
    return found


def inlined(schema: dict[str, Any], definitions: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return `schema` with every local `$ref` replaced by its definition, from `$defs` or from `definitions`."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            found = resolve(definition_of(node, definitions))
            return found | {key: resolve(value) for key, value in node.items() if key != "$ref"}
        return {key: resolve(value) for key, value in node.items() if key != "$defs"}

    result: dict[str, Any] = resolve(schema)
    return result
