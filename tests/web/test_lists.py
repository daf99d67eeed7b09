"""Lists of the pages: filters, searches and pages."""

import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.connections import repository as connections
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from clipcast.web import posts as web_posts
from clipcast.workspaces.service import create_key
from tests.web.conftest import Visitor, form


async def sent(owner: Visitor, desk: dict[str, Any], **changes: str) -> str:
    """Create a post and return its id."""
    answer = await owner.post(f"./compose/{new_id()}/send", form(desk, **changes))
    return answer.headers["hx-redirect"].rsplit("/", 1)[1]


async def listed(owner: Visitor, query: str) -> list[str]:
    return re.findall(r'<tr id="post-([\w-]+)', (await owner.get(f"./posts?{query}")).text)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
async def test_posts_are_found_by_status_account_and_day(owner: Visitor, desk: dict[str, Any], zone: str) -> None:
    owner.client.cookies.set("clipcast_zone", zone)
    now = await sent(owner, desk)
    later = await sent(owner, desk, when="later", at=f"{some_day()}T00:30", zone=zone)
    assert await listed(owner, "") == [later, now]
    assert await listed(owner, "status=pending") == [later]
    assert await listed(owner, f"account={desk['tiktok']}") == [later, now]
    assert await listed(owner, f"account={desk['tiktok']}&status=processing") == [now]
    assert await listed(owner, f"account=tiktok&since={some_day()}&until={some_day()}") == [later]
    assert await listed(owner, f"since={some_day(1)}") == []
    assert await listed(owner, f"until={some_day(-1)}") == [now]
    assert await listed(owner, "account=pinterest") == []
    assert await listed(owner, f"account={new_id()}") == []
    assert "Show all" in (await owner.get("./posts?account=pinterest")).text


async def test_posts_of_an_account_beyond_the_list_are_found(
    owner: Visitor, desk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connections, web_posts):
        monkeypatch.setattr(module, "CHOICES", 1)
    post = await sent(owner, desk)
    page = (await owner.get("./posts")).text
    assert desk["tiktok"] not in page
    assert "These are the newest accounts." in page
    asked = f"./posts?account={desk['tiktok']}"
    assert asked[1:] in (await owner.get(f"./connections/{desk['tiktok']}")).text
    page = (await owner.get(asked)).text
    assert post in page
    assert f'<option value="{desk["tiktok"]}" selected>@' in page


async def test_invalid_filter_is_ignored(owner: Visitor, desk: dict[str, Any]) -> None:
    post = await sent(owner, desk)
    assert await listed(owner, "status=nonsense&since=yesterday&until=9999-12-31&account=%22%3E%3Cscript%3E") == [post]
    page = (await owner.get("./posts?account=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&since=%3Cb%3E")).text
    assert "<script>alert" not in page
    assert "<b>" not in page


async def test_posts_of_another_workspace_are_not_found(owner: Visitor, desk: dict[str, Any]) -> None:
    await sent(owner, desk)
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    page = (await owner.get(f"{other}/posts?account={desk['tiktok']}")).text
    assert "No post matches these filters." in page


async def test_keys_and_members_are_paginated(owner: Visitor, installation: Installation) -> None:
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        for number in range(25):
            await create_key(session, f"key number {number}", [workspace])

    async def keys(query: str) -> list[int]:
        return [int(one) for one in re.findall(r">key number (\d+)</td>", (await owner.get(query)).text)]

    assert await keys("./developers/keys") == list(range(24, 4, -1))
    assert await keys("./developers/keys?page=2") == [4, 3, 2, 1, 0]
    assert 'href="' + owner.base + '/developers/keys?page=2"' in (await owner.get("./developers/keys")).text
    assert (await owner.get("./developers/keys?page=0")).status_code == 422
    assert (await owner.get("./settings?members=2")).status_code == 200
    second = re.findall(r"/developers/keys/([\w-]+)/revoke", (await owner.get("./developers/keys?page=2")).text)
    assert (await owner.post(f"./developers/keys/{second[-1]}/revoke")).status_code == 303
    assert "revoked" in (await owner.get("./developers/keys?page=2")).text


async def test_a_clip_is_found_by_its_name(owner: Visitor, desk: dict[str, Any], installation: Installation) -> None:
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    names = [*(f"Morning {number}" for number in range(30)), "100% rye"]
    clips = [new_id() for _ in names]
    now = clock.now()
    async with installation.database.begin() as session:
        common = {"workspace_id": workspace, "created_at": now}
        await session.execute(
            insert(Clip),
            [
                common
                | {
                    "id": id, "file_name": "a.mp4", "title": "", "declared_size": 1, "status": "ready",
                    "content_type": "video/mp4", "storage_key": str(id),
                }
                for id in clips
            ],
        )  # fmt: skip
        await session.execute(
            insert(Render),
            [
                common | {"id": new_id(), "clip_id": id, "name": name, "status": "completed"}
                for id, name in zip(clips, names, strict=True)
            ],
        )
    draft = f"./compose/{new_id()}"

    async def offered(**typed: str) -> list[str]:
        page = (await owner.post(draft, form(desk, **typed))).text
        return [" ".join(one.split()) for one in re.findall(r'name="clip" value="[^>]*>([^<]*)</label>', page)]

    assert len(await offered()) == 24  # the newest; beside them is the one that is chosen, with its picture
    assert [one for one in await offered(find="0% R") if one] == ["100% rye"]
    assert "Morning 3" in await offered(find="morning 3")
    page = (await owner.post(draft, form(desk, find="no such name"))).text
    assert f'value="{desk["clip"]}" checked' in page  # what is chosen stays


async def test_action_on_a_changed_post_does_nothing_and_shows_the_post(owner: Visitor, desk: dict[str, Any]) -> None:
    """A page that shows an old version of the post changes nothing."""
    post = "./posts/" + await sent(owner, desk, when="later", at=f"{some_day()}T18:30")
    item = re.findall(r'id="item-([\w-]+)"', (await owner.get(post)).text)[0]
    assert (await owner.post(post + "/reschedule", {"at": f"{some_day(1)}T09:00", "version": 1})).status_code == 303
    page = (await owner.get(post)).text
    assert "Version 2." in page
    stale: list[tuple[str, dict[str, object]]] = [
        ("/reschedule", {"at": f"{some_day(2)}T09:00"}), ("/publish", {}), ("/delete", {}),
    ]  # fmt: skip
    for path, form_of in stale:
        answer = await owner.post(post + path, form_of | {"version": 1})
        assert answer.headers["location"].endswith("?changed=true"), path
        assert "The post has changed since" in (await owner.get(answer.headers["location"])).text
    dragged = await owner.client.post(
        owner._at(f"./calendar{post[1:]}/move"), headers=owner.headers,
        json={"instant": f"{some_day(3)}T09:00:00Z", "version": 1},
    )  # fmt: skip
    assert (dragged.status_code, dragged.json()["code"]) == (412, "version_mismatch")
    assert (await owner.get(post)).text == page
    assert (await owner.post(f"{post}/items/{item}/delete", {"version": 1})).headers["location"].endswith("/posts")


async def test_warnings_are_shown_on_the_posts_page_and_in_the_list(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    post = await sent(owner, desk)
    warning = {"code": "x", "message": "The <b>thumbnail</b> was not set.", "fix": "Set it in the app."}
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(status="published", warnings=[warning], published_at=clock.now()))
    page = (await owner.get(f"./posts/{post}")).text
    assert "The &lt;b&gt;thumbnail&lt;/b&gt; was not set. Set it in the app." in page
    assert "with 1 warning" in (await owner.get("./posts")).text
