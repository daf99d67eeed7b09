"""The states of a review, as lists and pages show them."""

from typing import Annotated, Literal

from sqlalchemy import ColumnElement, and_, not_

from clipcast.clock import clock
from clipcast.common.schemas import Meanings
from clipcast.database.models.posts import Post
from clipcast.database.models.reviews import ReviewState

EXPIRED: Literal["expired"] = "expired"
UNAPPROVED = (ReviewState.WAITING, ReviewState.CHANGES_REQUESTED)
NEEDY: tuple["ShownState", ...] = ("waiting", "changes_requested", "expired")
MEANINGS = Meanings(
    {
        "waiting": "Somebody must still approve the post.",
        "changes_requested": "A reviewer asked for changes. A change of the post asks all reviewers again.",
        "approved": "The post goes out at its time.",
        "expired": "The time of the post passed before its approval. It is not sent. Give it a new time.",
        "withdrawn": "Nobody is asked any more. The post is not sent until it is sent for review again.",
    }
)
ShownState = Annotated[Literal["waiting", "changes_requested", "approved", "expired", "withdrawn"], MEANINGS]


def is_released(post: Post) -> bool:
    """Return whether the post may be sent: it has no review, or is approved."""
    return post.review in (None, ReviewState.APPROVED)


def shown_state(post: Post) -> ShownState | None:
    """Return the state of a post's review; None without one."""
    if post.review in UNAPPROVED and post.scheduled_at is not None and post.scheduled_at <= clock.now():
        return EXPIRED
    return post.review  # type: ignore[return-value]


def in_state(state: ShownState) -> ColumnElement[bool]:
    """Return the condition of the posts whose review is shown in this state."""
    late = and_(Post.scheduled_at.is_not(None), Post.scheduled_at <= clock.now())
    if state == EXPIRED:
        return and_(Post.review.in_(UNAPPROVED), late)
    return and_(Post.review == state, not_(late)) if state in UNAPPROVED else Post.review == state
