"""The page about notices names what members are told by default, as the page of their choices does."""

import re
from pathlib import Path

from clipcast.notices.words import DEFAULT_ROLES, EVENTS, defaults_of

PAGE = (Path(__file__).parents[2] / "docs" / "notices.md").read_text()
ROWS = re.findall(r"^\| (.+) \| (.+) \|$", PAGE.split("| event | by default |\n")[1].split("\n\n")[0], re.MULTILINE)
# The roles of a row, as it names them.
ROLES = {"owners": "owner", "editors": "editor", "reviewers": "reviewer", "whoever chooses it": None}


def test_page_names_what_members_are_told_by_default() -> None:
    told: dict[str, set[str]] = {role: set() for role in DEFAULT_ROLES}
    unchosen = []
    for names, roles in ROWS[1:]:
        for name in names.split("; "):
            for role in re.split(r", | and ", roles):
                if (key := ROLES[role]) is None:
                    unchosen.append(name)
                else:
                    told[key].add(name.partition(":")[0])
    assert told == {role: {EVENTS[type].choice for type in defaults_of(role)} for role in DEFAULT_ROLES}
    choices = {words.choice for words in EVENTS.values() if words.type not in defaults_of("owner")} | {"others"}
    assert unchosen
    assert set(unchosen) <= choices
