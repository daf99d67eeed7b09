"""If-Match as RFC 9110 has it."""

import pytest
from starlette.requests import Request

from clipcast.api.preconditions import if_match
from clipcast.common.problems import AppError
from clipcast.common.versions import VersionMismatch


async def matches(version: int, *lines: str) -> bool:
    """Whether a request with these If-Match lines is meant for the version."""
    headers = [(b"if-match", line.encode("latin-1")) for line in lines]
    condition = await if_match(Request({"type": "http", "method": "PATCH", "headers": headers}))
    if condition is None:
        return True
    try:
        condition.check("post", version)
    except VersionMismatch:
        return False
    return True


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), True),
        (("*",), True),
        ((" * ",), True),
        (('"3"',), True),
        (('"2"',), False),
        (('"2", "3"',), True),
        (('"2","3"',), True),
        ((',, "2" ,, "3" ,',), True),
        (('"2"', '"3"'), True),
        # Weak tags never match: the comparison is the strong one.
        (('W/"3"',), False),
        (('W/"3", "3"',), True),
        # A tag is opaque: a comma is a part of it, and it is compared whole.
        (('"2,3"',), False),
        (('"03"',), False),
        (('""',), False),
        (('"\xfc"',), False),
    ],
)
async def test_if_match_names_versions(lines: tuple[str, ...], expected: bool) -> None:
    assert await matches(3, *lines) is expected


@pytest.mark.parametrize(
    "line", ["", " ", ",", "3", "'3'", '"3', '3"', 'w/"3"', 'W/ "3"', '"2" "3"', '*, "3"', '"3", *', '"3";x']
)
async def test_invalid_if_match_returns_400(line: str) -> None:
    """Ignoring an invalid If-Match would drop a condition that the caller set."""
    with pytest.raises(AppError) as raised:
        await matches(3, line)
    assert (raised.value.status, raised.value.code) == (400, "if_match_invalid")
