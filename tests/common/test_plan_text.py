"""The text of a plan: its encoding and its separator, as programs of tables write them."""

from pathlib import Path

import pytest

from clipcast.cli.client.plan import _with_edit_ids, files_of
from clipcast.common.plan_text import PlanText, Row
from clipcast.common.problems import ValidationFailed

PLAN = "files;to;text\na.mp4;@x;one, two\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_other_encoding_is_named(encoding: str) -> None:
    with pytest.raises(ValidationFailed) as raised:
        PlanText((PLAN + "é").encode(encoding))
    assert [problem.code for problem in raised.value.errors] == ["not_utf8"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line", ["sep={}\n", "SEP={}\r\n", '"sep={}"\r\n'])
def test_separator_that_excel_names_is_read(line: str, separator: str) -> None:
    rows = separator.join(("files", "to", "text\na.mp4", "@x", '"a;b,c\td"\n'))
    text = PlanText((line.format(separator) + rows).encode("utf-8-sig"))
    assert (text.columns, text.header_line) == (["files", "to", "text"], 2)
    assert list(text) == [Row(3, {"files": "a.mp4", "to": "@x", "text": "a;b,c\td"})]


def test_files_of_a_plan_with_a_named_separator_become_edit_ids_on_the_same_lines(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    content = ("sep=;\n" + PLAN).encode()
    found, problems = files_of(content, tmp_path)
    assert (list(found), problems) == (["a.mp4"], [])
    assert list(PlanText(_with_edit_ids(content, {"a.mp4": "e"}))) == [
        Row(3, {"to": "@x", "text": "one, two", "edit_id": "e"})
    ]


def test_text_that_only_looks_like_a_separator_is_a_column() -> None:
    with_column = PlanText(b"sep=x,to\n1,2\n")
    assert (with_column.columns, with_column.header_line) == (["sep=x", "to"], 1)


def test_nul_in_a_column_is_refused() -> None:
    with pytest.raises(ValidationFailed) as raised:
        PlanText(b"files,te\x00xt\na.mp4,one\n")
    [problem] = raised.value.errors
    assert (problem.code, problem.line) == ("forbidden_character", 1)
    assert problem.message == "A column's name contains the character NUL (U+0000). Remove it."
