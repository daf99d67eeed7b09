"""Passwords: argon2id, and a check that refuses those that are guessed first."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

LENGTH_MIN = 10
# What zxcvbn is given; longer passwords are as good as their beginning, and it takes time squared.
LENGTH_JUDGED = 72
LENGTH_MAX = 1000
# zxcvbn's "safely unguessable": 10^8 guesses and more.
SCORE_MIN = 3

# The library's defaults are the parameters of RFC 9106 for little memory.
_hasher = PasswordHasher()
# Compared with when there is no such person, so that the answer takes as long as for one that exists.
_nobody = _hasher.hash("nobody")


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
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; as slow when there is no hash to compare it with."""
    try:
        await asyncio.to_thread(_hasher.verify, password_hash or _nobody, password[:LENGTH_MAX])
    except (VerifyMismatchError, InvalidHashError):
        return False
    return password_hash is not None
