"""Structured log lines on standard error: readable on a terminal, JSON elsewhere."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

import structlog

from clipcast.common.plugins import Skipped

# The DETAIL field of a PostgreSQL error, which contains values of rows. It ends where the next field begins.
DETAIL = re.compile(
    r"DETAIL:.*?(?=\n\s*(?:HINT|CONTEXT|QUERY):|\n\[SQL|\n\nThe above |\n\nDuring handling |\Z)", re.DOTALL
)
PARAMETERS = re.compile(r"\[parameters: .*?\](?=\n|\Z)", re.DOTALL)


def configure(level: str) -> None:
    """Configure structlog and the standard library's logging for this process."""
    on_terminal = sys.stderr.isatty()
    # Rich tracebacks would show local variables, which hold tokens and passwords.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_values,
            console if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log warnings only: their info lines can contain addresses with credentials.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _scrubbed(super().format(record))


def without_values(_: Any, __: str, event: Any) -> Any:
    """Remove the values of rows (e-mail addresses, tokens, captions) that database errors contain from each text."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _scrubbed(value)
    return event


def _scrubbed(text: str) -> str:
    if "DETAIL:" not in text and "[parameters:" not in text:
        return text
    return PARAMETERS.sub("[parameters: not logged]", DETAIL.sub("DETAIL: not logged", text))


def log_skipped(skipped: Iterable[Skipped]) -> None:
    """Write one line for each plugin that Clipcast does not use."""
    log = structlog.get_logger()
    for one in skipped:
        log.error("plugin_skipped", plugin=one.name, source=one.source, reason=one.reason)
