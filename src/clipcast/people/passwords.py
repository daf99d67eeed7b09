"""Passwords: argon2id, and a check that refuses those that are guessed first."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LENGTH_MIN = 10
# What zxcvbn is given; longer passwords are as good as their beginning, and it takes time squared.
LENGTH_JUDGED = 72
LENGTH_MAX = 1000
# zxcvbn's "safely unguessable": 10^8 guesses and more.
SCORE_MIN = 3


@cache
def _hasher() -> PasswordHasher:
    """With the library's defaults, which are the parameters of RFC 9106 for little memory."""
    from argon2 import PasswordHasher  # what an API starts with is kept small

    return PasswordHasher()


@cache
def _nobody() -> str:
    """Compared with when there is no such person, so that the answer takes as long as for one that exists."""
    return _hasher().hash("nobody")


def weakness(password: str, known: list[str]) -> str | None:
    """What is wrong with a password, and what helps; None when it is strong. `known` are words about its owner."""
    if len(password) < LENGTH_MIN:
        return f"At least {LENGTH_MIN} characters; this has {len(password)}."
    if len(password) > LENGTH_MAX:
        return f"At most {LENGTH_MAX} characters."
    from zxcvbn import zxcvbn  # its word lists take a moment, and few processes ever need them

    found = zxcvbn(password[:LENGTH_JUDGED], user_inputs=known)
    if found["score"] >= SCORE_MIN:
        return None
    advice = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
    return " ".join(["This is easy to guess.", *(text.rstrip(".") + "." for text in advice if text)])


async def hashed(password: str) -> str:
    """The hash to keep."""
    return await asyncio.to_thread(_hasher().hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; as slow when there is no hash to compare it with."""
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    try:
        await asyncio.to_thread(lambda: _hasher().verify(password_hash or _nobody(), password[:LENGTH_MAX]))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None
