"""The page of notices, the bell beside it, and the event stream that moves both."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from clipcast.common.ids import new_id
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.events import Event
from clipcast.database.models.people import User
from clipcast.installation import Installation
from clipcast.notices import inbox
from clipcast.notices.fan_out import fan_out
from clipcast.testing.harness import some_day
from tests.web.browser import sent as browser_form
from tests.web.conftest import Visitor, form

PAGE = "./notices"


async def tell(owner: Visitor, installation: Installation, type: str, post_id: UUID | None = None, **data: Any) -> UUID:
    """Have an event happen in the owner's workspace. Return what it is about."""
    workspace, subject = UUID(owner.base.rsplit("/", 1)[1]), new_id()
    async with installation.database.begin() as session:
        made = Event(id=new_id(), workspace_id=workspace, type=type, subject_id=subject, data=data, post_id=post_id)
        session.add(made)
    async with installation.database.hot_pool.transaction() as transaction:
        await fan_out(transaction, [made.id], has_mail=False)
    return subject


async def test_notice_leads_to_its_thing_and_is_read(owner: Visitor, installation: Installation) -> None:
    """The bell counts it on every page until its link was followed, or it was marked as read."""
    empty = (await owner.get(PAGE)).text
    assert "No notices yet" in empty
    assert "unread" not in (await owner.get("./notices/bell")).text
    await tell(owner, installation, "webhook.disabled", host="<b>hooks</b>.example.org")
    await tell(owner, installation, "render.completed")
    await tell(owner, installation, "job.dead", kind="deliver")
    assert '<b class="count bad">2<span class="sr"> unread' in (await owner.get("./calendar")).text
    page = (await owner.get(PAGE)).text
    assert "&lt;b&gt;hooks&lt;/b&gt;.example.org" in page
    assert "1 webhook is disabled" in page
    assert "new clip is ready" not in page, "nobody has chosen it"
    assert f'href="{owner.base}/jobs#dead"' in page
    reads = page.split('data-reads="')[1].split('"')[0]
    assert (await owner.post(reads)).status_code == 204
    assert '<b class="count bad">1<' in (await owner.get("./notices/bell")).text
    assert (await owner.get(PAGE + "?show=unread")).text.count('class="unread"') == 1
    assert (await owner.post(PAGE + "/read")).status_code == 303
    assert "You have read everything" in (await owner.get(PAGE + "?show=unread")).text
    assert (await owner.get(PAGE + "?before=nonsense")).status_code == 200


async def test_other_members_notices_cannot_be_read(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], installation: Installation
) -> None:
    editor = await invited("editor")
    await tell(owner, installation, "connection.needs_reconnect")
    page = (await owner.get(PAGE)).text
    reads = page.split('data-reads="')[1].split('"')[0]
    await editor.post(reads)
    await editor.post(PAGE + "/read", {"id": reads.split("/")[-2]})
    assert '<b class="count bad">1<' in (await owner.get("./notices/bell")).text
    assert '<b class="count bad">1<' in (await editor.get("./notices/bell")).text
    cross = await owner.post(reads, **{"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403


async def test_watched_row_changes_with_a_notice_and_its_reading(owner: Visitor, installation: Installation) -> None:
    """What the pages' event stream observes."""
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        person = (await session.scalars(select(User.id))).one()
        mine = await inbox.inbox_of(session, person, workspace)
        assert await inbox.inbox_of(session, person, workspace) == mine

    async def observed() -> int:
        [row] = await installation.database.hot_pool.fetch(inbox.WATCHED.query, {"ids": [mine]})
        assert (row["workspace_id"], row["is_final"]) == (workspace, False)
        return int(row["detail"])

    seen = [await observed()]
    await tell(owner, installation, "connection.needs_reconnect")
    seen.append(await observed())
    await owner.post(PAGE + "/read")
    seen.append(await observed())
    assert len(set(seen)) == 3
    assert await observed() == seen[-1]


async def test_notice_of_a_post_shows_it_also_after_edits(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    at = {"when": "later", "at": f"{some_day()}T18:30"}
    post = (await owner.post(f"./compose/{new_id()}/send", form(desk, text="First words", **at))).headers["hx-redirect"]
    post_id = UUID(post.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        workspace = UUID(owner.base.rsplit("/", 1)[1])
        client = Client(workspace_id=workspace, name="Harbour", name_key="harbour", color=1, timezone="UTC")
        session.add(client)
        await session.flush()
        await session.execute(update(Connection).values(client_id=client.id))
    await tell(owner, installation, "review.changes_requested", post_id, by="Bea", text="Shorter.")
    for words in ("First words", "Second words", "Third words"):
        page = (await owner.get(PAGE)).text.split('id="notice-')[1].split("</li>")[0]
        assert f"“{words}”" in page
        assert f'href="{owner.base}/review/{post.rsplit("/", 1)[1]}"' in page
        assert "/thumbnail?w=72" in page
        assert "<bdi>Harbour</bdi>" in page
        draft = (await owner.post(post + "/edit")).headers["location"]
        after = {"First words": "Second words", "Second words": "Third words"}.get(words, words)
        fields = browser_form((await owner.get(draft)).text, "compose") | form(desk, text=after, **at)
        post = (await owner.post(draft + "/send", fields)).headers["hx-redirect"]
