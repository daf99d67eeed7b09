"""The text of a plan, read row by row. Every fault has the number of its line."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from clipcast.common.problems import Problem, ValidationFailed
from clipcast.common.validation import pointer_part

BYTES_MAX = 10_000_000
ROWS_MAX = 10_000
SEPARATORS = ",;\t"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# The first line by which Excel names the separator.
DECLARATION = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A row with the number of its first line, and its cells by column, without empty ones."""

    line: int
    cells: dict[str, str]


def problem_at(line: int, column: str, code: str, message: str, limit: object = None, actual: object = None) -> Problem:
    """Return a problem of a cell. The column "" means the whole row."""
    path = f"/{line}/{pointer_part(column)}" if column else f"/{line}"
    return Problem(path, code, message, limit, actual, line=line, column=column or None)


class PlanText:
    """A plan's columns, and an iterator over its rows, with a problem in place of each row that cannot be read.

    The separator is the one of `,`, `;` and tab that a first line such as `sep=;` names, or that the first line has
    most often. Cells at the end of a row may be missing, except where the file ends. Raise ValidationFailed if the text
    is not UTF-8, or has no row of column names, or if one of these has a NUL.
    """

    def __init__(self, content: bytes) -> None:
        text = _decode(content)
        # Strict: a quote in a wrong place is reported instead of taken for text.
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text), strict=True)
        if declared_separator(text):
            next(self._reader)
        # The last line, if nothing ends it: the file may have been cut off there.
        self._cut_at = None if text.endswith(("\n", "\r")) else sum(1 for _ in io.StringIO(text, newline=""))
        self.line = 1
        self.columns: list[str] = []
        for found in self._read():
            if isinstance(found, Problem):
                raise ValidationFailed([found])
            self.columns = [name.strip() for name in found]
            break
        if any("\x00" in name for name in self.columns):
            message = "A column's name contains the character NUL (U+0000). Remove it."
            raise ValidationFailed([problem_at(self.line, "", "forbidden_character", message)])
        if not self.columns:
            message = "The plan is empty. Its first line names the columns, such as edit_id,to,text."
            raise ValidationFailed([problem_at(1, "", "plan_empty", message)])
        self.header_line = self.line

    def __iter__(self) -> Iterator[Row | Problem]:
        for number, found in enumerate(self._read(), 1):
            if number > ROWS_MAX:
                message = f"The plan has more than {ROWS_MAX} rows. Send the rows from here on as another plan."
                yield problem_at(self.line, "", "too_many_rows", message, ROWS_MAX)
                return
            yield found if isinstance(found, Problem) else self._row(found)

    def _row(self, cells: list[str]) -> Row | Problem:
        if len(cells) > len(self.columns):
            message = (
                f"The row has {len(cells)} cells, but there are {len(self.columns)} columns. "
                "Put a text with the separator in it between quotes."
            )
            return problem_at(self.line, "", "too_many_cells", message, len(self.columns), len(cells))
        if len(cells) < len(self.columns) and self._reader.line_num == self._cut_at:
            # It would be posted with half of its text, and at once without its time.
            missing = self.columns[len(cells)]
            message = (
                f"The file ends in this row, before {missing[:40]}. Save it again. If the row is whole, end it with a "
                "line break."
            )
            return problem_at(self.line, missing, "too_few_cells", message, len(self.columns), len(cells))
        # Excel leaves out the empty cells at the end of a row.
        filled = {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell.strip()}
        for name, cell in filled.items():
            if "\x00" in cell:
                message = "The text contains the character NUL (U+0000). Remove it."
                return problem_at(self.line, name, "forbidden_character", message)
        return Row(self.line, filled)

    def _read(self) -> Iterator[list[str] | Problem]:
        """Yield the rows that have a filled cell. `line` is the first line of the last one."""
        while True:
            self.line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._unreadable(str(error))
                continue
            if any(cell.strip() for cell in cells):
                yield cells

    def _unreadable(self, reason: str) -> Problem:
        if "field larger" in reason:
            message = f"A cell has more than {csv.field_size_limit()} characters. Shorten it, or close its quote."
            return problem_at(self.line, "", "too_long", message, csv.field_size_limit())
        if "unexpected end" in reason:
            message = "A quote opens in this row and is not closed. Close it. A quote inside a text is written twice."
            return problem_at(self.line, "", "quote_not_closed", message)
        message = "Text follows a closing quote. Put the whole cell in quotes, and write a quote inside it twice."
        return problem_at(self.line, "", "text_after_quote", message)


def separator_of(text: str) -> str:
    """Return the separator of a plan: the one that it declares, or that its first line has most often."""
    if declared := declared_separator(text):
        return declared
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(SEPARATORS, key=first.count)


def declared_separator(text: str) -> str | None:
    """Return the separator that the first line of a plan declares, such as `sep=;`; None without such a line."""
    found = DECLARATION.fullmatch(text.partition("\n")[0])
    return found and found[1]


def _decode(content: bytes) -> str:
    try:
        # In UTF-16, also without its mark, a letter of a column's name is one byte beside a zero.
        if content.startswith(UTF_16) or 0 in content[:2]:
            raise UnicodeDecodeError("utf-8", content, 0, 2, "")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = 'The plan is not UTF-8. Save it as UTF-8, which Excel calls "CSV UTF-8".'
        raise ValidationFailed([problem_at(line, "", "not_utf8", message)]) from None
