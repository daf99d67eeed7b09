"""Tools made from the operations of the OpenAPI document, with the names that the first clients of this API used."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.types import Tool, ToolAnnotations

from clipcast.mcp.api import ToolError
from clipcast.mcp.arguments import KEY, KEY_SCHEMA, check_values, key_of
from clipcast.sdk import Request, UsageError
from clipcast.sdk.transport import headers, path, query

JSON = "application/json"
METHODS = ("get", "put", "post", "patch", "delete")
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A schema that is repeated and longer than this (characters of JSON) stands in one tool only. Agents pay for each word.
REPEATED_MAX = 400


@dataclass(frozen=True)
class Operation:
    """An operation of the API, as a tool."""

    name: str
    operation_id: str
    method: str
    path: str
    summary: str
    description: str
    # The place of each argument: path, query or body.
    places: Mapping[str, str]
    properties: Mapping[str, Any]
    required: tuple[str, ...]
    annotations: Mapping[str, bool]
    has_body: bool
    # A repeated call returns the response of the first one.
    creates: bool = False

    @property
    def tool(self) -> Tool:
        """The tool as a client sees it."""
        return Tool(
            name=self.name,
            title=self.summary,
            description=self.description,
            input_schema=schema_of(self.properties, self.required),
            annotations=ToolAnnotations.model_validate({"title": self.summary, **self.annotations}),
        )

    def request(self, arguments: Mapping[str, Any]) -> Request[Any]:
        """Return the request for these arguments. Raises ToolError if one is unknown, missing or of another type."""
        check_names(self.name, arguments, self.properties, self.required)
        of_place: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}, "key": {}}
        for name, value in arguments.items():
            of_place[self.places[name]][name] = value
        # The API checks the body itself. Everything else becomes text.
        check_values(of_place["path"] | of_place["query"] | of_place["key"], self.properties, self.required)
        try:
            filled = path(self.path, **of_place["path"])
        except UsageError as error:
            raise ToolError("invalid_id", error.message, "Pass an id that an earlier result has.") from None
        return Request(
            self.operation_id,
            self.method,
            filled,
            query(**of_place["query"]),
            of_place["body"] if self.has_body else None,
            headers=headers(idempotency_key=self._key(arguments)) if self.creates else {},
            keyed=self.method == "POST" and not self.reads,
            reads=self.reads,
        )

    def _key(self, arguments: Mapping[str, Any]) -> str:
        meant = {name: value for name, value in arguments.items() if name != KEY}
        return key_of(self.name, arguments.get(KEY), meant)

    @property
    def reads(self) -> bool:
        """Whether the operation changes nothing."""
        return bool(self.annotations.get("readOnlyHint"))


def operations_of(document: Mapping[str, Any]) -> dict[str, Operation]:
    """Return the operations of an OpenAPI document that return JSON or nothing, by the name of their tool."""
    found: dict[str, Operation] = {}
    described: dict[str, str] = {}
    for template, methods in document["paths"].items():
        for method in METHODS:
            if method in methods and _is_json(methods[method]):
                one = _operation(method, template, methods[method], described)
                found[one.name] = one
    return found


def schema_of(properties: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of a tool's arguments."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def check_names(
    tool: str, arguments: Mapping[str, Any], known: Mapping[str, Any], required: tuple[str, ...] = ()
) -> None:
    """Raise ToolError unless the arguments are all known and none that is required is missing."""
    if unknown := sorted(arguments.keys() - known.keys()):
        listed = ", ".join(known) or "none"
        message = f"{tool} has no argument {', '.join(map(repr, unknown))}."
        raise ToolError("unknown_argument", message, f"Its arguments are: {listed}.")
    if missing := [name for name in required if name not in arguments]:
        raise ToolError("argument_missing", f"{tool} needs {', '.join(missing)}.", "Pass every required argument.")


def snake_case(operation_id: str) -> str:
    """Return the name of an operation's tool, such as `list_posts` of `listPosts`."""
    return WORD.sub("_", operation_id).lower()


def _is_json(operation: Mapping[str, Any]) -> bool:
    if "requestBody" in operation and JSON not in operation["requestBody"]["content"]:
        return False
    kinds = {
        kind
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for kind in response.get("content", {})
    }
    return not kinds or JSON in kinds


def _operation(method: str, template: str, found: Mapping[str, Any], described: dict[str, str]) -> Operation:
    name = snake_case(found["operationId"])
    properties: dict[str, Any] = {}
    places: dict[str, str] = {}
    required: list[str] = []
    for parameter in found.get("parameters", []):
        if parameter["in"] not in ("path", "query"):
            continue
        properties[parameter["name"]] = {"description": parameter.get("description", "")} | parameter["schema"]
        places[parameter["name"]] = parameter["in"]
        if parameter.get("required"):
            required.append(parameter["name"])
    schema = found["requestBody"]["content"][JSON]["schema"] if "requestBody" in found else {}
    of_body = {
        one: _short(value, f"`{one}` of {name}", described) for one, value in schema.get("properties", {}).items()
    }
    required += schema.get("required", [])
    mcp = found.get("x-mcp", {})
    creates = {KEY: KEY_SCHEMA} if mcp.get("creates") else {}
    assert not properties.keys() & of_body.keys(), name
    return Operation(
        name,
        found["operationId"],
        method.upper(),
        template,
        found["summary"],
        found["description"],
        places | dict.fromkeys(of_body, "body") | dict.fromkeys(creates, "key"),
        properties | of_body | creates,
        tuple(required),
        mcp.get("annotations", {}) | ({"idempotentHint": True} if creates else {}),
        "requestBody" in found,
        bool(creates),
    )


def _short(schema: Any, where: str, described: dict[str, str]) -> Any:
    """Return the schema without examples, and without the parts that an earlier tool describes."""
    if isinstance(schema, list):
        return [_short(one, where, described) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema or "enum" in schema:
        text = json.dumps(schema, sort_keys=True)
        if earlier := described.get(text):
            # The description of an enum lists its values.
            own = (
                f"Values: see {earlier}."
                if "enum" in schema
                else f"{schema.get('description', '')} Fields: see {earlier}."
            )
            return {"type": schema.get("type", "object"), "description": own.strip()}
        if len(text) > REPEATED_MAX:
            described[text] = where
    kept = {name: value for name, value in schema.items() if name not in ("example", "examples", "title")}
    if "properties" in kept:
        of_each = kept["properties"].items()
        kept["properties"] = {name: _short(value, where, described) for name, value in of_each}
    rest = {name: _short(value, where, described) for name, value in kept.items() if name != "properties"}
    return rest | {"properties": kept["properties"]} if "properties" in kept else rest
