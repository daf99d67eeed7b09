"""The command palette: what it finds, for whom, and by which id."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from clipcast.common.ids import new_id
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
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
    ],
)
async def test_actions_and_pages_are_found_by_their_words(owner: Visitor, typed: str, path: str) -> None:
    assert path in [one for one, _ in await found(owner, typed)]


async def test_a_role_sees_what_it_may_do(owner: Visitor, invited: Callable[[str], Awaitable[Visitor]]) -> None:
    viewer, editor = await invited("viewer"), await invited("editor")
    assert {path for path, _ in await found(viewer, "")} & {"/compose", "/developers/keys"} == set()
    assert "/compose" in [path for path, _ in await found(editor, "new")]
    assert await found(editor, "dead") == []


async def test_accounts_and_clips_are_found_by_a_part_of_their_name(owner: Visitor, desk: dict[str, Any]) -> None:
    assert f"/posts?account={desk['tiktok']}" in [path for path, _ in await found(owner, "@HARBOUR")]
    assert [path for path, _ in await found(owner, "")][-1].startswith("/clips/")
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
        clip = await session.scalar(
            text("SELECT clip_id FROM renders WHERE edit_setting_id = :id"), {"id": item.edit_id}
        )
    for pasted, wanted in (
        (post, f"/posts/{post}"),
        (str(item.id).upper(), f"/posts/{post}#item-{item.id}"),
        (f" {job.id} ", f"/posts/{post}#item-{item.id}"),
        (item.edit_id, f"/clips/{item.edit_id}"),
        (clip, f"/clips/{item.edit_id}"),
        (item.connection_id, f"/posts?account={item.connection_id}"),
    ):
        assert [one for one, _ in await found(owner, str(pasted))] == [wanted], pasted
    assert await found(owner, str(new_id())) == []
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    elsewhere = Visitor(owner.client, owner.code, other)
    for pasted in (post, item.id, job.id, item.edit_id, clip, item.connection_id):
        assert await found(elsewhere, str(pasted)) == []
