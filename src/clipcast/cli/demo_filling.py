"""Fills the demo's workspace as months of use would: accounts of several clients, posts of each state, and drafts."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
from sqlalchemy import select

from clipcast.cli.demo_calls import Demo, call, connect, example, required_fields, upload
from clipcast.cli.demo_contents import (
    AHEAD,
    CUSTOMERS,
    DRAFTS,
    FOLDERS,
    HISTORY,
    LABELS,
    TODAY,
    TROUBLES,
    Plan,
    Trouble,
)
from clipcast.cli.demo_history import move_back
from clipcast.cli.demo_reviews import add_reviews
from clipcast.cli.scenes import SCENES, Scene
from clipcast.clients.times import WEEKDAYS
from clipcast.clips.folders import create_folder
from clipcast.clips.library import label, move
from clipcast.clock import clock
from clipcast.common.settings import Settings
from clipcast.connections.links import make_link
from clipcast.database.models.clips import Render
from clipcast.installation import Installation, open_installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.drafts import EMPTY, new_draft

POLL = 0.5
# Seconds after which a post that still changes is left as it is.
PATIENCE = 120
ENDED = ("published", "failed")


@dataclass(frozen=True)
class Account:
    """A connected account, and the metadata without which its platform publishes nothing."""

    platform: str
    connection_id: str
    required: dict[str, Any]

    def metadata(self, plan: Plan) -> dict[str, Any]:
        model = PLATFORMS[self.platform].metadata
        words = {model.title_field: plan.title, model.text_field: plan.caption}
        return self.required | {name: text for name, text in words.items() if name and text}


Accounts = dict[str, list[Account]]
Clips = dict[str, str]


async def fill(demo: Demo, settings: Settings) -> None:
    """Fill the demo's workspace. Raises DemoFailed if a step fails."""
    async with (
        open_installation(settings) as installation,
        demo.client() as api,
        httpx2.AsyncClient(base_url=f"{demo.sandbox_url}/__sandbox", trust_env=False, timeout=30) as sandbox,
    ):
        accounts = await _connect_accounts(demo, installation, api, sandbox)
        await _create_clients(api, accounts)
        clips = await _upload_scenes(demo, api)
        await _sort_clips(demo, installation, clips)
        ahead = {
            plan.title: await _post(api, plan, accounts, clips, scheduled_at=_local(plan).isoformat()) for plan in AHEAD
        }
        await _save_drafts(demo, installation, accounts, clips)
        history = [await _post(api, plan, accounts, clips) for plan in HISTORY]
        today = [await _post(api, plan, accounts, clips) for plan in TODAY]
        await _until_settled(api, history + today)
        times = {UUID(post): _local(plan) for post, plan in zip(history, HISTORY, strict=True)}
        await move_back(installation.database, UUID(demo.workspace_id), times)
        for trouble in TROUBLES:
            await _cause(trouble, api, sandbox, accounts, clips)
        # Last: one of the clients then wants an approval of each post.
        await add_reviews(demo, installation, ahead)
    demo.filled = True


async def _connect_accounts(
    demo: Demo, installation: Installation, api: httpx2.AsyncClient, sandbox: httpx2.AsyncClient
) -> Accounts:
    """Connect the accounts of all clients but the first, whose accounts the demo has connected."""
    for customer in CUSTOMERS:
        for platform in customer.platforms:
            await call(
                sandbox,
                "POST",
                f"/accounts/{platform}",
                json={"username": customer.account, "display_name": customer.name},
            )
            await connect(platform, make_link(installation, UUID(demo.workspace_id), platform), customer.account)
    connections = (await call(api, "GET", "/connections"))["connections"]
    found: Accounts = {}
    for customer in CUSTOMERS:
        found[customer.name] = [
            Account(one["platform"], one["id"], await _required(one, api))
            for one in reversed(connections)
            if one["username"].split(".")[0] == customer.account.split(".")[0]
        ]
    return found


async def _create_clients(api: httpx2.AsyncClient, accounts: Accounts) -> None:
    for one in CUSTOMERS:
        body = {"name": one.name, "color": one.color, "timezone": one.timezone}
        client = (await call(api, "POST", "/clients", json=body))["id"]
        for account in accounts[one.name]:
            await call(api, "PATCH", f"/connections/{account.connection_id}", json={"client_id": client})
        times = [{"weekday": weekday, "at": at} for weekday, day in zip(WEEKDAYS, one.times, strict=True) for at in day]
        await call(api, "PUT", f"/clients/{client}/posting-times", json={"times": times})


