"""Sentences of the documentation are short enough to be read once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The platforms' own pages list many facts in a row.
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md")])
MOST_WORDS = 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_have_at_most_25_words(page: Path) -> None:
    assert not [sentence for sentence in _sentences(page.read_text()) if _words(sentence) > MOST_WORDS]


def test_sentences_are_counted_without_code_and_addresses() -> None:
    text = "One [two three](https://example.org/a-b). Four `x` five.\n\n| six | seven |\n- eight\n```\nnine ten\n```\n"
    assert [_words(sentence) for sentence in _sentences(text)] == [3, 2, 1, 1, 1]


def _sentences(text: str) -> Iterator[str]:
    """Yield the sentences of paragraphs, list items, headings and cells, without blocks of code."""
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "`", text)
    for block in re.split(r"\n\s*\n|\n(?=\s*[-*|#] ?|\s*\d+\. )", text):
        cells = block.split("|") if block.strip().startswith("|") else [block]
        for cell in cells:
            yield from filter(_words, re.split(r"(?<=[.!?:;])\s+", cell))


def _words(sentence: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())
