"""The API's endpoints of credits, which Clipcast does not have: callers that check them always find enough."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from clipcast.api.auth import Caller, identify
from clipcast.api.pagination import PageParams
from clipcast.clips.schemas import CREDITS
from clipcast.common.pagination import Pagination, paged

router = APIRouter(tags=["Workspace"])

AnyCaller = Annotated[Caller, Depends(identify)]


class Balance(BaseModel):
    """The constant balance of a self-hosted installation."""

    balance: Annotated[int, Field(description="Always the same number: there are no credits.", examples=[1_000_000])]
    credits: Annotated[int, Field(description="The same number.", examples=[1_000_000])]
    current_balance: Annotated[int, Field(description="The same number.", examples=[1_000_000])]


class BalanceHistory(BaseModel):
    """The empty history of the balance."""

    history: Annotated[list[dict[str, Any]], Field(description="Always empty.", examples=[[]])]
    pagination: Annotated[Pagination, Field(description="The position of the page.")]


@router.get("/balance", operation_id="getBalance", summary="Get the balance", response_model=Balance)
async def get_balance(caller: AnyCaller) -> Any:
    """Return the constant balance. Nothing that Clipcast does costs credits."""
    amount = CREDITS["current_balance"]
    return {"balance": amount, "credits": amount, "current_balance": amount}


@router.get(
    "/balance/history",
    operation_id="listBalanceHistory",
    summary="List the balance's history",
    response_model=BalanceHistory,
)
async def list_balance_history(
    caller: AnyCaller,
    page: Annotated[PageParams, Depends()],
    type: Annotated[str | None, Query(max_length=100, description="Accepted, without effect.")] = None,
    reference_type: Annotated[str | None, Query(max_length=100, description="Accepted, without effect.")] = None,
) -> Any:
    """Return an empty history: nothing that Clipcast does costs credits."""
    return paged("history", [], page, 0)
