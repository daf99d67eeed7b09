"""The settings of an account's last post: which are offered again, and where they are filled in."""

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts
from clipcast.posts.last_settings import offer_again, still_offered

A, B, P = (
    SimpleNamespace(id=id, platform=platform)
    for id, platform in (("a", "linkedin"), ("b", "linkedin"), ("p", "pinterest"))
)
MEMBERS, CONTACTS = {"visibility": "LOGGED_IN"}, {"visibility": "CONNECTIONS"}
FIRST, SECOND = {"boardId": "1"}, {"boardId": "2"}
BOARDS = {
    "boardId": [{"id": "1", "title": "One"}, {"id": "2", "title": "Two"}],
    "boardSectionId": [{"id": "11", "title": "One: A", "boardId": "1"}],
}


def filled(accounts: list[Any], last: dict[str, Any], added: str, **content: Any) -> dict[str, Any]:
    """Return the settings of a draft after its accounts were added."""
    made = deepcopy(drafts.EMPTY) | content
    offer_again(made, accounts, last, set(added))
    return {name: made[name] for name in ("by_platform", "by_account", "own") if made[name]}


@pytest.mark.parametrize(
    ("accounts", "last", "added", "content", "expected"),
    [
        # Accounts that are added together, and agree, share the value in their platform's tab.
        ([A], {"a": CONTACTS}, "a", {}, {"by_platform": {"linkedin": CONTACTS}}),
        ([A, B], {"a": CONTACTS, "b": CONTACTS}, "ab", {}, {"by_platform": {"linkedin": CONTACTS}}),
        # Others have their own.
        ([A, B], {"a": CONTACTS, "b": {}}, "ab", {}, {"by_account": {"a": CONTACTS}, "own": ["a"]}),
        ([A, B], {"a": CONTACTS}, "ab", {}, {"by_account": {"a": CONTACTS}, "own": ["a"]}),
        # One that is added later has its own, also the default, beside what was offered for those before.
        (
            [A, B], {"a": CONTACTS, "b": {}}, "b", {"by_platform": {"linkedin": CONTACTS}},
            {"by_platform": {"linkedin": CONTACTS}, "by_account": {"b": {"visibility": "PUBLIC"}}, "own": ["b"]},
        ),
        ([A, B], {"b": MEMBERS}, "b", {}, {"by_account": {"b": MEMBERS}, "own": ["b"]}),
        # What was chosen in this draft holds for it, too.
        (
            [A, B], {"a": CONTACTS, "b": CONTACTS}, "b", {"by_platform": {"linkedin": MEMBERS}},
            {"by_platform": {"linkedin": MEMBERS}},
        ),
        ([A, B], {"a": CONTACTS, "b": CONTACTS}, "b", {}, {}),
        # What a template says wins.
        ([A], {"a": CONTACTS}, "a", {"by_platform": {"linkedin": MEMBERS}}, {"by_platform": {"linkedin": MEMBERS}}),
        ([P], {"p": FIRST}, "p", {"by_account": {"p": SECOND}}, {"by_account": {"p": SECOND}}),
        # Also if that is the default, or nothing.
        (
            [A, B], {"a": CONTACTS}, "ab", {"by_platform": {"linkedin": {"visibility": "PUBLIC"}}},
            {"by_platform": {"linkedin": {"visibility": "PUBLIC"}}},
        ),
        (
            [P], {"p": FIRST | {"boardSectionId": "11"}}, "p", {"by_account": {"p": SECOND | {"boardSectionId": None}}},
            {"by_account": {"p": SECOND | {"boardSectionId": None}}},
        ),
        # A board is always the account's own.
        ([P], {"p": FIRST}, "p", {}, {"by_account": {"p": FIRST}}),
        # Accounts that were there before keep what they have.
        ([P], {"p": FIRST}, "", {}, {}),
    ],
)  # fmt: skip
def test_last_settings_are_filled_in_for_added_accounts(
    accounts: list[Any], last: dict[str, Any], added: str, content: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert filled(accounts, last, added, **deepcopy(content)) == expected


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({"boardId": "1", "boardSectionId": "11"}, {"boardId": "1", "boardSectionId": "11"}),
        ({"boardId": "2", "boardSectionId": "11"}, {"boardId": "2"}),
        ({"boardId": "3", "boardSectionId": "11"}, {}),
    ],
)
def test_settings_that_the_account_no_longer_offers_are_left_out(
    settings: dict[str, Any], offered: dict[str, Any]
) -> None:
    assert still_offered(PLATFORMS["pinterest"].metadata, settings, BOARDS) == offered
    assert still_offered(PLATFORMS["pinterest"].metadata, settings, {}) == {}
