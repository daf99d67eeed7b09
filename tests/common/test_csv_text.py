"""Cells of CSV files."""

import pytest

from clipcast.common.csv_text import plain_cell, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-20 %", "@harbour", "\t=1", "＝1", "'=1", "''@x", "\n=2"])
def test_cell_that_would_be_a_formula_is_text_and_comes_back(text: str) -> None:
    cell = safe_cell(text)
    assert cell == "'" + text
    assert plain_cell(cell) == text


@pytest.mark.parametrize("text", ["Hello", "", "'tis 5", "#harbour", "5 = 5", "'"])
def test_other_cell_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text
    assert plain_cell(text) == text


def test_nothing_is_an_empty_cell() -> None:
    assert safe_cell(None) == ""
    assert safe_cell(5) == "5"
