"""The text of a plan: its encoding and its separator, as programs of tables write them."""

from pathlib import Path

import pytest

from clipcast.cli.client.plan import _with_edit_ids, files_of
from clipcast.common.plan_text import PlanText, Row
from clipcast.common.problems import Problem, ValidationFailed

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


def test_rows_without_files_keep_their_cells_beside_edit_ids() -> None:
    content = b"files,url,to\na.mp4,,@x\n,https://example.org/b.mp4,@x\n"
    assert list(PlanText(_with_edit_ids(content, {"a.mp4": "e"}))) == [
        Row(2, {"to": "@x", "edit_id": "e"}),
        Row(3, {"url": "https://example.org/b.mp4", "to": "@x"}),
    ]


def test_row_in_which_the_file_ends_is_a_problem_and_has_no_files(tmp_path: Path) -> None:
    content = b'files,to,text,at\nb.mp4,@x,Hello,\n\na.mp4,@x,"Hel\nlo"'
    whole, short = PlanText(content)
    assert whole == Row(2, {"files": "b.mp4", "to": "@x", "text": "Hello"})
    assert isinstance(short, Problem)
    assert (short.line, short.column, short.code, short.limit, short.actual) == (4, "at", "too_few_cells", 4, 3)
    assert short.message == (
        "The file ends in this row, before at. Save it again. If the row is whole, end it with a line break."
    )
    (tmp_path / "b.mp4").write_bytes(b"x")
    assert list(files_of(content, tmp_path)[0]) == ["b.mp4"]


def test_empty_cells_at_the_end_of_a_row_may_be_missing() -> None:
    """Excel leaves them out."""
    content = b"files,to,text,at\nb.mp4,@x,Hello\na.mp4,@x\n"
    first, second = PlanText(content)
    assert first == Row(2, {"files": "b.mp4", "to": "@x", "text": "Hello"})
    assert second == Row(3, {"files": "a.mp4", "to": "@x"})
    assert list(PlanText(content.rstrip() + b",,"))[1] == second
    assert list(PlanText(_with_edit_ids(content, {"a.mp4": "1", "b.mp4": "2"}))) == [
        Row(2, {"to": "@x", "text": "Hello", "edit_id": "2"}),
        Row(3, {"to": "@x", "edit_id": "1"}),
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