async def _required(connection: dict[str, Any], api: httpx2.AsyncClient) -> dict[str, Any]:
    platform = connection["platform"]
    wanted = required_fields(platform) - {PLATFORMS[platform].metadata.title_field}
    if not wanted:
        return {}
    return {name: value for name, value in (await example(platform, connection["id"], api)).items() if name in wanted}


async def _upload_scenes(demo: Demo, api: httpx2.AsyncClient) -> Clips:
    """Draw the scenes, one while another is uploaded, and return the `editId` of each. The demo has the first one."""
    turn = asyncio.Semaphore(1)
    first, *others = SCENES

    async def one(scene: Scene, folder: Path) -> str:
        async with turn:
            path = await asyncio.to_thread(scene.make, folder)
        return await upload(api, path)

    with tempfile.TemporaryDirectory() as folder:
        made = await asyncio.gather(*(one(SCENES[name], Path(folder)) for name in others))
    return dict(zip(others, made, strict=True)) | {first: demo.edit_id}


async def _sort_clips(demo: Demo, installation: Installation, clips: Clips) -> None:
    """Put clips into folders, and give some labels."""
    workspace_id = UUID(demo.workspace_id)
    async with installation.database.begin() as session:
        found = {
            scene: (await session.scalars(select(Render).where(Render.edit_setting_id == UUID(edit_id)))).one()
            for scene, edit_id in clips.items()
        }
        for name, scenes in FOLDERS.items():
            folder = await create_folder(session, workspace_id, name)
            move(session, [found[scene] for scene in scenes], {found[scene].id: folder.id for scene in scenes})
        for scene, labels in LABELS.items():
            label(session, [found[scene]], {found[scene].id: list(labels)})


def _local(plan: Plan) -> datetime:
    """Return when a post goes out, by the clock on its client's wall."""
    zone = ZoneInfo(next(one.timezone for one in CUSTOMERS if one.name == plan.customer))
    return datetime.combine(clock.now().astimezone(zone).date() + timedelta(days=plan.day), plan.at, zone)


def _chosen(plan: Plan, accounts: Accounts) -> list[Account]:
    return [one for one in accounts[plan.customer] if not plan.platforms or one.platform in plan.platforms]


async def _post(api: httpx2.AsyncClient, plan: Plan, accounts: Accounts, clips: Clips, **more: Any) -> str:
    targets = [
        {"connectionId": one.connection_id, "metadata": {one.platform: one.metadata(plan)}}
        for one in _chosen(plan, accounts)
    ]
    videos = [{"editId": clips[scene], "targets": targets} for scene in plan.scenes]
    created = await call(api, "POST", "/posts", json={"videos": videos} | more)
    return str(created["post_id"])


async def _save_drafts(demo: Demo, installation: Installation, accounts: Accounts, clips: Clips) -> None:
    for plan in DRAFTS:
        chosen = _chosen(plan, accounts)
        content = EMPTY | {
            "clips": [clips[scene] for scene in plan.scenes],
            "accounts": [one.connection_id for one in chosen],
            "title": plan.title,
            "text": plan.caption,
            "by_account": {one.connection_id: one.required for one in chosen if one.required},
        }
        async with installation.database.begin() as session:
            await new_draft(session, UUID(demo.workspace_id), content)


async def _until_settled(api: httpx2.AsyncClient, posts: list[str]) -> None:
    """Wait until no item of these posts changes by itself: it has ended, or waits for a person or another day."""
    end = asyncio.get_running_loop().time() + PATIENCE
    waiting = list(posts)
    while waiting and asyncio.get_running_loop().time() < end:
        post = await call(api, "GET", f"/posts/{waiting[0]}")
        if all(_settled(item) for item in post["items"]):
            waiting.pop(0)
        else:
            await asyncio.sleep(POLL)


def _settled(item: dict[str, Any]) -> bool:
    return item["status"] in ENDED or (item["status"] == "processing" and item["error"] is not None)


async def _cause(
    trouble: Trouble, api: httpx2.AsyncClient, sandbox: httpx2.AsyncClient, accounts: Accounts, clips: Clips
) -> None:
    """Have the simulated platform cause a trouble, and publish into it."""
    if trouble.fault:
        await sandbox.post("/faults", json={"platform": trouble.platform} | trouble.fault)
    if trouble.flags:
        customer = next(one for one in CUSTOMERS if one.name == trouble.plan.customer)
        known = (await sandbox.get("/accounts")).json()
        for one in known:
            if one["platform"] == trouble.platform and one["username"] == customer.account:
                await call(sandbox, "PATCH", f"/accounts/{trouble.platform}/{one['account_id']}", json=trouble.flags)
    await _until_settled(api, [await _post(api, trouble.plan, accounts, clips)])
