"""What became of a post: the result of each item, in the words of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipcast.sdk.errors import PublishFailed

if TYPE_CHECKING:
    from clipcast.sdk.models import Item, Post

ENDED = ("completed", "partial", "failed")
# The errors of items that wait for an operator. An item has them only while it waits.
APPROVED = "approved"
STOPPED = ("paused_by_operator", "program_unknown")


@dataclass(frozen=True)
class ItemFailure:
    """Why an item is not published, or not yet: what happened, what to do, and who does it.

    `kind` is the error's class, such as `media` or `reconnect`.
    """

    code: str
    message: str
    fix: str
    actor: str
    kind: str
    retryable: bool


@dataclass(frozen=True)
class PublishedItem:
    """One clip on one account.

    `url` is the live video's address. `waits_until` is the time at which an item fails whose account nobody connects
    again until then. `data` is the item as the API shows it.
    """

    id: str
    account: str
    platform: str
    username: str
    connection_id: str
    status: str
    stage: str | None
    progress: int
    url: str | None
    error: ItemFailure | None
    waits_until: str | None
    data: Item

    @classmethod
    def of(cls, item: Item) -> PublishedItem:
        """Return the result that an item of the API shows."""
        platform, username = item["platform"], item["account"]["username"]
        error = item["error"]
        return cls(
            id=item["id"],
            account=f"{platform}:@{username}",
            platform=platform,
            username=username,
            connection_id=item["connection_id"],
            status=item["status"],
            stage=item["stage"],
            progress=item["progress"],
            url=item["platform_post_url"],
            error=error
            and ItemFailure(
                error["code"], error["message"], error["fix"], error["actor"], error["class"], error["retryable"]
            ),
            waits_until=item.get("held_until"),
            data=item,
        )

    @property
    def published(self) -> bool:
        """Whether the video is live, or delivered as a draft."""
        return self.status == "published"

    @property
    def failed(self) -> bool:
        """Whether the item ended without a video."""
        return self.status == "failed"

    @property
    def needs_action(self) -> bool:
        """Whether a person must act for the item: it failed for a reason that a person can mend, or waits for one."""
        return not self.published and self.error is not None and self.error.actor not in ("nobody", "platform")

    @property
    def waits_for_person(self) -> bool:
        """Whether the item goes on only when a person acts: its account needs a sign-in, or an operator paused it."""
        stopped = self.error is not None and self.error.code in STOPPED
        return self.status == "processing" and (self.waits_until is not None or stopped)

    def __str__(self) -> str:
        return f"{self.account}: {self.url or (self.error.message if self.error else self.status)}"


@dataclass(frozen=True)
class PublishedPost:
    """A post with the result of each item. `data` is the post as the API shows it.

    `timed_out` is true if the call waited for the end of the post, but not long enough. A wait ends early where only a
    person can make the post go on (`waits_for_person`).
    """

    id: str
    status: str
    scheduled_at: str | None
    items: tuple[PublishedItem, ...]
    data: Post
    timed_out: bool = False

    @classmethod
    def of(cls, post: Post, timed_out: bool = False) -> PublishedPost:
        """Return the result that a post of the API shows."""
        items = tuple(PublishedItem.of(item) for item in post["items"])
        return cls(post["post_id"], post["status"], post["scheduled_at"], items, post, timed_out)

    @property
    def ok(self) -> bool:
        """Whether nothing has failed or waits for a person, and the call saw the end of the post if it waited."""
        stopped = self.waits_for_person or any(item.failed or item.waits_for_person for item in self.items)
        return not self.timed_out and not stopped

    @property
    def done(self) -> bool:
        """Whether every item has ended: it is published, or has failed."""
        return self.status in ENDED

    @property
    def review(self) -> str | None:
        """The state of the post's review, such as `waiting`; None if it needs no approval."""
        return self.data.get("review")

    @property
    def waits_for_person(self) -> bool:
        """Whether nothing goes on by itself: the post needs its reviewers, or each item has ended or needs a person."""
        if self.review is not None and self.review != APPROVED:
            return True
        going_on = (item for item in self.items if not item.published and not item.failed)
        return not self.done and all(item.waits_for_person for item in going_on)

    @property
    def published(self) -> bool:
        """Whether every item is published."""
        return self.status == "completed"

    @property
    def urls(self) -> list[str]:
        """The addresses of the live videos."""
        return [item.url for item in self.items if item.url]

    def raise_for_failure(self) -> PublishedPost:
        """Return the result itself if `ok`. Otherwise raise PublishFailed."""
        if not self.ok:
            raise PublishFailed(self)
        return self

    def __str__(self) -> str:
        return "\n".join([f"{self.id}: {self.status}", *map(str, self.items)])
