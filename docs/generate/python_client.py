"""Write the parts of the Python client that the OpenAPI document determines: types, requests and methods."""

import keyword
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from clipcast.server.app import describe_components

NOTE = "Written by `make docs` from the OpenAPI document. Do not edit it."
WIDTH = 116
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
JSON = "application/json"
EVENTS = "text/event-stream"
# Header parameters that every operation has, or that the client sends by itself.
CLIENT_HEADERS = ("X-Workspace-Id",)
KEY = "Idempotency-Key"
IMPORTS = """
from __future__ import annotations
{more}
from typing import TYPE_CHECKING, Any, Unpack

if TYPE_CHECKING:
    from clipcast.sdk import models
"""


@dataclass
class Parameter:
    """A parameter of a method: its name here, its name in the request, and its type."""

    name: str
    sent_as: str
    type: str
    where: str
    text: str


@dataclass
class Operation:
    """What the document says of an operation, in Python's terms."""

    id: str
    method: str
    path: str
    text: str
    returns: str
    streams: bool
    reads: bool
    keyed: bool
    body: str | None
    media_type: str
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def name(self) -> str:
        return snake(self.id)

    @property
    def listed(self) -> tuple[str, str] | None:
        """The field and the type of what the operation lists page by page; None for other operations."""
        if "page" not in [one.name for one in self.parameters]:
            return None
        schema = document()["components"]["schemas"][self.returns.removeprefix("models.")]
        [found] = [(name, one["items"]) for name, one in schema["properties"].items() if one.get("type") == "array"]
        return found[0], type_of(found[1], "models.")

    def those(self, where: str) -> list[Parameter]:
        return [one for one in self.parameters if one.where == where]


def snake(name: str) -> str:
    """Return a name of the document as Python spells it."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return f"{name}_" if keyword.iskeyword(name) else name


@cache
def document() -> dict[str, Any]:
    """Return the document of the components."""
    return describe_components()


def models() -> str:
    """Return the module of the types."""
    aliases, classes = [], []
    for name, schema in sorted(document()["components"]["schemas"].items()):
        (classes if schema.get("type") == "object" else aliases).append((name, schema))
    parts = [
        f'"""The types of requests and responses. {NOTE}"""',
        "from __future__ import annotations\n",
        "from typing import Any, Literal, NotRequired, TypedDict",
        *(f"{name} = {type_of(schema)}" for name, schema in aliases),
        *(_class(name, schema) for name, schema in classes),
        "# The body of a request to a webhook. Its `type` tells which one it is.",
        f"WebhookBody = {' | '.join(_event_types()) or 'dict[str, Any]'}",
    ]
    return formatted("\n".join(parts))


def _event_types() -> list[str]:
    """Return the types of the bodies that webhooks receive."""
    received = [operation for item in document().get("webhooks", {}).values() for operation in item.values()]
    return sorted(type_of(one["requestBody"]["content"][JSON]["schema"]) for one in received)


def requests() -> str:
    """Return the module whose functions make the request of each operation."""
    head = f'"""The request of each operation, as a value. {NOTE}"""'
    more = "\nfrom collections.abc import Iterator\n" if any(one.streams for one in operations()) else ""
    parts = [head, IMPORTS.format(more=more), "from clipcast.sdk.transport import Request, headers, path, query"]
    parts += [_request(one) for one in operations()]
    return formatted("\n\n".join(parts))


def blocking() -> str:
    """Return the module with the methods of the blocking client."""
    return _methods("Operations", "blocking", "def", "", "Iterator")


def asynchronous() -> str:
    """Return the module with the methods of the asynchronous client."""
    return _methods("AsyncOperations", "asynchronous", "async def", "await ", "AsyncIterator")


def operations() -> list[Operation]:
    """Return all operations, in the document's order."""
    return [
        _operation(path, method, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    ]


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    parameters, keyed = [], False
    for parameter in operation["parameters"]:
        if "$ref" in parameter:
            parameter = document()["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[-1]]
        keyed |= parameter["name"] == KEY
        if parameter["name"] not in CLIENT_HEADERS:
            parameters.append(_parameter(parameter))
    body, media_type = None, JSON
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        body = type_of(content["schema"], "models.") if media_type == JSON else "str | bytes"
    returned, streams = [], False
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            for kind, content in response.get("content", {}).items():
                returned.append(type_of(content["schema"], "models.") if kind == JSON else "str")
                streams |= kind == EVENTS
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        text=f"{operation['summary']}.\n\n{operation['description']}",
        returns=" | ".join(dict.fromkeys(returned)) or "None",
        streams=streams,
        reads=operation["x-mcp"]["annotations"]["readOnlyHint"],
        keyed=keyed,
        body=body,
        media_type=media_type,
        parameters=parameters,
    )


def _parameter(parameter: dict[str, Any]) -> Parameter:
    name, where = parameter["name"], parameter["in"]
    kind = type_of(parameter["schema"], "models.")
    if where == "path":
        kind = "str"
    elif where == "header":
        kind = "int | str" if name == "If-Match" else "str"
    return Parameter(snake(name), name, kind, where, parameter.get("description", ""))


def type_of(schema: dict[str, Any], prefix: str = "") -> str:
    """Return the Python type of a schema."""
    if "$ref" in schema:
        return prefix + schema["$ref"].rsplit("/", 1)[-1]
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(type_of(one, prefix) for one in variants))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(type_of(schema | {"type": one}, prefix) for one in kind))
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}), prefix)}]"
    if kind == "object":
        assert "properties" not in schema, f"{schema} needs a name in the document"
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values, prefix) if isinstance(values, dict) else 'Any'}]"
    return SCALARS[kind] if kind else "Any"


