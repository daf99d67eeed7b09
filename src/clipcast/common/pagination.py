"""Pages of lists."""

from typing import Any, Protocol

from pydantic import BaseModel


class Page(Protocol):
    """The page of a list that a caller requests. Pages count from 1 and have at most `limit` rows."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """The number of rows before this page."""
        ...


class Pagination(BaseModel):
    """The position of a page in its list."""

    current_page: int
    total_pages: int
    total_count: int
    has_next_page: bool
    has_previous_page: bool
    limit: int


def pagination(page: Page, total: int) -> dict[str, Any]:
    """Return the position of this page in a list of `total` rows."""
    pages = -(-total // page.limit)
    return {
        "current_page": page.page,
        "total_pages": pages,
        "total_count": total,
        "has_next_page": page.page < pages,
        "has_previous_page": page.page > 1,
        "limit": page.limit,
    }


def paged(name: str, rows: list[Any], page: Page, total: int) -> dict[str, Any]:
    """Return the response of a list: the rows under `name`, and the position of this page."""
    return {name: rows, "pagination": pagination(page, total)}
