"""The form around a streamed file, read by an independent parser."""

from starlette.requests import Request

from clipcast.platforms.multipart import form_around


async def test_form_around_is_read_by_parser() -> None:
    fields = {"key": "uploads/1", "policy": 'a"b', "Content-Type": "multipart/form-data"}
    head, tail, content_type = form_around(fields, "file", 'clip "1".mp4', "video/mp4")
    body = head + b"\x00bytes\r\n--not-the-boundary" + tail

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    headers = [(b"content-type", content_type.encode())]
    form = await Request({"type": "http", "method": "POST", "headers": headers}, receive).form()
    assert {name: form[name] for name in fields} == fields
    assert list(form)[-1] == "file"
    assert await form["file"].read() == b"\x00bytes\r\n--not-the-boundary"  # type: ignore[union-attr]
    assert form["file"].content_type == "video/mp4"  # type: ignore[union-attr]
