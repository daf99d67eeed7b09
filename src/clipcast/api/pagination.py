"""Pages of lists."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]


class PageParams:
    """The query parameters of every list."""

    def __init__(
        self,
        page: PageNumber = 1,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> None:
        self.page = page
        self.limit = limit

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class Pagination(BaseModel):
    current_page: int
    total_pages: int
    total_count: int
    has_next_page: bool
    has_previous_page: bool
    limit: int


def pagination(page: PageParams, total: int) -> dict[str, Any]:
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


def paged(name: str, rows: list[Any], page: PageParams, total: int) -> dict[str, Any]:
    """The answer of a list: the rows under `name`, and where this page stands."""
    return {name: rows, "pagination": pagination(page, total)}
