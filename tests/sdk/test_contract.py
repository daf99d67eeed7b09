"""The client has a method for every operation of the API's document, and each reaches its operation."""

import ast
import inspect
import sys
from pathlib import Path
from typing import Any, Unpack, get_type_hints

import pytest

from clipcast.sdk import (
    AsyncClipcast,
    Clipcast,
    Conflict,
    NotFound,
    PermissionDenied,
    ValidationError,
    models,
    requests,
)
from clipcast.sdk.streams import Event
from clipcast.server.app import describe_components
from tests.sdk.conftest import Served

SOURCES = Path(str(inspect.getsourcefile(Clipcast))).parent
INVENTED = "0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b"
# What the API returns for ids that do not exist, and for examples that refer to them.
EXPECTED = (NotFound, Conflict, ValidationError, PermissionDenied)
DOCUMENT = describe_components()
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def arguments_of(operation: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return invented ids and the document's examples for a method of the client."""
    ids, named = [], {}
    for parameter in operation["parameters"]:
        if "$ref" in parameter:
            continue
        if parameter["in"] == "path":
            ids.append(INVENTED)
        elif parameter["schema"].get("type") == "integer":
            named[parameter["name"]] = 1
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            named |= content["example"]
        else:
            ids.append(content["example"])
    return ids, named


async def result_of(returned: Any) -> Any:
    """Await a response, or the first event of a stream."""
    if inspect.isasyncgen(returned):
        return [event async for event in returned]
    return await returned if inspect.isawaitable(returned) else returned


@pytest.mark.parametrize("kind", [Clipcast, AsyncClipcast])
def test_each_operation_has_a_method_with_its_parameters(kind: type[Any]) -> None:
    """A reader of the document finds the same names in both clients."""
    for id, (_, _, operation) in OPERATIONS.items():
        method = getattr(kind, snake(id), None)
        assert method, f"{kind.__name__} has no {snake(id)}. Run `make docs`."
        parameters = inspect.signature(method).parameters
        wanted = {snake(one["name"]) for one in operation["parameters"] if "$ref" not in one}
        assert wanted <= set(parameters), id
        assert inspect.getdoc(method), id


async def test_each_operation_reaches_its_endpoint(served: Served) -> None:
    """A wrong path would be 404 of no resource, a wrong body 422 of an unknown field."""
    for id, (_, path, operation) in OPERATIONS.items():
        arguments, named = arguments_of(operation)
        for client in (served.client, served.blocking):
            method, error = getattr(client, snake(id)), None
            try:
                if client is served.blocking:
                    returned = await served.call(_all, method, arguments, named)
                else:
                    returned = await result_of(method(*arguments, **named))
            except EXPECTED as raised:
                error = raised
            if error is None:
                success = [status for status in operation["responses"] if status.startswith("2")]
                assert (returned is None) == (success == ["204"]), id
            else:
                assert not error.message.startswith("Nothing exists at"), f"{id}: {path}"
                assert not [one for one in error.errors if one["code"] == "unknown_field"], f"{id}: {error}"


def _all(method: Any, arguments: list[str], named: dict[str, Any]) -> Any:
    returned = method(*arguments, **named)
    return list(returned) if inspect.isgenerator(returned) else returned


def test_types_can_be_read_by_programs() -> None:
    """Every annotation names a type that exists."""
    names = vars(models) | vars(requests) | {"models": models, "Any": Any, "Unpack": Unpack, "Event": Event}
    for id in OPERATIONS:
        assert get_type_hints(getattr(requests, snake(id)), names), id
    for name in DOCUMENT["components"]["schemas"]:
        assert hasattr(models, name)


def test_client_imports_its_two_libraries_only() -> None:
    """The client is installable without the server."""
    allowed = {"httpx2", "standardwebhooks", *sys.stdlib_module_names}
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            wrong = [
                one for one in names if one.split(".")[0] not in allowed and not f"{one}.".startswith("clipcast.sdk.")
            ]
            assert not wrong, f"{path.name} imports {wrong}"
