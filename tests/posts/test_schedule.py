"""Posts at the next free posting time of their accounts."""

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database.models.posts import Item
from clipcast.testing.harness import Stage

NEXT = {"slot": "next"}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Desk:
    """A stage whose client has accounts and posting times."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.caller = stage, stage.caller
        self.accounts: dict[str, str] = {}

    async def open(self, *accounts: str, times: list[str] | None = None, client: str = "Alba", **more: Any) -> "Desk":
        made = await self.caller.post("/clients", {"name": client, "timezone": "Europe/Lisbon"})
        self.client = made.json()["id"]
        for name in accounts:
            platform, _, user = name.partition(":")
            self.accounts[name] = await self.stage.connect(platform, user or "harbour.films")
            await self.give(name, self.client)
        self.edit = await self.caller.upload(self.stage.clip)
        await self.times(["18:30"] if times is None else times, **more)
        return self

    async def give(self, account: str, client: str | None) -> None:
        path = f"/connections/{self.accounts[account]}"
        assert (await self.caller.call("PATCH", path, json={"client_id": client})).status_code == 200

    async def times(self, walls: list[str], **more: Any) -> None:
        body = {"times": [{"weekday": day, "at": at} for day in DAYS for at in walls]} | more
        response = await self.caller.call("PUT", f"/clients/{self.client}/posting-times", json=body)
        assert response.status_code == 200, response.text

    def body(self, *accounts: str, title: str = "Tide", **more: Any) -> dict[str, Any]:
        targets = [
            {"connectionId": self.accounts[name], "metadata": {"youtube": {"title": title}}}
            for name in accounts or self.accounts
        ]
        return {"videos": [{"editId": self.edit, "targets": targets}], "schedule": NEXT} | more

    async def post(self, *accounts: str, **more: Any) -> dict[str, Any]:
        response = await self.caller.post("/posts", self.body(*accounts, **more))
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def preview(self, count: int = 3, *accounts: str) -> list[str]:
        params = {"count": count, "connection_id": [self.accounts[name] for name in accounts]}
        shown = (await self.caller.get(f"/clients/{self.client}/next-times", params=params)).json()
        return [one["scheduled_at"] for one in shown["times"]]

    async def problem(self, body: dict[str, Any]) -> str:
        """Return the code of the only problem of a body, which POST and validate report at /schedule."""
        response = await self.caller.post("/posts", body)
        assert response.status_code == 422, response.text
        [problem] = response.json()["errors"]
        checked = (await self.caller.post("/posts/validate", body)).json()
        assert [(one["path"], one["message"]) for one in checked["errors"]] == [("/schedule", problem["message"])]
        assert problem["path"] == "/schedule"
        return str(problem["code"])


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return Desk(stage)


def wall(at: str) -> str:
    return f"{parse_instant(at).astimezone(ZoneInfo('Europe/Lisbon')):%H:%M}"


async def test_posts_take_the_times_that_the_preview_showed(desk: Desk) -> None:
    """Also with times that vary: what is shown is what is stored. A time becomes free when its post leaves it."""
    await desk.open("youtube", times=["11:00", "18:30"], jitter_minutes=5)
    shown = await desk.preview(3)
    made = [await desk.post(title=f"Tide {number}") for number in range(3)]
    assert [one["scheduled_at"] for one in made] == shown
    assert made[0]["status"] == "pending"
    assert await desk.preview(1) > shown[2:]

    first, second, third = (one["post_id"] for one in made)
    await desk.caller.call("DELETE", f"/posts/{first}")
    assert await desk.preview(1) == shown[:1]
    elsewhere = format_timestamp(parse_instant(shown[1]) + timedelta(hours=1))
    await desk.caller.call("PATCH", f"/posts/{second}", json={"scheduled_at": elsewhere})
    await desk.caller.call("PATCH", f"/posts/{third}", json={"scheduled_at": shown[2]})  # stays
    assert await desk.preview(2) == shown[:2]
    # A person who schedules for a posting time takes it, too.
    await desk.caller.call("PATCH", f"/posts/{second}", json={"scheduled_at": shown[0]})
    assert await desk.preview(1) == shown[1:2]
    await desk.caller.post(f"/posts/{second}/publish")
    assert await desk.preview(2) == shown[:2]


async def test_requests_at_once_never_get_the_same_time(desk: Desk) -> None:
    """Of six, with and without Idempotency-Key, each gets a time of its own, whichever comes first."""
    await desk.open("youtube")
    shown = await desk.preview(6)
    made = await asyncio.gather(
        *(
            desk.caller.post(
                "/posts", desk.body(title=f"Tide {n}"), headers={"Idempotency-Key": f"key-{n}"} if n % 2 else {}
            )
            for n in range(6)
        )
    )
    assert [one.status_code for one in made] == [201] * 6, [one.text for one in made]
    assert sorted(one.json()["scheduled_at"] for one in made) == shown
    async with desk.stage.installation.database.session() as session:
        slots = list(await session.scalars(select(Item.slot_at).order_by(Item.slot_at)))
    assert len(set(slots)) == 6


async def test_last_free_time_goes_to_one_of_two(desk: Desk) -> None:
    """All days but one are paused: the other request learns that no time is left."""
    today = clock.now().date()
    free = today + timedelta(days=3)
    spans = [
        (today - timedelta(days=1), free - timedelta(days=1)),
        (free + timedelta(days=1), free + timedelta(days=366)),
    ]
    paused = [{"first_day": first.isoformat(), "last_day": last.isoformat()} for first, last in spans]
    await desk.open("youtube", paused=paused)
    assert len(await desk.preview(5)) == 1
    bodies = (desk.body(title="One"), desk.body(title="Other"))
    both = await asyncio.gather(*(desk.caller.post("/posts", body) for body in bodies))
    assert sorted(one.status_code for one in both) == [201, 422]
    refused = next(one for one in both if one.status_code == 422)
    assert refused.json()["errors"][0]["code"] == "no_free_time"


async def test_index_keeps_an_account_from_two_posts_at_one_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the lock is missed, for an account that changes its client, the index rejects the second post."""
    await desk.open("youtube")

    async def not_locked(*_: Any) -> None:
        return None

    monkeypatch.setattr("clipcast.posts.schedule.lock_client", not_locked)
    bodies = [desk.body(title=f"Tide {n}") for n in range(4)]
    made = await asyncio.gather(*(desk.caller.post("/posts", body) for body in bodies))
    codes = {one.status_code for one in made}
    assert codes <= {201, 409}
    assert {one.json()["code"] for one in made if one.status_code == 409} <= {"posting_time_taken"}
    times = [one.json()["scheduled_at"] for one in made if one.status_code == 201]
    assert len(times) == len(set(times)) >= 1


