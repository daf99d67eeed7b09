"""Pages of lists."""

from typing import Any, Protocol

from pydantic import BaseModel


class Page(Protocol):
    """The page of a list that a caller asks for, from 1, with at most `limit` rows."""

    page: int
    limit: int

    @property
    def offset(self) -> int: ...


class Pagination(BaseModel):
    current_page: int
    total_pages: int
    total_count: int
    has_next_page: bool
    has_previous_page: bool
    limit: int


def pagination(page: Page, total: int) -> dict[str, Any]:
    """Where this page of a list of `total` rows stands."""
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
    """The answer of a list: the rows under `name`, and where this page stands."""
    return {name: rows, "pagination": pagination(page, total)}
