"""Passwords: argon2id hashes, and a check that rejects passwords that are easy to guess."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from argon2 import PasswordHasher

log = structlog.get_logger()

LENGTH_MIN = 10
# zxcvbn checks this many characters: its time grows with the square, and a strong beginning is enough.
LENGTH_JUDGED = 72
LENGTH_MAX = 1000
# zxcvbn's "safely unguessable": 10^8 guesses and more.
SCORE_MIN = 3


@cache
def _hasher() -> PasswordHasher:
    """Return a hasher with the library's defaults, which are RFC 9106's parameters for little memory."""
    # Imported late, so that the API starts with less memory.
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """Return a dummy hash: a check for an unknown user must take as long as for an existing one."""
    return _hasher().hash("nobody")


def weakness(password: str, personal_words: list[str]) -> str | None:
    """Return the problem of a weak password, with advice, or None. `personal_words` are guesses about its owner."""
    if len(password) < LENGTH_MIN:
        return f"The password is too short: {len(password)} characters, minimum {LENGTH_MIN}. Choose a longer one."
    if len(password) > LENGTH_MAX:
        return f"The password is too long: {len(password)} characters, maximum {LENGTH_MAX}. Choose a shorter one."
    # Imported late: its word lists load slowly, and few processes need them.
    from zxcvbn import zxcvbn

    found = zxcvbn(password[:LENGTH_JUDGED], user_inputs=personal_words)
    if found["score"] >= SCORE_MIN:
        return None
    advice = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
    return " ".join(["The password is easy to guess.", *(text.rstrip(".") + "." for text in advice if text)])


async def hashed(password: str) -> str:
    """Return the hash to store."""
    return await asyncio.to_thread(_hasher().hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Return whether this is the password of the hash. Without a hash, return False after the same time.

    A damaged hash matches no password, and is logged.
    """
    from argon2.exceptions import VerificationError, VerifyMismatchError

    try:
        await asyncio.to_thread(lambda: _hasher().verify(password_hash or _nobody(), password[:LENGTH_MAX]))
    except VerifyMismatchError:
        return False
    except (VerificationError, ValueError) as error:
        log.error("password_hash_damaged", error=type(error).__name__)
        return False
    return password_hash is not None
