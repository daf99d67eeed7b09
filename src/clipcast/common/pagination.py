"""Pages of lists."""

from typing import Annotated, Any, Protocol

from pydantic import BaseModel, Field


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

    current_page: Annotated[int, Field(ge=1, description="The number of this page. Pages count from 1.")]
    total_pages: Annotated[int, Field(ge=0, description="The number of pages.", examples=[1])]
    total_count: Annotated[int, Field(ge=0, description="The number of rows on all pages.", examples=[1])]
    has_next_page: Annotated[bool, Field(description="Whether a page follows.")]
    has_previous_page: Annotated[bool, Field(description="Whether a page precedes.")]
    limit: Annotated[int, Field(ge=1, le=100, description="The most rows of a page.", examples=[20])]


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
