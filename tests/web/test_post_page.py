"""The page of a post of 300 items: its weight, its groups of accounts, and updates that send what has changed."""

import gzip
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Attempt, AttemptEvent, Job, JobState
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor, form
from tests.web.test_calendar import schedule

ITEMS = 300


@pytest.fixture
async def large(owner: Visitor, installation: Installation, desk: dict[str, Any]) -> str:
    """Return the path of a post of one clip to 300 accounts of two clients and of none."""
    post = await schedule(owner, desk, f"{some_day()}T10:00")
    async with installation.database.begin() as session:
        item = (await session.scalars(select(Item).where(Item.post_id == post))).one()
        account = (await session.scalars(select(Connection).where(Connection.id == item.connection_id))).one()
        workspace, clients = item.workspace_id, [new_id() for _ in range(2)]
        session.add_all(
            Client(id=id, workspace_id=workspace, name=name, name_key=name.lower(), color=number, timezone="UTC")
            for number, (id, name) in enumerate(zip(clients, ("Alba", "Orbit"), strict=True), 1)
        )
        await session.flush()
        groups = [*clients, None]
        accounts = [
            {
                "id": new_id(), "workspace_id": workspace, "platform": account.platform, "account_id": f"a{n}",
                "username": f"account.number.{n}", "display_name": f"Account {n}", "client_id": groups[n % 3],
                "status": "active", "scopes": [], "profile": {}, "sandbox": account.sandbox, "tokens": account.tokens,
                "issued_at": account.issued_at, "renewable": account.renewable,
            }
            for n in range(1, ITEMS)
        ]  # fmt: skip
        await session.execute(insert(Connection), accounts)
        items = [
            {
                "id": new_id(), "workspace_id": workspace, "post_id": post, "position": n, "edit_id": item.edit_id,
                "connection_id": one["id"], "platform": item.platform, "details": item.details, "status": "pending",
            }
            for n, one in enumerate(accounts, 1)
        ]  # fmt: skip
        await session.execute(insert(Item), items)
        of_job = {"workspace_id": workspace, "kind": "publish", "queue": "network", "priority": 5, "state": "waiting"}
        jobs = [{"id": one["id"], "subject_id": one["id"], "due_at": item.goes_at} | of_job for one in items]
        await session.execute(insert(Job), jobs)
    return f"./posts/{post}"


def known(page: str) -> Mapping[str, str]:
    """Return the headers with which the page's script asks for what has changed."""
    return {
        "HX-Request": "true",
        "Clipcast-Shape": re.findall(r'data-shape="([^"]*)"', page)[0],
        "Clipcast-Rows": "".join(re.findall(r'<tr id="row-[\w-]+" data-digest="([^"]*)"', page)),
    }


def weight(page: str) -> int:
    return len(gzip.compress(page.encode(), 6))


async def test_page_of_300_items_is_light_and_an_update_sends_changed_rows_only(
    owner: Visitor, installation: Installation, large: str
) -> None:
    page = (await owner.get(large)).text
    assert len(re.findall('id="item-', page)) == ITEMS
    assert weight(page) < 30_000
    assert re.findall(r'data-fold="[\w-]+".*?<small>(\d+) accounts', page, re.DOTALL) == ["99", "100", "101"]
    quiet = (await owner.get(large, **known(page))).text
    assert "<tr" not in quiet
    assert weight(quiet) < 4_000
    changed = re.findall(r'id="item-([\w-]+)"', page)[10:12]
    async with installation.database.begin() as session:
        done = Item.id.in_([UUID(id) for id in changed])
        error = {"class": "policy", "code": "x", "message": "No", "fix": "Y", "actor": "caller"}
        await session.execute(update(Item).where(done).values(status="failed", error=error))
    partly = (await owner.get(large, **known(page))).text
    assert re.findall(r'<tr id="row-[\w-]+".*?id="item-([\w-]+)"', partly, re.DOTALL) == changed
    assert "2 failed" in partly
    assert weight(partly) < 5_000
    # What now has other rows is sent whole: those that need a person only.
    needy = (await owner.get(f"{large}?show=needs", **known(page))).text
    assert 'hx-target="#live"' in needy
    assert re.findall(r'id="item-([\w-]+)"', needy) == changed


