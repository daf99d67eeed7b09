"""The base of what callers send, and help with its JSON schemas."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """The base of what callers send: unknown fields are errors, and types are not guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True)


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with every local `$ref` replaced by what it names."""
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
