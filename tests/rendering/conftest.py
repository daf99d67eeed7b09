"""The table of files and platforms that `make conform` prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.rendering.conform import PUBLISHED
from tests.rendering.corpus_files import FILES

Outcomes = Mapping[str, Sequence[str]]
NARROW = 12


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Say after each file on how many platforms it was published."""
    outcomes = _outcomes(report)
    if outcomes is None:
        return None
    word = f"{report.outcome.upper()} {_published(outcomes)} of {len(outcomes)} platforms"
    return report.outcome, "." if report.passed else "F", word


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what became of each file on each platform, and the sum of the published pairs."""
    order = list(FILES)
    named = {
        report.nodeid.partition("[")[2].rstrip("]"): outcomes
        for status in ("passed", "failed")
        for report in terminalreporter.stats.get(status, [])
        if (outcomes := _outcomes(report)) is not None
    }
    found = {name: named[name] for name in sorted(named, key=order.index)}
    if found:
        terminalreporter.section("files and platforms")
        for line in table(found):
            terminalreporter.write_line(line)


def table(found: Mapping[str, Outcomes]) -> Iterator[str]:
    """Yield the lines of a table with a column for each platform, and of its legend."""
    platforms = sorted(next(iter(found.values())))
    width = max(map(len, found))
    reasons: dict[tuple[str, ...], int] = {}
    yield " " * width + "".join(f"  {platform:<{NARROW}}" for platform in platforms)
    for name, outcomes in found.items():
        cells = []
        for platform in platforms:
            action, *codes = outcomes[platform]
            number = f" {reasons.setdefault(tuple(codes), len(reasons) + 1)}" if codes else ""
            cells.append(f"  {action + number:<{NARROW}}")
        yield f"{name:<{width}}" + "".join(cells)
    yield ""
    yield from (f"{number:>3}  {', '.join(codes)}" for codes, number in reasons.items())
    yield ""
    pairs = [outcome for outcomes in found.values() for outcome in outcomes.values()]
    for action in sorted({action for action, *_ in pairs}):
        yield f"{action:<{NARROW}} {sum(one[0] == action for one in pairs)}"
    yield f"Published pairs: {sum(map(_published, found.values()))} of {len(pairs)}"


def _published(outcomes: Outcomes) -> int:
    return sum(action in PUBLISHED for action, *_ in outcomes.values())


def _outcomes(report: Any) -> Outcomes | None:
    """Return the outcomes that a test of test_conform.py recorded."""
    properties = dict(getattr(report, "user_properties", ())) if getattr(report, "when", None) == "call" else {}
    return properties.get("outcomes")
