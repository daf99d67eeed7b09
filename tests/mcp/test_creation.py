"""What an agent reads of a creation whose check or response fails."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from clipcast.mcp import creation
from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.operations import operations_of
from clipcast.sdk import AsyncClipcast, Retries
from clipcast.server.app import describe

Answer = Callable[[], httpx2.Response]


def json_of(value: Any) -> Answer:
    return lambda: httpx2.Response(200, json=value)


async def created(check: Answer | None, answer: Answer) -> Any:
    """Call create_post of a server that gives these responses; None: it never responds."""

    async def respond(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/posts"):
            return answer()
        if check is None:
            await asyncio.Event().wait()
        assert check
        return check()

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
    client = AsyncClipcast("key", "http://127.0.0.1:1", retries=Retries(attempts=1), http=http)
    operation = operations_of(describe())["create_post"]
    return await creation.create(Api(client), operation, operation.request({"videos": []}))


@pytest.mark.parametrize("answer", [json_of([]), json_of(None), lambda: httpx2.Response(200, content=b"<html>")])
async def test_foreign_response_says_that_something_may_have_been_created(answer: Answer) -> None:
    with pytest.raises(ToolError, match="It is not known whether Clipcast did what was asked") as caught:
        await created(json_of({"warnings": []}), answer)
    assert caught.value.code == "unexpected_response"


@pytest.mark.parametrize(
    "check", [None, json_of([]), json_of(None), json_of({}), json_of({"warnings": [1]}), lambda: httpx2.Response(503)]
)
async def test_creation_does_without_its_check(check: Answer | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "CHECK_SECONDS", 0.0 if check is None else 60.0)
    assert await created(check, json_of({"post_id": "p"})) == {"post_id": "p"}


async def test_failed_read_changes_nothing() -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, content=b"<html>")))
    client = AsyncClipcast("key", "http://127.0.0.1:1", retries=Retries(attempts=1), http=http)
    for name, unknown in (("list_posts", False), ("retry_post", True)):
        operation = operations_of(describe())[name]
        with pytest.raises(ToolError) as caught:
            await Api(client).send(operation.request({} if name == "list_posts" else {"post_id": "p"}))
        assert ("It is not known whether" in caught.value.message) is unknown
