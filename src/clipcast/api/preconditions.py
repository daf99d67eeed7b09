"""Conditional requests: `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

A version counts the changes of fields that callers may edit, not those of status and progress: a worker's progress must
not make an edit fail. Therefore `If-None-Match` is not supported: it would hide progress.
"""

import re

from fastapi import Request

from clipcast.common.problems import AppError
from clipcast.common.versions import IfMatch

HEADER = "If-Match"
# One entity tag of a list, with the separators before it: list elements may be empty.
TAG = re.compile(r'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')
SEPARATORS = re.compile(r"[ \t,]*")


async def if_match(request: Request) -> IfMatch | None:
    """Return the request's condition; None without one. Weak tags are valid, and match nothing (strong comparison).

    Raises AppError 400 for an invalid header: to ignore it would drop a condition that the caller set.
    """
    values = request.headers.getlist(HEADER)
    if not values:
        return None
    text = ",".join(values)
    if text.strip(" \t") == "*":
        return IfMatch(None)
    strong: set[str] = set()
    position = 0
    found = TAG.match(text)
    while found:
        if not found[1]:
            strong.add(found[2])
        position = found.end()
        found = TAG.match(text, position)
    rest = SEPARATORS.match(text, position)
    if position == 0 or rest is None or rest.end() != len(text):
        raise AppError(
            400,
            "if_match_invalid",
            f"{HEADER} must be *, or quoted entity tags separated by commas. Send the value of the ETag header of the "
            'response that you read, such as "3", with its quotes.',
        )
    return IfMatch(frozenset(strong), text)
