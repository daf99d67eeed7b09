"""Conditional requests: `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

A version counts the changes of what callers may edit. Progress and status change without it, so that an edit is never
refused because a worker was busy. That is why `If-None-Match` is not served: it would hide progress.
"""

import re

from fastapi import Request

from clipcast.common.problems import AppError
from clipcast.common.versions import IfMatch

HEADER = "If-Match"
# One entity tag of a list, and what may stand around it: list elements may be empty.
TAG = re.compile(r'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')
SEPARATORS = re.compile(r"[ \t,]*")


async def if_match(request: Request) -> IfMatch | None:
    """The request's condition; None without one. Weak tags are read, and match nothing (strong comparison).

    Raises AppError 400 for a header that cannot be read: a condition that was meant must not be passed over.
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
            f"{HEADER} must be *, or entity tags with their quotes, separated by commas. Send the ETag header of the "
            'response that you read as it is, such as "3".',
        )
    return IfMatch(frozenset(strong), text)
