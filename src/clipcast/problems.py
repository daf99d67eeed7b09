"""One problem with what a caller sent: the rows of `errors` in a 422, and of preflight."""

from dataclasses import dataclass
from typing import Any


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