async def test_each_account_has_times_of_its_own_or_its_clients(desk: Desk) -> None:
    """Two accounts share a time only if both are free; without a common time, the problem says so."""
    await desk.open("youtube", "youtube:tidepool")
    first, second = desk.accounts
    shown = await desk.preview(3)
    await desk.post(first)
    assert (await desk.post(second))["scheduled_at"] == shown[0]
    assert (await desk.post(first, second, title="Both"))["scheduled_at"] == shown[1]
    own = {"connection_id": desk.accounts[second], "times": [{"weekday": "tuesday", "at": "09:00"}]}
    await desk.times(["18:30"], accounts=[own])
    assert await desk.problem(desk.body(first, second, title="New")) == "no_common_time"
    at = (await desk.post(second, title="Own"))["scheduled_at"]
    assert (wall(at), parse_instant(at).weekday()) == ("09:00", 1)
    queue = (await desk.caller.get(f"/clients/{desk.client}/queue", params={"count": 100})).json()["queue"]
    mine = [one for one in queue if one["connection_ids"] == [desk.accounts[second]]]
    assert wall(mine[0]["posting_time"]) == "09:00"
    assert sum(len(one["post_ids"]) for one in queue) == 3  # one is at a time that its account no longer has
    both = {"connection_id": desk.accounts[second], "times": [{"weekday": "tuesday", "at": "18:30"}]}
    await desk.times(["18:30"], accounts=[both])
    at = (await desk.post(first, second, title="Common"))["scheduled_at"]
    assert (wall(at), parse_instant(at).weekday()) == ("18:30", 1)


async def test_rule_that_a_body_breaks_is_named(desk: Desk) -> None:
    await desk.open("youtube", times=[])
    at = format_timestamp(clock.now() + timedelta(days=1))
    assert await desk.problem(desk.body()) == "no_posting_times"
    assert await desk.problem(desk.body(scheduled_at=at)) == "two_times"
    body = desk.body()
    body["videos"] *= 2
    codes = [one["code"] for one in (await desk.caller.post("/posts", body)).json()["errors"]]
    assert "several_clips" in codes
    await desk.give("youtube", None)
    assert await desk.problem(desk.body()) == "no_client"
    other = (await desk.caller.post("/clients", {"name": "Other", "timezone": "UTC"})).json()["id"]
    await desk.give("youtube", other)
    desk.accounts["youtube:tidepool"] = await desk.stage.connect("youtube", "tidepool")
    await desk.give("youtube:tidepool", desk.client)
    assert await desk.problem(desk.body()) == "several_clients"
    for wrong in ({"slot": "last"}, {}, "next", {"slot": "next", "after": at}):
        response = await desk.caller.post("/posts", desk.body("youtube") | {"schedule": wrong})
        assert response.status_code == 422, wrong
        assert all(one["path"].startswith("/schedule") for one in response.json()["errors"])
    partial = await desk.caller.post("/posts", desk.body(), params={"partial": "true"})
    assert partial.status_code == 422


async def test_time_of_another_workspaces_client_is_not_shown(desk: Desk) -> None:
    await desk.open("youtube")
    for path in ("posting-times", "next-times", "queue"):
        assert (await desk.caller.get(f"/clients/{desk.accounts['youtube']}/{path}")).status_code == 404
    params = {"connection_id": desk.client}
    assert (await desk.caller.get(f"/clients/{desk.client}/next-times", params=params)).status_code == 404
