"""Pagination of lists."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from clipcast.api.numbers import PLAIN_WHOLE

PageNumber = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000)],
    PLAIN_WHOLE,
    Query(description="The number of the page. Pages count from 1."),
]


class PageParams:
    """The query parameters of every list."""

    def __init__(
        self,
        page: PageNumber = 1,
        limit: Annotated[
            Annotated[int, Field(ge=1, le=100)], PLAIN_WHOLE, Query(description="The most rows of a page.")
        ] = 20,
    ) -> None:
        self.page = page
        self.limit = limit

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit
