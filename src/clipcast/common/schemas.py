"""The base class of request bodies, and helpers for JSON schemas."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The base class of request bodies. It rejects unknown fields and does not convert types."""

    model_config = ConfigDict(extra="forbid", strict=True)


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
