"""The command palette: what it finds, for whom, and by which id."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.web import palette
from clipcast.web.palette import ACTIONS, PAGES
from tests.web import conftest
from tests.web.conftest import Visitor


async def found(visitor: Visitor, typed: str) -> list[tuple[str, str]]:
    """Return the paths within the workspace and the titles."""
    page = (await visitor.get("./palette?q=" + typed)).text
    return [
        (path.removeprefix(visitor.base), title)
        for path, title in re.findall(r'role="option"[^>]* href="([^"]*)">.*?<span>(.*?)</span>', page)
    ]


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("cal", "/calendar"),
        ("video lib", "/clips"),
        ("write", "/compose"),
        ("API key", "/developers/keys"),
        ("dead", "/jobs"),
        ("import", "/posts/import"),
        ("export", "/posts/export.csv"),
        ("csv", "/posts/import"),
        ("review link", "/review/links"),
        ("theme", "/account#theme"),
        ("sign out", "/sign-out"),
    ],
)
async def test_actions_and_pages_are_found_by_their_words(owner: Visitor, typed: str, path: str) -> None:
    assert path in [one for one, _ in await found(owner, typed)]


async def test_every_action_and_page_opens(owner: Visitor) -> None:
    for entry in (*ACTIONS, *PAGES):
        path = entry.path.partition("#")[0]
        assert (await owner.get(path if entry.is_own else f".{path}")).status_code in (200, 303), entry.path


async def test_a_client_is_found_by_a_part_of_its_name(owner: Visitor, installation: Installation) -> None:
    async with installation.database.begin() as session:
        workspace = UUID(owner.base.rsplit("/", 1)[1])
        client = Client(
            workspace_id=workspace, name="Northside Coffee", name_key="northside coffee", color=1, timezone="UTC"
        )
        session.add(client)
    [(path, title)] = await found(owner, "northside")
    assert (path, title) == (f"/clients/{client.id}/posts", "Northside Coffee")
    assert (await owner.get(f".{path}")).headers["location"].endswith(f"client={client.id}")


async def test_a_role_sees_what_it_may_do(owner: Visitor, invited: Callable[[str], Awaitable[Visitor]]) -> None:
    viewer, editor = await invited("viewer"), await invited("editor")
    assert {path for path, _ in await found(viewer, "")} & {"/compose", "/developers/keys"} == set()
    assert "/compose" in [path for path, _ in await found(editor, "new")]
    assert await found(editor, "dead") == []


async def test_accounts_are_found_by_their_platform_and_the_rest_is_counted(
    owner: Visitor, desk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/posts?account={desk['tiktok']}"
    assert [one for one, _ in await found(owner, "harbour tiktok") if "account=" in one] == [path]
    assert [one for one, _ in await found(owner, "tiktok") if "account=" in one] == [path]
    assert len([one for one, _ in await found(owner, "harbour") if "account=" in one]) == 2
    monkeypatch.setattr(palette, "GROUP_MAX", 1)
    lines = await found(owner, "harbour")
    assert len([one for one, _ in lines if "account=" in one]) == 1
    assert ("/accounts", "1 more") in lines


async def test_accounts_and_clips_are_found_by_a_part_of_their_name(owner: Visitor, desk: dict[str, Any]) -> None:
    assert f"/posts?account={desk['tiktok']}" in [path for path, _ in await found(owner, "@HARBOUR")]
    newest = [path for path, _ in await found(owner, "")][-1]
    assert (newest.startswith("/clips/"), (await owner.get(f".{newest}")).status_code) == (True, 200)
    assert await found(owner, "100%25") == []
    assert "Nothing matches “&lt;b&gt;”." in (await owner.get("./palette?q=<b>")).text


async def test_any_id_opens_what_has_it(
    owner: Visitor, desk: dict[str, Any], application: FastAPI, installation: Installation
) -> None:
    path = (await owner.post(f"./compose/{new_id()}/send", conftest.form(desk))).headers["hx-redirect"]
    post = path.rsplit("/", 1)[1]
    async with installation.database.session() as session:
        item = (await session.scalars(select(Item))).one()
        job = (await session.scalars(select(Job).where(Job.subject_id == item.id))).one()
        clip, render = (
            await session.execute(select(Render.clip_id, Render.id).where(Render.edit_setting_id == item.edit_id))
        ).one()
    for pasted, wanted in (
        (post, f"/posts/{post}"),
        (str(item.id).upper(), f"/posts/{post}#item-{item.id}"),
        (f" {job.id} ", f"/posts/{post}#item-{item.id}"),
        (item.edit_id, f"/clips/{render}"),
        (clip, f"/clips/{render}"),
        (item.connection_id, f"/posts?account={item.connection_id}"),
    ):
        assert [one for one, _ in await found(owner, str(pasted))] == [wanted], pasted
        assert (await owner.get(f".{wanted}")).status_code == 200
    assert await found(owner, str(new_id())) == []
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    elsewhere = Visitor(owner.client, owner.code, other)
    for pasted in (post, item.id, job.id, item.edit_id, clip, item.connection_id):
        assert await found(elsewhere, str(pasted)) == []


async def test_posts_are_found_by_words_of_the_caption_and_by_their_clips(owner: Visitor, desk: dict[str, Any]) -> None:
    made = await owner.post(f"./compose/{new_id()}/send", conftest.form(desk, text="Dawn patrol <b>at</b> the point"))
    path = f"/posts/{made.headers['hx-redirect'].rsplit('/', 1)[1]}"
    for typed in ("dawn", "PATROL point", "clip"):
        assert (path, "Dawn patrol &lt;b&gt;at&lt;/b&gt; the point") in await found(owner, typed), typed
    assert path not in [one for one, _ in await found(owner, "sunset")]


async def test_posts_nearest_to_now_come_first(owner: Visitor, desk: dict[str, Any]) -> None:
    """What is months away is below what went out just now and what goes out tomorrow."""
    at = {"far": timedelta(days=300), "next": timedelta(days=1)}
    for name, span in at.items():
        when = {"when": "later", "at": f"{clock.now() + span:%Y-%m-%dT%H:%M}"}
        await owner.post(f"./compose/{new_id()}/send", conftest.form(desk, text=f"Harbour {name}", **when))
    await owner.post(f"./compose/{new_id()}/send", conftest.form(desk, text="Harbour now"))
    titles = [title for _, title in await found(owner, "harbour") if title.startswith("Harbour ")]
    assert titles == ["Harbour now", "Harbour next", "Harbour far"]


async def test_next_post_is_found_beside_old_ones_that_still_wait(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """Posts that nobody approved in time stay pending. The next post may have nothing pending any more."""
    later = {"when": "later", "at": f"{clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    made = await owner.post(f"./compose/{new_id()}/send", conftest.form(desk, text="Quay next", **later))
    following = UUID(made.headers["hx-redirect"].rsplit("/", 1)[1])
    for number in range(5):
        form = conftest.form(desk, text=f"Quay old {number}", **later)
        assert (await owner.post(f"./compose/{new_id()}/send?again=true", form)).status_code == 204
    async with installation.database.begin() as session:
        old = update(Post).where(Post.id != following)
        await session.execute(old.values(scheduled_at=clock.now() - timedelta(days=100)))
    for status in ("pending", "failed"):
        async with installation.database.begin() as session:
            await session.execute(update(Item).where(Item.post_id == following).values(status=status))
        titles = [title for _, title in await found(owner, "quay")]
        assert (titles[0], len(titles)) == ("Quay next", 5), status


async def test_account_whose_sign_in_ended_is_an_action(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    assert await found(owner, "reconnect") == []
    async with installation.database.begin() as session:
        lost = update(Connection).where(Connection.id == UUID(desk["tiktok"]))
        await session.execute(lost.values(status="needs_reconnect"))
    [(path, title)] = await found(owner, "reconnect")
    assert (path, title) == (f"/accounts/{desk['tiktok']}", "Reconnect TikTok @harbour.films")
    assert "Reconnect" in (await owner.get(f".{path}")).text
