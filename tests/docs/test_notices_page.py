"""The page about notices names what members are told by default, as the page of their choices does."""

import re
from pathlib import Path

from clipcast.notices.words import EVENTS

PAGE = Path(__file__).parents[2] / "docs" / "notices.md"
ROW = re.compile(r"^\| (.+) \| (owners and editors|owners) \|$", re.MULTILINE)


def test_page_names_what_members_are_told_by_default() -> None:
    told = {
        name.partition(":")[0]: roles for names, roles in ROW.findall(PAGE.read_text()) for name in names.split("; ")
    }
    assert told == {
        words.choice: "owners" if words.owners_only else "owners and editors"
        for words in EVENTS.values()
        if words.by_default
    }
