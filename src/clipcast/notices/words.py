"""What members can be told, in words: one row for each type of event."""

from dataclasses import dataclass

# The roles whose members are told without having chosen anything.
DEFAULT_ROLES = ("reviewer", "editor", "owner")
# What reviewers are told without having chosen anything: what waits for them.
OF_REVIEWERS = ("review.requested", "review.expiring")


@dataclass(frozen=True)
class EventWords:
    """The words of one type of event.

    `choice` is its name on the page of choices. `one` and `many` are headlines, `many` with the number of events.
    """

    type: str
    choice: str
    one: str
    many: str
    # Whether members get it without having chosen anything.
    by_default: bool = False
    # Whether only owners can choose it, because only they can act.
    owners_only: bool = False


EVENTS = {
    words.type: words
    for words in (
        EventWords("item.failed", "An item fails", "1 item has failed", "{} items have failed", True),
        EventWords("item.needs_action", "An item needs you", "1 item needs you", "{} items need you", True),
        EventWords(
            "connection.needs_reconnect", "An account must be connected again",
            "1 account must be connected again", "{} accounts must be connected again", True,
        ),
        EventWords(
            "review.expired", "A post was not approved in time",
            "1 post was not approved in time", "{} posts were not approved in time", True,
        ),
        EventWords(
            "review.expiring", "A post goes out within an hour and is not approved",
            "1 post is not approved, and its time is near", "{} posts are not approved, and their time is near", True,
        ),
        EventWords(
            "review.requested", "A post waits for an approval",
            "1 post waits for an approval", "{} posts wait for an approval", True,
        ),
        EventWords(
            "review.changes_requested", "A reviewer asks for changes",
            "1 post needs changes", "{} posts need changes", True,
        ),
        EventWords("review.approved", "A post is approved", "1 post is approved", "{} posts are approved", True),
        EventWords(
            "review.commented", "Somebody comments on a post in review", "1 new comment", "{} new comments", True
        ),
        EventWords("job.dead", "A job is dead", "1 job is dead", "{} jobs are dead", True, owners_only=True),
        EventWords(
            "webhook.failing", "A webhook fails", "1 webhook fails", "{} webhooks fail", True, owners_only=True
        ),
        EventWords(
            "webhook.disabled", "A webhook is disabled",
            "1 webhook is disabled", "{} webhooks are disabled", True, owners_only=True,
        ),
        EventWords("render.failed", "A clip cannot be made", "1 clip could not be made", "{} clips could not be made"),
        EventWords("quota.exhausted", "A limit is reached", "1 limit is reached", "{} limits are reached"),
        EventWords("post.completed", "A post is published", "1 post is published", "{} posts are published"),
        EventWords(
            "post.partial", "A post is partly published", "1 post is partly published", "{} posts are partly published"
        ),
        EventWords("post.failed", "A whole post fails", "1 post has failed", "{} posts have failed"),
        EventWords("item.published", "An item is published", "1 item is published", "{} items are published"),
        EventWords("post.scheduled", "A post is scheduled", "1 post is scheduled", "{} posts are scheduled"),
        EventWords("post.updated", "A post is changed", "1 post is changed", "{} posts are changed"),
        EventWords("post.deleted", "A post is deleted", "1 post is deleted", "{} posts are deleted"),
        EventWords(
            "connection.connected", "An account is connected", "1 account is connected", "{} accounts are connected"
        ),
        EventWords("connection.removed", "An account is removed", "1 account is removed", "{} accounts are removed"),
        EventWords("render.completed", "A new clip is ready", "1 new clip is ready", "{} new clips are ready"),
    )
}  # fmt: skip
# Somebody must act soon. Such notices come at once, also in quiet hours.
URGENT = frozenset({
    "item.failed", "item.needs_action", "post.failed", "post.partial", "connection.needs_reconnect",
    "review.expiring", "review.expired", "job.dead", "webhook.disabled",
})  # fmt: skip
OWNERS_ONLY = tuple(words.type for words in EVENTS.values() if words.owners_only)

# The buttons that lead to the thing, by the type of event or its beginning.
BUTTONS = {"connection.needs_reconnect": "Reconnect", "review": "Review"}


def defaults_of(role: str) -> list[str]:
    """Return the types of events that a member in this role gets without having chosen anything."""
    if role not in DEFAULT_ROLES:
        return []
    if role == "reviewer":
        return list(OF_REVIEWERS)
    return [words.type for words in EVENTS.values() if words.by_default and may_choose(words, role)]


def urgent_of(role: str) -> list[str]:
    """Return the urgent types that a member in this role gets without having chosen anything."""
    return [type for type in defaults_of(role) if type in URGENT]


def may_choose(words: EventWords, role: str) -> bool:
    """Return whether a member in this role can get events of this type."""
    return role == "owner" or not words.owners_only


def headline(type: str, count: int) -> str:
    """Return how many events of a type there are, in words."""
    words = EVENTS[type]
    return words.one if count == 1 else words.many.format(count)


def button_of(type: str) -> str:
    """Return the button that leads to what an event of this type is about."""
    return BUTTONS.get(type) or BUTTONS.get(type.partition(".")[0], "Open")
