"""Conditional requests: `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

A version counts the changes of what callers may edit. Progress and status change without it, so that an edit is never
refused because a worker was busy. That is why `If-None-Match` is not served: it would hide progress.
"""

import re
from dataclasses import dataclass

from fastapi import Request

from clipcast.api.problems import ApiError

HEADER = "If-Match"
# One entity tag of a list, and what may stand around it: list elements may be empty.
TAG = re.compile(r'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')
SEPARATORS = re.compile(r"[ \t,]*")


class VersionMismatch(ApiError):
    """412: somebody has changed it since the caller read it."""

    def __init__(self, kind: str, version: int, expected: str) -> None:
        super().__init__(
            412,
            "version_mismatch",
            f"The {kind} was changed meanwhile: its version is {version}, If-Match names {expected[:100]}. Nothing was "
            "changed.",
            headers={"ETag": etag_of(version)},
            more={
                "fix": f"Read the {kind} again, apply your change to it, and send that with the ETag of the response.",
                "version": version,
            },
        )


@dataclass(frozen=True)
class IfMatch:
    """The versions for which a change is meant. `tags` is None for any (`*`)."""

    tags: frozenset[str] | None
    text: str = "*"

    def check(self, kind: str, version: int) -> None:
        """Raises VersionMismatch unless the version is one of these."""
        if self.tags is not None and etag_of(version) not in self.tags:
            raise VersionMismatch(kind, version, self.text)


def etag_of(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def if_version(version: int | None) -> IfMatch | None:
    """The condition of a page that shows this version; None where it shows none."""
    return None if version is None else IfMatch(frozenset({etag_of(version)}), etag_of(version))


async def if_match(request: Request) -> IfMatch | None:
    """The request's condition; None without one. Weak tags are read, and match nothing (strong comparison).

    Raises ApiError 400 for a header that cannot be read: a condition that was meant must not be passed over.
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
        raise ApiError(
            400,
            "if_match_invalid",
            f"{HEADER} must be *, or entity tags with their quotes, separated by commas. Send the ETag header of the "
            'response that you read as it is, such as "3".',
        )
    return IfMatch(frozenset(strong), text)