@pytest.mark.parametrize("headers", [{"Clipcast-Shape": "x", "Clipcast-Rows": "x" * 7}, {"Clipcast-Shape": "x"}])
async def test_unknown_page_is_sent_whole(owner: Visitor, large: str, headers: dict[str, str]) -> None:
    whole = (await owner.get(large, **headers | {"HX-Request": "true"})).text
    assert 'hx-target="#live"' in whole
    assert len(re.findall('id="item-', whole)) == ITEMS


async def test_post_without_a_time_is_called_published_only_when_it_is(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    post = (await owner.post(f"./compose/{new_id()}/send", form(desk))).headers["hx-redirect"]
    shown = (await owner.get(post)).text
    assert "To go out at once, made <time" in shown
    assert "Published at once" not in shown
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(status="published", published_at=clock.now()))
    assert "Published at once, <time" in (await owner.get(post)).text


async def test_item_says_what_its_attempts_did_and_what_a_person_can_do(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    post = await schedule(owner, desk, f"{some_day()}T10:00")
    error = {
        "class": "media", "code": "x", "message": "Instagram rejects the format.", "fix": "Y", "actor": "caller",
        "retryable": True, "docs_url": None, "platform": None, "at": format_timestamp(clock.now()),
    }  # fmt: skip
    async with installation.database.begin() as session:
        item = (await session.scalars(select(Item).where(Item.post_id == post))).one()
        item.status, item.attempts, item.error, item.stage = "processing", 2, error, "waiting"
        due = clock.now() + timedelta(minutes=5)
        await session.execute(update(Job).where(Job.subject_id == item.id).values(state=JobState.WAITING, due_at=due))
        for number, decision in ((1, "retry"), (2, None)):
            attempt = Attempt(item_id=item.id, number=number, worker="w", started_at=clock.now(), decision=decision)
            session.add(attempt)
            await session.flush()
            session.add(
                AttemptEvent(
                    attempt_id=attempt.id, kind="request", name="limit", started_at=clock.now(), ended_at=clock.now()
                )
            )
    panel = (await owner.get(f"./posts/{post}")).text.split('id="panel"')[1]
    assert "Attempt 2 is running." in panel
    assert "You must change the post." not in panel
    assert "Next attempt" not in panel
    assert "<small>Waiting</small>" not in panel
    assert panel.count("Asked how many posts are left today") == 2
    # Between two attempts, it says when the next one begins; a failed one asks for a change.
    async with installation.database.begin() as session:
        await session.execute(update(Attempt).values(decision="retry"))
    panel = (await owner.get(f"./posts/{post}")).text.split('id="panel"')[1]
    assert "It continues automatically. Next attempt" in panel
    lost = error | {"class": "outcome_unknown", "message": "The response was lost."}
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(status="failed", error=lost))
        await session.execute(update(Job).values(state=JobState.DONE))
        await session.execute(update(Post).values(scheduled_at=clock.now() - timedelta(hours=1)))
    panel = (await owner.get(f"./posts/{post}")).text.split('id="panel"')[1]
    assert "You must change the post." in panel
    assert f'id="there-{item.id}"' in panel
    # What the platform rejects is named beside what it takes.
    refused = error | {"platform": {"http_status": 400, "code": "1", "message": "No", "request_id": None}}
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(error=refused))
    banner = (await owner.get(f"./posts/{post}")).text.split('id="panel"')[1].split("</div></div>")[0]
    assert re.search("TikTok takes .*MP4.* at most .* GB. This file: MP4, H.264, AAC, [0-9x]+, 0:0[0-9] long, ", banner)
    # What a platform takes whose package is not installed now is unknown.
    for name in ("kelp", "tiktok"):
        async with installation.database.begin() as session:
            await session.execute(update(Item).values(platform=name))
            await session.execute(update(Connection).where(Connection.id == item.connection_id).values(platform=name))
        page = await owner.get(f"./posts/{post}")
        assert (page.status_code, " takes " in page.text) == (200, name == "tiktok")
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(error=lost))
        now = clock.now()
        await session.execute(update(Item).values(status="published", published_at=now, error=None))
    assert "after due" in (await owner.get(f"./posts/{post}")).text
    # A retry after a failure is no lateness.
    async with installation.database.begin() as session:
        await session.execute(update(Attempt).where(Attempt.number == 1).values(decision="failed"))
    assert "after due" not in (await owner.get(f"./posts/{post}")).text
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(status="failed", published_at=None, error=lost))
    needs = (await owner.get(".")).text.split('id="needs"')[1]
    assert f"?item={item.id}#there-{item.id}" in needs
