"""The page of a post of 300 items: its weight, its groups of accounts, and updates that send what has changed."""

import gzip
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor
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
