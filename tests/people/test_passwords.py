"""Hashes of passwords, and the passwords that are rejected as weak."""

import pytest

from clipcast.people import passwords
from clipcast.people.passwords import LENGTH_MAX, LENGTH_MIN, hashed, matches, weakness

STRONG = "copper-lantern-47-orchid"


async def test_hash_of_password_is_salted_and_matches_only_that_password() -> None:
    """Two hashes of one password differ, contain no password, and accept it alone."""
    first, second = await hashed(STRONG), await hashed(STRONG)
    assert first != second
    assert STRONG not in first
    for stored in (first, second):
        assert await matches(stored, STRONG)
        assert not await matches(stored, STRONG + " ")
        assert not await matches(stored, STRONG.upper())


async def test_unknown_user_is_checked_against_a_dummy_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown user costs one verification, as an existing one does, and no password matches."""
    stored, verified = await hashed(STRONG), []

    class Recorder:
        def hash(self, password: str) -> str:
            return stored

        def verify(self, password_hash: str, password: str) -> bool:
            verified.append((password_hash, password))
            return True

    passwords._nobody.cache_clear()
    monkeypatch.setattr(passwords, "_hasher", Recorder)
    try:
        assert not await matches(None, "nobody")
        assert await matches(stored, STRONG)
    finally:
        passwords._nobody.cache_clear()
    assert verified == [(stored, "nobody"), (stored, STRONG)]


HASH = "$argon2id$v=19$m=65536,t=3,p=4$"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the events of the log."""
    events: list[str] = []

    class Log:
        def error(self, event: str, **details: str) -> None:
            events.append(event)

    monkeypatch.setattr(passwords, "log", Log())
    return events


@pytest.mark.parametrize(
    "stored",
    [
        "-",
        "plain text",
        "päßword",
        HASH,
        HASH + "c2FsdHNhbHQ",
        HASH + "c2FsdHNhbHQ$",
        HASH + "*$*",
        HASH.replace("m=65536", "m=1") + "c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
    ],
)
async def test_damaged_hash_matches_nothing_and_is_logged(stored: str, logged: list[str]) -> None:
    """A user without a valid hash cannot sign in, the check raises no error, and the operator can find the cause."""
    assert not await matches(stored, stored)
    assert not await matches(stored, STRONG)
    assert logged == ["password_hash_damaged"] * 2


async def test_user_without_a_hash_matches_nothing(logged: list[str]) -> None:
    assert not await matches("", "")
    assert not await matches(None, "")
    assert logged == []


async def test_very_long_password_is_cut_before_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request with a huge password costs no more than one of the maximum length."""
    checked = []

    class Recorder:
        def hash(self, password: str) -> str:
            return "-"

        def verify(self, password_hash: str, password: str) -> bool:
            checked.append(len(password))
            return True

    monkeypatch.setattr(passwords, "_hasher", Recorder)
    await matches("-", "x" * 1_000_000)
    assert checked == [LENGTH_MAX]


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", f"too short: 0 characters, minimum {LENGTH_MIN}"),
        ("kV7-tq9!x", f"too short: 9 characters, minimum {LENGTH_MIN}"),
        ("kV7-tq9!x" * 200, f"too long: 1800 characters, maximum {LENGTH_MAX}"),
    ],
)
def test_password_of_wrong_length_is_weak_with_actual_length_and_limit(password: str, message: str) -> None:
    """The message names the length that the password has and the one that it needs."""
    assert message in str(weakness(password, []))


def test_personal_words_make_a_password_weak() -> None:
    """A password from the user's own name is weak for that user, and acceptable for others."""
    password = "lindqvist-2026"
    assert weakness(password, []) is None
    assert "easy to guess" in str(weakness(password, ["lindqvist"]))


def test_weak_password_gets_advice_in_sentences() -> None:
    """The message is a sequence of sentences that each end with one period."""
    message = str(weakness("aaaaaaaaaaaa", []))
    assert message.startswith("The password is easy to guess. ")
    assert message.endswith(".")
    assert ".." not in message


def test_strong_passwords_of_any_length_are_accepted() -> None:
    """The minimum and the maximum length are themselves allowed."""
    for password in ("kV7-tq9!xZ", STRONG, STRONG + "x" * (LENGTH_MAX - len(STRONG))):
        assert weakness(password, ["owner", "owner@example.org"]) is None, len(password)
