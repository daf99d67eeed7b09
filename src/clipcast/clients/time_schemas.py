"""The request and response bodies of posting times and of the queue."""

import re
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from clipcast.clients.times import WEEKDAYS, PostingTime
from clipcast.common.schemas import UUID, Body, Id, Meanings, Timestamp

TIMES_MAX, PAUSED_MAX, PAUSE_DAYS_MAX, JITTER_MAX, ACCOUNTS_MAX = 100, 50, 366, 5, 500
COUNT_MAX = 100
WALL_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

Weekday = Annotated[
    Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    Meanings({name: f"Every {name.capitalize()}." for name in WEEKDAYS}),
]


def read_time(value: Any) -> time:
    """Return the time of day that a text such as `18:30` names. Raise PydanticCustomError."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not WALL_TIME.fullmatch(value):
        raise PydanticCustomError("invalid_time", "This is not a time of day. Use hours and minutes, such as 18:30.")
    return time.fromisoformat(value)


def read_day(value: Any) -> date:
    """Return the day that a text such as `2026-12-24` names. Raise PydanticCustomError."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and len(value) == len("2026-12-24"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("invalid_day", "This is not a day. Use year, month and day, such as 2026-12-24.")


WallTime = Annotated[
    time,
    BeforeValidator(read_time),
    PlainSerializer(lambda at: f"{at:%H:%M}"),
    WithJsonSchema({"type": "string", "pattern": f"^{WALL_TIME.pattern}$"}),
]
Day = Annotated[date, BeforeValidator(read_day), WithJsonSchema({"type": "string", "format": "date"})]


class WeeklyTime(Body):
    """A time of the week, by the clock on the wall in the client's time zone."""

    weekday: Annotated[Weekday, Field(description="The day of the week.")]
    at: Annotated[WallTime, Field(description="The time of day. It stays when clocks change.", examples=["18:30"])]

    def as_time(self) -> PostingTime:
        return PostingTime(WEEKDAYS.index(self.weekday), self.at)

    @classmethod
    def of(cls, one: PostingTime) -> "WeeklyTime":
        """Show a posting time."""
        return cls.model_validate({"weekday": WEEKDAYS[one.weekday], "at": one.at})


class Pause(Body):
    """Days without posting times."""

    first_day: Annotated[Day, Field(description="The first day, in the client's time zone.", examples=["2026-12-24"])]
    last_day: Annotated[Day, Field(description="The last day.", examples=["2026-12-26"])]

    @model_validator(mode="after")
    def _check_order(self) -> "Pause":
        days = (self.last_day - self.first_day).days + 1
        if days < 1:
            raise PydanticCustomError("wrong_order", "The last day is before the first one. Exchange them.")
        if days > PAUSE_DAYS_MAX:
            raise PydanticCustomError(
                "too_long", "Too long: {actual} days, maximum {limit}. Shorten it.",
                {"actual": days, "limit": PAUSE_DAYS_MAX},
            )  # fmt: skip
        return self


TIMES = Field(max_length=TIMES_MAX, description=f"At most {TIMES_MAX}, each once.")


class AccountTimes(Body):
    """The times of an account that differs from its client."""

    connection_id: Annotated[str, Field(description="An account of the client.", json_schema_extra=UUID)]
    times: Annotated[
        list[WeeklyTime],
        Field(min_length=1, max_length=TIMES_MAX, description=f"Instead of the client's times: at most {TIMES_MAX}."),
    ]


class SetPostingTimes(Body):
    """All posting times of a client. What is left out is empty."""

    times: Annotated[list[WeeklyTime], TIMES] = []
    jitter_minutes: Annotated[
        int,
        Field(
            ge=0,
            le=JITTER_MAX,
            description="Posts go out up to so many minutes after their posting time, so that they are not on the dot.",
            examples=[5],
        ),
    ] = 0
    paused: Annotated[
        list[Pause], Field(max_length=PAUSED_MAX, description="Days on which no posting time counts.")
    ] = []
    accounts: Annotated[
        list[AccountTimes], Field(max_length=ACCOUNTS_MAX, description="The accounts that have times of their own.")
    ] = []


class PostingTimesOut(SetPostingTimes):
    """All posting times of a client."""

    timezone: Annotated[str, Field(description="The time zone of all these times.", examples=["Europe/Lisbon"])]


class NextTime(BaseModel):
    """A free posting time."""

    posting_time: Annotated[Timestamp, Field(description="The posting time.")]
    scheduled_at: Annotated[Timestamp, Field(description="When a post in it goes out: up to `jitter_minutes` later.")]


class NextTimes(BaseModel):
    """The next free posting times."""

    timezone: Annotated[str, Field(description="The client's time zone.", examples=["Europe/Lisbon"])]
    times: Annotated[list[NextTime], Field(description="The next one first. Fewer than asked for: there are no more.")]


class QueueEntry(NextTime):
    """A posting time, and what is in it."""

    connection_ids: Annotated[list[Id], Field(description="The accounts that have this posting time.")]
    post_ids: Annotated[list[Id], Field(description="The posts in it. Empty: it is free.")]


class ClientQueue(BaseModel):
    """The next posting times of a client, with the posts in them."""

    timezone: Annotated[str, Field(description="The client's time zone.", examples=["Europe/Lisbon"])]
    queue: Annotated[list[QueueEntry], Field(description="The next one first.")]


class SwapPosts(Body):
    """Two posts that exchange their times."""

    post_ids: Annotated[
        list[Annotated[str, Field(json_schema_extra=UUID)]],
        Field(
            min_length=2,
            max_length=2,
            description="Two pending posts of the client's queue.",
            examples=[["0198c7a4-9f63-7a24-8b1d-3c4d5e6f7a8b", "0198c7a4-a074-7b35-9c2e-4d5e6f7a8b9c"]],
        ),
    ]


class SwappedPost(BaseModel):
    """A post and its time."""

    post_id: Annotated[Id, Field(description="The post's id.")]
    scheduled_at: Annotated[Timestamp, Field(description="When Clipcast publishes it now.")]


class PostsSwapped(BaseModel):
    """Two posts after the exchange of their times."""

    posts: Annotated[list[SwappedPost], Field(description="In the order of the request.")]
