"""`make docs` writes the generated pages; each shows what the code does now."""

import runpy
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

import pytest

from clipcast.platforms import errors

DOCS = Path(__file__).parents[2] / "docs"
GENERATOR = runpy.run_path(str(DOCS / "generate"))
error_codes = GENERATOR["error_codes"]


@pytest.mark.parametrize("name", GENERATOR["PAGES"])
def test_generated_page_is_up_to_date(name: str) -> None:
    if (DOCS / name).read_text() != GENERATOR["PAGES"][name]():
        pytest.fail(f"docs/{name} differs from the code. Run `make docs` and commit the page.", False)


def test_error_codes_page_lists_every_code_of_the_sources() -> None:
    listed = {
        line.split("`")[1] for line in (DOCS / "error-codes.md").read_text().splitlines() if line.startswith("| `")
    }
    uses = error_codes.sources.collect().uses
    assert len(uses) > 400
    missing = {use.code for use in uses if not any(fnmatchcase(code, use.code) for code in listed)}
    assert not missing, "explain these in docs/generate/error_codes.toml, then run `make docs`"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('raise InvalidRequest("new_code", "A text.")', "explain new_code in [item] of error_codes.toml"),
        ('raise InvalidRequest(code="new_" + kind, message="A text.")', "explain new_* in [item]"),
        ("raise InvalidRequest(made_up(), 'A text.')", "made_up(): this code cannot be read"),
    ],
)
def test_code_without_meaning_or_text_is_reported(source: str, expected: str) -> None:
    module = ModuleType("clipcast.invented")
    vars(module).update(vars(errors))
    found = error_codes.sources.collect()
    error_codes.sources.read(module, source, found)
    [reported] = error_codes.check(found)
    assert expected in reported
