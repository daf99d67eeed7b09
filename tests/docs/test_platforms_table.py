"""The page of the platforms' rules is made from the rules."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    made = runpy.run_path(str(DOCS / "platforms_table.py"))["page"]()
    assert (DOCS / "platforms.md").read_text() == made, "run `make docs`"
