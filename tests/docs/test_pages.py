"""The pages of the documentation fit together, and describe all settings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipcast.common.settings import OF_PLATFORMS, PREFIX, Settings
from clipcast.platforms.registry import declared
from clipcast.sdk import errors

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    broken = []
    for path, anchor in LINK.findall(re.sub(r"`[^`]*`", "", page.read_text())):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in set(_anchors(target))):
            broken.append(f"{path}#{anchor}" if anchor else path)
    assert not broken


def test_configuration_page_lists_every_setting() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    fields = {name.upper() for name in Settings.model_fields if name not in OF_PLATFORMS}
    names = fields | {name.upper() for name in declared().settings}
    missing = {name for name in names if f"`{PREFIX}{name}`" not in page}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|benchmarks|frontend)/[\w./-]+)`", page.read_text())
    missing = [path for path in named if "NAME" not in path and not (ROOT / path).exists()]
    assert not missing


def test_benchmarks_page_names_every_benchmark() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text().split("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", page.partition("the named ones:")[2].split("\n\n")[0]))
    keys = re.findall(r'^    "(\w+)": \w+\.measure,$', (ROOT / "benchmarks" / "__main__.py").read_text(), re.MULTILINE)
    assert named == set(keys)


def test_python_page_names_every_error_of_the_client() -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    names = {
        error.__name__ for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)
    }
    assert not {name for name in names - {"ApiError"} if not re.search(rf"\b{name}\b", page)}
