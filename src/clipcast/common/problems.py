"""Errors for callers, and the problems with the fields of a request that they list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

# A place in a body, such as a target's metadata, lists at most so many problems and says how many more there are.
PROBLEMS_MAX = 100


@dataclass(frozen=True)
class Problem:
    """`path` is a JSON pointer into the request body; `limit` and `actual` are given where they say something."""

    path: str
    code: str
    message: str
    limit: Any = None
    actual: Any = None
    docs_url: str | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {"path": self.path, "code": self.code, "message": self.message}
        optional = {"limit": self.limit, "actual": self.actual, "docs_url": self.docs_url}
        return shown | {key: value for key, value in optional.items() if value is not None}

    def under(self, prefix: str) -> "Problem":
        """The same problem, seen from further up in the body."""
        return Problem(prefix + self.path, self.code, self.message, self.limit, self.actual, self.docs_url)


class AppError(Exception):
    """An error for the caller: a stable `code`, a message, and the HTTP status that fits.

    The API sends it as a problem document (RFC 9457), to which `more` is added; the app shows its message.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[Problem] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.more = dict(more or {})


class ValidationFailed(AppError):
    """422 with every problem at once: the first PROBLEMS_MAX, and how many more there are."""

    def __init__(self, problems: list[Problem]) -> None:
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        more = len(problems) - PROBLEMS_MAX
        listed = f", of which the first {PROBLEMS_MAX} are listed" if more > 0 else ""
        super().__init__(
            422, "validation_failed", f"{count}{listed}; nothing was changed.",
            errors=problems[:PROBLEMS_MAX], more={"more_errors": more} if more > 0 else None,
        )  # fmt: skip


class NotFound(AppError):
    """404, also for what belongs to another workspace."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(404, "not_found", f"There is no {kind} {str(identifier)[:100]!r} in this workspace.")


class ProblemDetail(BaseModel):
    """One row of `errors`."""

    path: str = Field(description="A JSON pointer into the request's body.")
    code: str
    message: str
    limit: Any = None
    actual: Any = None
    docs_url: str | None = None
