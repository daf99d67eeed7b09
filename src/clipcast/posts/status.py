"""A post's status. It is derived from the items and not stored, so that it cannot contradict them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from sqlalchemy import ColumnElement, String, case, func, literal

from clipcast.common.schemas import Meanings
from clipcast.database.models.jobs import JobState
from clipcast.database.models.posts import Item

PostStatus = Literal["pending", "processing", "completed", "partial", "failed"]
STATUS_MEANINGS = Meanings(
    {
        "pending": "All items wait for the post's time.",
        "processing": "Some items are under way, or some are done and some wait.",
        "completed": "All items are published.",
        "partial": "All items ended: some published, some failed.",
        "failed": "All items ended, and none is published.",
    }
)

# Classes of errors after which an item waits for its next attempt, and a caller can retry it now. An item that waits
# for its account continues when the account is connected.
RETRIED = ("rate_limited", "transient", "internal", "outcome_unknown")


def waits_to_be_tried(item: Item) -> bool:
    """Return whether the item waits for its next attempt after an error or a pause, and no worker runs it."""
    return (
        item.status == "processing"
        and item.job.state in (JobState.WAITING, JobState.READY, JobState.OFFERED, JobState.PAUSED)
        and item.shown_error is not None
        and item.shown_error["class"] in RETRIED
    )


def post_status(item_statuses: Iterable[str]) -> PostStatus:
    """Return the status of a post with these items."""
    count = Counter(item_statuses)
    total = count.total()
    if count["pending"] == total:
        return "pending"
    if count["published"] + count["failed"] < total:
        return "processing"
    if count["published"] == total:
        return "completed"
    return "partial" if count["published"] else "failed"


def post_status_sql() -> ColumnElement[str]:
    """Return `post_status` as an SQL aggregate over a post's items."""

    def number(status: str) -> ColumnElement[int]:
        return func.count().filter(Item.status == status)

    total = func.count()
    whens: list[tuple[Any, Any]] = [
        (number("pending") == total, literal("pending", String)),
        (number("published") + number("failed") < total, literal("processing", String)),
        (number("published") == total, literal("completed", String)),
        (number("published") > 0, literal("partial", String)),
    ]
    return case(*whens, else_=literal("failed", String))
