"""The states that pages show for items and posts. They are finer than the statuses of the API."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import ColumnElement, DateTime, String, bindparam, case, literal

from clipcast.clock import clock
from clipcast.database.models.jobs import Job, JobState
from clipcast.database.models.posts import Item

# Of an item. `check`: its outcome is unknown. `held`: it waits for its account. `paused`: the operator paused it.
ITEM_STATES = ("scheduled", "publishing", "waiting", "held", "paused", "published", "failed", "check")
NEEDY = ("check", "failed", "held")
ENDED = ("published", "failed", "check")
# The states of a job that lets its item wait for its next run.
WAITING = (JobState.WAITING, JobState.BLOCKED, JobState.STRANDED)


def item_state(item: Item) -> str:
    """Return the state of an item whose job is loaded."""
    if item.job.state in (JobState.HELD, JobState.PAUSED):
        return str(item.job.state)
    match item.status:
        case "pending":
            return "scheduled"
        case "published":
            return "published"
        case "failed":
            known = item.error if isinstance(item.error, dict) else {}
            return "check" if known.get("class") == "outcome_unknown" else "failed"
    waits = item.attempts > 0 and item.job.state in WAITING
    return (
        "waiting" if waits and (item.job.state == JobState.STRANDED or item.job.due_at > clock.now()) else "publishing"
    )


@cache
def item_state_sql() -> ColumnElement[str]:
    """Return `item_state` as an SQL expression over an item and its job. It takes the time when it is executed."""
    now = bindparam(None, callable_=clock.now, type_=DateTime(timezone=True))
    waits = (Item.attempts > 0) & Job.state.in_(WAITING) & ((Job.state == JobState.STRANDED) | (Job.due_at > now))
    unknown = Item.error["class"].astext == "outcome_unknown"
    return case(
        (Job.state.in_((JobState.HELD, JobState.PAUSED)), Job.state),
        (Item.status == "pending", literal("scheduled", String)),
        (Item.status == "published", literal("published", String)),
        ((Item.status == "failed") & unknown, literal("check", String)),
        (Item.status == "failed", literal("failed", String)),
        (waits, literal("waiting", String)),
        else_=literal("publishing", String),
    )


# What pages show for a post that waits for its time, by the state of its review (reviews/states.py).
OF_REVIEW = {
    "waiting": "in_review",
    "changes_requested": "changes",
    "approved": "approved",
    "expired": "expired",
    "withdrawn": "withdrawn",
}


def post_state(counts: Mapping[str, int], review: str | None = None) -> str:
    """Return the state of a post with this number of items in each state: the one that a person should know first.

    `review` is the shown state of its review.
    """
    total = sum(counts.values())
    for state in ("check", "held", "paused"):
        if counts.get(state):
            return state
    if counts.get("scheduled", 0) == total:
        return OF_REVIEW[review] if review else "scheduled"
    if sum(counts.get(state, 0) for state in ENDED) < total:
        return "waiting" if counts.get("waiting") and not counts.get("publishing") else "publishing"
    if not counts.get("failed"):
        return "published"
    return "partial" if counts.get("published") else "failed"


def progress_note(state: str, counts: Mapping[str, int]) -> str:
    """Return how many items are published, of a post that is going out or partly published; else an empty text."""
    published, total = counts.get("published", 0), sum(counts.values())
    return f"{published} of {total}" if state in ("publishing", "partial") and 0 < published < total else ""