def _class(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = {}
    for key, value in schema.get("properties", {}).items():
        kind = type_of(value)
        fields[key] = kind if key in required else f"NotRequired[{kind}]"
    if all(key.isidentifier() and not keyword.iskeyword(key) for key in fields):
        text = schema.get("description", "").split("\n")[0] or f"The fields of {name}."
        lines = [f"    {key}: {kind}" for key, kind in fields.items()]
        return "\n".join([f"class {name}(TypedDict):", f"    {_quoted(text)}", "", *lines])
    items = ", ".join(f"{key!r}: {kind!r}" for key, kind in fields.items())
    return f"{name} = TypedDict({name!r}, {{{items}}})"


def _arguments(operation: Operation) -> tuple[list[str], list[str]]:
    """Return the parameters of the function, and the arguments with which another one of the same form is called."""
    paths, options = operation.those("path"), operation.those("query") + operation.those("header")
    taken = [f"{one.name}: {one.type}" for one in paths] + (["/"] if paths else [])
    passed = [one.name for one in paths]
    if operation.body and operation.media_type != JSON:
        taken, passed = [*(one for one in taken if one != "/"), f"content: {operation.body}", "/"], [*passed, "content"]
    taken += ["*"] if options else []
    taken += [f"{one.name}: {one.type} | None = None" for one in options]
    passed += [f"{one.name}={one.name}" for one in options]
    if operation.body and operation.media_type == JSON:
        taken.append(f"**body: Unpack[{operation.body}]")
        passed.append("**body")
    return taken, passed


def _request(operation: Operation) -> str:
    taken, _ = _arguments(operation)
    ids = "".join(f", {one.sent_as}={one.name}" for one in operation.those("path"))
    values = [f"{operation.id!r}", f"{operation.method!r}", f"path({operation.path!r}{ids})"]
    if queried := operation.those("query"):
        values.append("query(" + ", ".join(f"{one.sent_as}={one.name}" for one in queried) + ")")
    if operation.body:
        values.append("body=body" if operation.media_type == JSON else "body=content")
    if operation.body and operation.media_type != JSON:
        values.append(f"content_type={operation.media_type!r}")
    if named := operation.those("header"):
        values.append("headers=headers(" + ", ".join(f"{one.name}={one.name}" for one in named) + ")")
    values += ["keyed=True"] if operation.keyed else []
    values += ["reads=True"] if operation.reads else []
    models = operation.returns.replace("models.", "")
    values += [f"returns={models!r}"] if models not in ("None", "str") else []
    returned = f"Request[{operation.returns}]"
    text = f'"""Return the request of `{operation.id}`."""'
    return (
        f"def {operation.name}({', '.join(taken)}) -> {returned}:\n    {text}\n    return Request({', '.join(values)})"
    )


def _methods(name: str, kind: str, define: str, wait: str, iterator: str) -> str:
    streams = any(one.streams for one in operations())
    more = f"\nfrom collections.abc import {iterator}\n"
    parts = [
        f'"""The methods of the {kind} client. {NOTE}"""',
        IMPORTS.format(more=more),
        "    from clipcast.sdk.streams import Event\n" if streams else "",
        f"from clipcast.sdk import requests\nfrom clipcast.sdk.calls import {name.replace('Operations', 'Calls')}",
        f"class {name}({name.replace('Operations', 'Calls')}):\n"
        f'    """One method for each operation of the API. docs/python.md describes how errors and retries work."""',
    ]
    for operation in operations():
        taken, passed = _arguments(operation)
        call = f"requests.{operation.name}({', '.join(passed)})"
        arguments = ", ".join(["self", *taken])
        text = textwrap.indent(_docstring(operation), "        ")
        if operation.streams:
            head = f"    def {operation.name}({arguments}) -> {iterator}[Event]:"
            line = f"return self._stream({call})"
        else:
            head = f"    {define} {operation.name}({arguments}) -> {operation.returns}:"
            line = f"{'' if operation.returns == 'None' else 'return '}{wait}self._call({call})"
        parts.append(f"{head}\n{text}\n        {line}")
        if operation.listed:
            parts.append(_pages(operation, iterator))
    return formatted("\n\n".join(part for part in parts if part))


def _pages(operation: Operation, iterator: str) -> str:
    """Return the method that yields what an operation lists on all its pages."""
    assert operation.listed
    listed, kind = operation.listed
    rest = replace(operation, parameters=[one for one in operation.parameters if one.name not in ("page", "limit")])
    taken, passed = _arguments(rest)
    call = f"requests.{operation.name}({', '.join([*passed, 'page=page', 'limit=100'])})"
    name = operation.name.replace("list_", "iterate_", 1)
    return (
        f"    def {name}({', '.join(['self', *taken])}) -> {iterator}[{kind}]:\n"
        f'        """Yield each of the `{listed}` that `{operation.name}` lists, page by page."""\n'
        f"        return self._pages(lambda page: {call}, {listed!r})"
    )


def _docstring(operation: Operation) -> str:
    lines = []
    for paragraph in operation.text.replace("\\", "\\\\").split("\n\n"):
        lines += ["\n".join(textwrap.wrap(" ".join(paragraph.split()), WIDTH - 12))]
    described = [one for one in operation.parameters if one.where == "query" and one.text]
    for one in described:
        text = one.text.split("\n")[0]
        lines.append("\n".join(textwrap.wrap(f"`{one.name}`: {text}", WIDTH - 12)))
    body = "\n\n".join(lines)
    return f'"""{body}\n"""'


def _quoted(text: str) -> str:
    return (
        f'"""{text}"""'
        if len(text) < WIDTH - 12
        else '"""' + "\n    ".join(textwrap.wrap(text, WIDTH - 8)) + '\n    """'
    )


def formatted(source: str) -> str:
    """Return Python source as ruff writes it."""
    for command in (["check", "--fix-only", "--select", "I,F401"], ["format"]):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", "src/clipcast/sdk/made.py", "-"],
            input=source,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + source
        source = done.stdout
    return source
