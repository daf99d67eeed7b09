"""Errors for callers, and the problems with single fields that they list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field

# A part of a body, such as a target's metadata, lists at most this many problems and counts the rest.
PROBLEMS_MAX = 100


@dataclass(frozen=True)
class Problem:
    """A problem with one field. `path` is a JSON pointer into the body; `limit` and `actual` are optional.

    A problem of a CSV has the number of its line, and the name of its column if one cell is wrong.
    """

    path: str
    code: str
    message: str
    limit: Any = None
    actual: Any = None
    docs_url: str | None = None
    line: int | None = None
    column: str | None = None
    # Of `duplicate_content`: the earlier post (EarlierPost).
    earlier: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as JSON, without empty optional fields."""
        shown = {"path": self.path, "code": self.code, "message": self.message}
        names = ("limit", "actual", "docs_url", "line", "column", "earlier")
        optional = {name: getattr(self, name) for name in names}
        return shown | {key: value for key, value in optional.items() if value is not None}

    def under(self, prefix: str) -> "Problem":
        """Return the same problem with `prefix` before its path."""
        return replace(self, path=prefix + self.path)


class AppError(Exception):
    """An error for the caller: a stable `code`, a message and an HTTP status.

    The API sends it as a problem document (RFC 9457) with the fields of `more`. The app shows its message.
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
    """422 with the first PROBLEMS_MAX problems, and the number of further ones."""

    def __init__(self, problems: list[Problem]) -> None:
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        more = len(problems) - PROBLEMS_MAX
        listed = f", of which the first {PROBLEMS_MAX} are listed" if more > 0 else ""
        super().__init__(
            422, "validation_failed", f"{count}{listed}; nothing was changed.",
            errors=problems[:PROBLEMS_MAX], more={"more_errors": more} if more > 0 else None,
        )  # fmt: skip


class NotFound(AppError):
    """404 for an object that does not exist or belongs to another workspace."""

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(404, "not_found", f"There is no {kind} {str(identifier)[:100]!r} in this workspace.")


class EarlierPost(BaseModel):
    """The post with the same clip and words for the same account."""

    post_id: str = Field(description="Its id.", json_schema_extra={"format": "uuid"})
    item_id: str = Field(description="The id of its item for the account.", json_schema_extra={"format": "uuid"})
    account: str = Field(description="The account.", examples=["bluesky:@harbour.films"])
    at: str = Field(description="When it was or will be published.", json_schema_extra={"format": "date-time"})
    status: str = Field(description="The status of the item.", examples=["published"])


class ProblemDetail(BaseModel):
    """One entry of `errors`."""

    path: str = Field(description="A JSON pointer into the request's body.", examples=["/videos/0/editId"])
    code: str = Field(description="The stable code of the problem.", examples=["not_found"])
    message: str = Field(
        description="What is wrong, and what to do.", examples=["There is no render '0198' in this workspace."]
    )
    limit: Any = Field(None, description="The limit that the value exceeds, or the values that are accepted.")
    actual: Any = Field(None, description="The value, or its size in the unit of `limit`.")
    docs_url: str | None = Field(None, description="A page about the problem.")
    line: int | None = Field(None, description="Of a CSV: the first line of the row.")
    column: str | None = Field(None, description="Of a CSV: the name of the column. Left out: the whole row.")
    earlier: EarlierPost | None = Field(None, description="Of `duplicate_content`: the earlier post.")
