"""How large a form may be, before anything of it is parsed."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.web.conftest import Visitor

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", ["/sign-in", "/setup", "/invitations/x", "/connect/bluesky/sign-in"])
async def test_large_form_without_a_session_returns_413(visitor: Visitor, path: str) -> None:
    answer = await visitor.client.post(path, content=b"email=" + b"x" * 70_000, headers=FORM)
    assert answer.status_code == 413


async def test_form_without_a_session_is_not_read(visitor: Visitor) -> None:
    async def endless():  # type: ignore[no-untyped-def]
        raise AssertionError("the form was read")
        yield b""

    path = "/w/0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69/settings/name"
    answer = await visitor.client.post(path, content=endless(), headers=FORM)
    assert answer.headers["location"] == "/sign-in"
    cross = FORM | {"Sec-Fetch-Site": "cross-site"}
    assert (await visitor.client.post("/sign-in", content=endless(), headers=cross)).status_code == 403


async def test_form_with_very_many_fields_is_refused(owner: Visitor) -> None:
    answer = await owner.client.post(owner._at("./settings/name"), content=b"a=1&" * 60_000, headers=FORM)
    assert answer.status_code == 413
    assert "fields" in answer.text


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "Multipart/Mixed"])
async def test_multipart_form_from_a_member_returns_415(owner: Visitor, kind: str) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--b--\r\n'
    answer = await owner.client.post(owner._at("./settings/name"), content=part, headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "application/x-www-form-urlencoded" in answer.text


@pytest.mark.parametrize("form", [b"email=a%00b", b"email=%ED%A0%80", b"email=%FF", b"em%00ail=x", b"email=\xff"])
async def test_form_that_cannot_be_stored_is_refused(visitor: Visitor, form: bytes) -> None:
    for path in ("/sign-in", "/setup", "/invitations/x"):
        answer = await visitor.client.post(path, content=form, headers=FORM)
        assert answer.status_code == 400, path


async def test_incomplete_form_changes_nothing(owner: Visitor, application: FastAPI) -> None:
    """The part that arrived could otherwise pass as a whole form with other values."""
    came = iter([{"type": "http.request", "body": b"name=Half", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        sent.append(message)

    path = owner._at("./settings/name")
    cookies = "; ".join(f"{name}={value}" for name, value in owner.client.cookies.items())
    headers = owner.headers | FORM | {"Host": "127.0.0.1", "Cookie": cookies}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    await application(scope, receive, send)
    assert sent == []
    assert 'value="Night Bakery"' in (await owner.get("./settings")).text
