"""Lists of the pages: filters, searches and pages."""

import csv
import io
import re
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clients.slots import slot_taken
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.problems import ValidationFailed
from clipcast.connections import repository as connections
from clipcast.database.models.clients import Client, PostingTimeRow
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.jobs import Job
from clipcast.database.models.lists import PostLabel
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.installation import Installation
from clipcast.posts import exporting, labels, views
from clipcast.posts.queue import move_to_next_time
from clipcast.testing.harness import some_day
from clipcast.web import bulk
from clipcast.web import posts as web_posts
from clipcast.web.bulk_outcome import ONGOING
from clipcast.web.compose import CLIPS_SHOWN
from clipcast.workspaces.service import create_key
from tests.web.browser import sent as fields_of_form
from tests.web.conftest import Visitor, form


@pytest.fixture(autouse=True)
def whole_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an action on many posts end with its first request, also on a slow machine."""
    monkeypatch.setattr(bulk, "SECONDS", 600)


def browser_form(answer: Any, id: str = "compose") -> dict[str, Any]:
    """Return what a browser sends for the form of a page."""
    return fields_of_form(answer.text, id)


async def sent(owner: Visitor, desk: dict[str, Any], **changes: str) -> str:
    """Create a post and return its id."""
    answer = await owner.post(f"./compose/{new_id()}/send", form(desk, **changes))
    return answer.headers["hx-redirect"].rsplit("/", 1)[1]


async def later(owner: Visitor, desk: dict[str, Any], hour: int) -> str:
    """Create a post for this hour of a later day and return its id."""
    return await sent(owner, desk, when="later", at=f"{some_day()}T0{hour}:00", text=f"{hour} o'clock")


async def give_times(owner: Visitor, session: AsyncSession) -> None:
    """Give all accounts to a client with one posting time a day."""
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    client = Client(workspace_id=workspace, name="Harbour", name_key="harbour", color=1, timezone="UTC")
    session.add(client)
    await session.flush()
    session.add_all(PostingTimeRow(client_id=client.id, weekday=day, at=time(7, 30)) for day in range(7))
    await session.execute(update(Connection).values(client_id=client.id))


async def listed(owner: Visitor, query: str) -> list[str]:
    return re.findall(r'<tr id="post-([\w-]+)', (await owner.get(f"./posts?{query}")).text)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
async def test_posts_are_found_by_state_account_day_and_words(
    owner: Visitor, desk: dict[str, Any], installation: Installation, zone: str
) -> None:
    owner.client.cookies.set("clipcast_zone", zone)
    now = await sent(owner, desk)
    planned = await sent(owner, desk, when="later", at=f"{some_day()}T00:30", zone=zone, text="Hello again")
    day = some_day()
    assert await listed(owner, "") == [planned, now]
    assert await listed(owner, "state=scheduled") == [planned]
    assert await listed(owner, f"account={desk['tiktok']}") == [planned, now]
    assert await listed(owner, f"account={desk['tiktok']}&state=scheduled") == [planned]
    assert await listed(owner, f"account=tiktok&from={day}&to={day}") == [planned]
    assert await listed(owner, f"from={some_day(1)}") == []
    assert await listed(owner, f"to={some_day(-1)}") == [now]
    assert await listed(owner, "account=pinterest") == []
    assert await listed(owner, f"account={new_id()}") == []
    assert await listed(owner, "state=published") == []
    async with installation.database.begin() as session:
        done = Item.post_id == UUID(now)
        await session.execute(update(Item).where(done).values(status="published", published_at=clock.now()))
    assert await listed(owner, "state=published") == [now]
    for words in ("hello", "HARBOUR.films", "clip", now):
        assert await listed(owner, f"q={words}") == [planned, now][words == now :], words
    assert await listed(owner, "q=hel%25o") == []
    assert await listed(owner, f"q=hello&to={some_day(-1)}") == [now]
    page = (await owner.get("./posts?q=hello&account=pinterest")).text
    assert "No post matches “hello”" in page
    assert "2 match “hello” without them. Filters in use: Pinterest and “hello”." in page
    assert "Clear filters" in page


async def test_posts_are_listed_by_day_and_page(
    owner: Visitor, desk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_posts, "ROWS", 2)
    made = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    page = (await owner.get("./posts")).text
    assert re.findall(r'<tr id="post-([\w-]+)', page) == made[:0:-1]
    assert page.count('scope="rowgroup"') == 1
    assert '>All <span class="count">3</span>' in page
    assert '>Scheduled <span class="count">3</span>' in page
    following = re.findall(r'rel="next" href="[^?]+\?([^"]+)"', page)[0]
    assert await listed(owner, following) == made[:1]
    assert "To the start" in (await owner.get(f"./posts?{following}")).text
    assert await listed(owner, "state=scheduled") == made[:2]  # what goes out next comes first
    assert await listed(owner, "after=nonsense") == made[:0:-1]


async def act(owner: Visitor, action: str, ids: list[str], **more: object) -> str:
    """Do an action with posts, as the script of the list does."""
    form = {"action": action, "chosen": ids} | more
    answer = await owner.post("./posts/bulk", form, **{"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["hx-trigger"] == "refresh,bulk-done"
    return answer.text


async def act_on_all(owner: Visitor, form: dict[str, Any]) -> str:
    """Do an action, request by request, as the page does. Return the last response."""
    while True:
        answer = await owner.post("./posts/bulk", form, **{"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        if 'id="bulk-rest"' not in answer.text:
            return answer.text
        form = fields_of_form(answer.text, "bulk-rest")


def undo_of(said: str) -> dict[str, list[str]]:
    """Return the fields of the form of Undo in a response."""
    form = re.findall(r'<form[^>]* action="[^"]+/posts/bulk/undo".*?</form>', said, re.DOTALL)[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]+)"', form):
        found.setdefault(name, []).append(value)
    return found


async def take_back(owner: Visitor, said: str) -> str:
    """Press Undo in a response, and return what the last request of that says."""
    form: dict[str, Any] = undo_of(said)
    while True:
        answer = await owner.post("./posts/bulk/undo", form, **{"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        if 'id="bulk-rest"' not in answer.text:
            return answer.text
        form = fields_of_form(answer.text, "bulk-rest")


async def move_timed(owner: Visitor, asked: str) -> str:
    """Choose that posts with a time move, too. Return the response."""
    return await act_on_all(owner, fields_of_form(asked, "move-timed"))


async def test_many_posts_are_moved_and_moved_back(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    first, second = [await later(owner, desk, hour) for hour in (1, 2)]
    out = await sent(owner, desk)
    said = await act(owner, "move", [first, second, out, str(new_id())], day=some_day(2))
    assert "2 posts moved. 2 of 4 could not be moved:" in said
    assert ">Hello</a>: it is going out or has gone out." in said
    assert "it is gone." in said

    async def time_of(post: str) -> str:
        async with installation.database.session() as session:
            found = await session.get(Post, UUID(post))
        assert found is not None
        return f"{found.scheduled_at:%Y-%m-%dT%H:%M}"

    # Each keeps its time of day.
    assert [await time_of(one) for one in (first, second)] == [f"{some_day(2)}T01:00", f"{some_day(2)}T02:00"]
    await act(owner, "move", [second], day=some_day(3), time="09:30")
    assert await time_of(second) == f"{some_day(3)}T09:30"
    assert "1 post moved back. 1 of 2 could not be moved back:" in await take_back(owner, said)
    assert [await time_of(one) for one in (first, second)] == [f"{some_day()}T01:00", f"{some_day(3)}T09:30"]
    for wrong in ({"action": "move"}, {"action": "move", "chosen": first, "day": "soon"}, {"action": "x"}):
        assert (await owner.post("./posts/bulk", dict(wrong))).status_code == 422
    undo = undo_of(said)
    for action in ("copy", "x"):
        assert (await owner.post("./posts/bulk/undo", undo | {"action": action})).status_code == 422
    # The fields of a press with another action.
    for action in ("label", "remove"):
        answer = await owner.post("./posts/bulk/undo", undo | {"action": action}, **{"HX-Request": "true"})
        assert answer.text.count("it cannot be undone any more.") == 2
    # A press that nobody made.
    unknown = {"run": str(new_id()), "undo": [f"{new_id()}={undo['undo'][0].partition('=')[2]}"]}
    answer = await owner.post("./posts/bulk/undo", undo | unknown, **{"HX-Request": "true"})
    assert "2 of 2 could not be moved back:" in answer.text
    assert answer.text.count("it cannot be undone any more.") == 2


async def test_very_many_moves_are_undone_request_by_request(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 40)
    first = await later(owner, desk, 1)
    # Copies of a post whose accounts are free to have as many.
    async with installation.database.begin() as session:
        post = (await session.execute(select(Post.__table__).where(Post.id == UUID(first)))).mappings().one()
        item = (await session.execute(select(Item.__table__).where(Item.post_id == UUID(first)))).mappings().one()
        job = (await session.execute(select(Job.__table__).where(Job.id == item["id"]))).mappings().one()
        for minutes in range(1, 121):
            at = post["scheduled_at"] + timedelta(minutes=minutes)
            own, of_item = new_id(), new_id()
            await session.execute(insert(Post).values(dict(post) | {"id": own, "scheduled_at": at}))
            await session.execute(insert(Item).values(dict(item) | {"id": of_item, "post_id": own, "goes_at": at}))
            made = {name: value for name, value in job.items() if name != "ring"}
            await session.execute(insert(Job).values(made | {"id": of_item, "subject_id": of_item, "due_at": at}))

    async def times() -> dict[UUID, datetime | None]:
        async with installation.database.session() as session:
            return {row.id: row.scheduled_at for row in await session.execute(select(Post.id, Post.scheduled_at))}

    before = await times()
    assert len(before) == 121
    said = await act_on_all(owner, {"action": "move", "all": "on", "day": some_day(2), "time": ""})
    assert "121 posts moved." in said
    assert not set(before.values()) & set((await times()).values())
    assert "121 posts moved back." in await take_back(owner, said)
    assert await times() == before


async def test_removed_posts_that_have_not_begun_come_back_as_drafts(owner: Visitor, desk: dict[str, Any]) -> None:
    waiting, out = await later(owner, desk, 1), await sent(owner, desk)
    said = await act(owner, "remove", [waiting])
    assert "1 post removed." in said
    assert "Bring back as drafts" in said
    back = await take_back(owner, said)
    assert "1 post brought back as drafts." in back
    assert "Open drafts" in back
    drafts = (await owner.get("./drafts")).text
    assert drafts.count("1 o&#39;clock</a>") == 1
    draft = browser_form(await owner.get("./compose/" + re.findall(r'<tr id="draft-([\w-]+)', drafts)[0]))
    assert draft["at"] == [f"{some_day()}T01:00"]
    assert await listed(owner, "") == [out]
    # A second press makes no second draft.
    await take_back(owner, said)
    assert (await owner.get("./drafts")).text.count("1 o&#39;clock</a>") == 1


async def test_many_posts_are_copied_retried_and_removed(
    owner: Visitor, desk: dict[str, Any], installation: Installation, invited: Any
) -> None:
    first, second, third = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    page = (await owner.get("./posts")).text
    assert [one for one, words in ONGOING.items() if f'value="{one}" data-ongoing="{words}: ' not in page] == []
    assert "2 posts copied." in await act(owner, "copy", [first, second])
    assert (await owner.get("./drafts")).text.count("o&#39;clock</a>") == 2
    async with installation.database.begin() as session:
        await session.execute(update(Item).where(Item.post_id == UUID(first)).values(status="failed"))
    assert await listed(owner, "state=needs") == [first]
    said = await act(owner, "retry", [first, second])
    assert "1 post retried. 1 of 2 could not be retried:" in said
    assert ">2 o&#39;clock</a>: nothing of it failed." in said
    # All that match the filters, of which the page shows some.
    viewer = await invited("viewer")
    assert (await viewer.post("./posts/bulk", {"action": "remove", "chosen": second})).status_code == 403
    assert "1 post removed." in await act(owner, "remove", [second], all="on", q="2 o'clock")
    assert await listed(owner, "") == [third, first]
    page = (await owner.post("./posts/bulk", {"action": "remove", "chosen": [third]})).text
    assert "1 post removed." in page
    assert "All posts" in page


async def test_many_drafts_are_deleted_and_brought_back(
    owner: Visitor, desk: dict[str, Any], invited: Any, installation: Installation
) -> None:
    post = await later(owner, desk, 1)
    await act(owner, "copy", [post])
    made = [str(new_id()) for _ in range(2)]
    for id in made:
        await owner.post(f"./compose/{id}", form(desk, text=f"Draft {id}"))

    async def shown() -> list[str]:
        return sorted(re.findall(r'<tr id="draft-([\w-]+)', (await owner.get("./drafts")).text))

    async def changed() -> dict[UUID, datetime]:
        async with installation.database.session() as session:
            query = select(Draft.id, Draft.updated_at).where(Draft.id.in_([UUID(one) for one in made]))
            return dict((await session.execute(query)).tuples().all())

    before, last_changed = await shown(), await changed()
    assert len(before) == 3
    assert (await (await invited("viewer")).post("./drafts/bulk", {"chosen": made})).status_code == 403
    assert (await owner.post("./drafts/bulk", {"chosen": "x"})).status_code == 422
    # A draft that was sent meanwhile stays what it is.
    sent_draft = str(new_id())
    await owner.post(f"./compose/{sent_draft}/send?again=true", form(desk, text="Sent"))
    said = await owner.post("./drafts/bulk", {"chosen": [*made, sent_draft]}, **{"HX-Request": "true"})
    assert "2 drafts deleted." in said.text
    assert said.headers["hx-trigger"] == "refresh,bulk-done"
    assert await shown() == [id for id in before if id not in made]
    [run] = re.findall(r'name="run" value="([^"]+)"', said.text)
    other = await (await invited("editor")).post("./drafts/bulk/undo", {"run": run}, **{"HX-Request": "true"})
    assert other.status_code == 422
    for number in (2, 0):
        back = await owner.post("./drafts/bulk/undo", {"run": run}, **{"HX-Request": "true"})
        assert f"{number} drafts brought back." in back.text
    assert await shown() == before
    assert await changed() == last_changed
    assert f"Draft {made[0]}" in (await owner.get(f"./compose/{made[0]}")).text
    # Without a script, the list comes again.
    assert (await owner.post("./drafts/bulk", {"chosen": made})).headers["location"].endswith("/drafts")


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
    assert asked[1:] in (await owner.get(f"./accounts/{desk['tiktok']}")).text
    page = (await owner.get(asked)).text
    assert post in page
    assert f'<option value="{desk["tiktok"]}" selected>@' in page


async def test_invalid_filter_is_ignored(owner: Visitor, desk: dict[str, Any]) -> None:
    post = await sent(owner, desk)
    assert await listed(owner, "state=nonsense&from=yesterday&to=9999-12-31&account=%22%3E%3Cscript%3E") == [post]
    page = (await owner.get("./posts?account=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&from=%3Cb%3E&q=%3Cb%3E")).text
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


async def test_nothing_is_done_with_all_that_match_a_filter_which_is_gone(owner: Visitor, desk: dict[str, Any]) -> None:
    """Its label or client was deleted since the list was shown."""
    post = await later(owner, desk, 1)
    for name in ("label", "client"):
        form = {"action": "remove", "all": "on", name: str(new_id())}
        answer = await owner.post("./posts/bulk", form, **{"HX-Request": "true"})
        assert (answer.status_code, "A filter no longer exists. Reload the list." in answer.text) == (422, True), name
    assert (await owner.get(f"./posts/export.csv?label={new_id()}")).status_code == 422
    # Days in a wrong order are a filter: no post matches.
    empty = await owner.get(f"./posts/export.csv?from={some_day(2)}&to={some_day()}")
    assert (empty.status_code, post in empty.text) == (200, False)
    assert await listed(owner, "") == [post]


async def test_posts_of_another_workspace_are_not_found(owner: Visitor, desk: dict[str, Any]) -> None:
    await sent(owner, desk)
    other = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    page = (await owner.get(f"{other}/posts?account={desk['tiktok']}")).text
    assert "No post matches these filters" in page


async def test_keys_and_members_are_paginated(owner: Visitor, installation: Installation) -> None:
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        for number in range(25):
            await create_key(session, f"key number {number}", [workspace])

    async def keys(query: str) -> list[int]:
        return [int(one) for one in re.findall(r">key number (\d+)</bdi></td>", (await owner.get(query)).text)]

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

    async def offered(find: str = "") -> list[str]:
        page = (await owner.get(f"./compose/library/clips?find={quote(find)}")).text
        return re.findall(r'<span class="name">([^<]*)</span><template>', page)

    assert len(await offered()) == CLIPS_SHOWN
    assert await offered("0% R") == ["100% rye"]
    assert "Morning 3" in await offered("morning 3")
    assert await offered("no such name") == []


async def test_action_on_a_changed_post_does_nothing_and_shows_the_post(owner: Visitor, desk: dict[str, Any]) -> None:
    """A page that shows an old version of the post changes nothing."""
    post = "./posts/" + await sent(owner, desk, when="later", at=f"{some_day()}T18:30")
    item = re.findall(r'id="id-item">([\w-]+)<', (await owner.get(post + "?tab=developer")).text)[0]
    assert (await owner.post(post + "/reschedule", {"at": f"{some_day(1)}T09:00", "version": 1})).status_code == 303
    page = (await owner.get(post + "?tab=developer")).text
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
    assert (await owner.get(post + "?tab=developer")).text == page
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


async def test_many_posts_are_labelled_filtered_and_labelled_as_before(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    first, second, third = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    said = await act(owner, "label", [first, second], add_label="Summer <b>, summer  <b> , Été")
    assert "2 posts labelled." in said
    page = (await owner.get("./posts")).text
    assert page.count("<bdi>Summer &lt;b&gt;</bdi>") == 2
    label = re.findall(r'<option value="([\w-]+)">Summer', page)[0]
    assert await listed(owner, f"label={label}") == [second, first]
    assert await listed(owner, f"label={label}&state=scheduled&q=1 o'clock") == [first]
    assert await listed(owner, f"label={new_id()}") == [third, second, first]  # an unknown one is left out
    # An edited post keeps its labels.
    draft = (await owner.post(f"./posts/{first}/edit")).headers["location"]
    edited = await owner.post(f"{draft}/send", browser_form(await owner.get(draft)))
    replaced = edited.headers["hx-redirect"].rsplit("/", 1)[1]
    assert await listed(owner, f"label={label}") == [second, replaced]
    taken = await act(owner, "label", [second, third], remove_label=label, add_label="été")
    assert await listed(owner, f"label={label}") == [replaced]
    assert "2 posts labelled as before." in await take_back(owner, taken)
    assert await listed(owner, f"label={label}") == [second, replaced]
    for wrong in ("", " , ", "x" * 51, ",".join(map(str, range(21)))):
        assert (await owner.post("./posts/bulk", {"action": "label", "chosen": first, "add_label": wrong})).is_error
    await owner.post(f"./posts/labels/{label}/delete")
    assert "Summer" not in (await owner.get("./posts")).text


async def test_posts_are_found_by_who_made_them_and_from_what(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    by_hand = await later(owner, desk, 1)
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        key, secret = await create_key(session, "Zapier & Co", [workspace], ("posts:write",), None)
    rows = f"edit_id,to,title,at\r\n{desk['clip']},youtube:@harbour.films,Of a file,{some_day()} 10:00\r\n"
    headers = {"X-Api-Key": secret, "X-Workspace-Id": str(workspace), "Content-Type": "text/csv"}
    made = await owner.client.post("/api/v1/posts/csv?timezone=UTC", content=rows, headers=headers)
    [of_file] = [one["post_id"] for one in made.json()["posts"]]
    page = (await owner.get("./posts")).text
    assert "<bdi>Harbour Owner</bdi></span>" in page
    assert "<bdi>Zapier &amp; Co</bdi> · CSV file</span>" in page
    person = re.findall(r'<option value="([\w-]+)">Harbour Owner</option>', page)[0]
    assert await listed(owner, f"by={person}") == [by_hand]
    assert await listed(owner, f"by={key.id}") == [of_file]
    assert await listed(owner, "by=csv") == [of_file]
    assert await listed(owner, f"by=csv&state=scheduled&account={desk['tiktok']}") == []
    assert await listed(owner, "by=nobody") == [of_file, by_hand]
    assert "Filters in use: made by somebody." in (await owner.get(f"./posts?by={new_id()}")).text


async def test_views_are_saved_for_one_or_for_all_and_removed(owner: Visitor, invited: Any) -> None:
    saved = await owner.post("./posts/views", {"name": " Mine  <b>", "query": "state=needs&by=csv&after=x&evil=1"})
    assert saved.headers["location"].endswith("/posts?state=needs&by=csv")
    await owner.post("./posts/views", {"name": "Ours", "query": "by=repeat", "for_all": "on"})
    page = (await owner.get("./posts?state=needs&by=csv")).text
    assert re.search(r'href="[^"]+\?state=needs&amp;by=csv" aria-current="true" dir="auto">Mine &lt;b&gt;<', page)
    assert "Ours" in page
    assert "Save this view" not in page
    viewer = await invited("viewer")
    seen = (await viewer.get("./posts?by=repeat")).text
    assert "Mine" not in seen
    assert "Ours" in seen
    ids = re.findall(r"/posts/views/([\w-]+)/delete", page)
    assert (await viewer.post(f"./posts/views/{ids[0]}/delete")).status_code == 404
    assert (await viewer.post(f"./posts/views/{ids[1]}/delete")).status_code == 403
    assert (await viewer.post("./posts/views", {"name": "X", "query": "", "for_all": "on"})).status_code == 403
    assert (await owner.post("./posts/views", {"name": "", "query": ""})).status_code == 422
    # The same name replaces the view.
    await owner.post("./posts/views", {"name": "mine <B>", "query": "state=needs"})
    for id in ids:
        assert (await owner.post(f"./posts/views/{id}/delete")).status_code == 303
    assert 'class="saved-view"' not in (await owner.get("./posts")).text


async def test_view_of_a_deleted_client_and_label_can_be_removed(owner: Visitor) -> None:
    query = f"client={new_id()}&label={new_id()}"
    await owner.post("./posts/views", {"name": "Old", "query": query})
    page = await owner.get(f"./posts?{query}")
    assert page.status_code == 200
    assert "This client does not exist, so the list shows all." in page.text
    assert 'id="label-filter"><option' in page.text  # it is shown
    assert "This label does not exist, so the list shows all." in page.text
    [id] = re.findall(r"/posts/views/([\w-]+)/delete", page.text)
    removed = await owner.post(f"./posts/views/{id}/delete")
    assert "Old" not in (await owner.get(removed.headers["location"])).text


async def test_tabs_have_exact_numbers(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_review, _, live = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    sent_at_once = await sent(owner, desk)
    async with installation.database.begin() as session:
        done = Item.post_id.in_([UUID(live), UUID(sent_at_once)])
        await session.execute(update(Item).where(done).values(status="published", published_at=clock.now()))
        await session.execute(update(Post).where(Post.id == UUID(live)).values(scheduled_at=clock.now()))
    await owner.post(f"./posts/{in_review}/review", {"review.member": "owner@example.org", "review.rule": "any"})
    page = (await owner.get("./posts")).text
    for title, number in (("All", 4), ("In review", 1), ("Scheduled", 2), ("Published", 2)):
        assert f'>{title} <span class="count">{number}</span>' in page, title
    assert await listed(owner, "state=in_review") == [in_review]
    assert set(await listed(owner, "state=published")) == {live, sent_at_once}
    drafts = (await owner.get("./drafts")).text
    assert 'aria-current="true">Drafts' in drafts
    assert '>In review <span class="count">1</span>' in drafts


async def test_drafts_keep_the_client_and_the_search_of_the_other_tabs(owner: Visitor, desk: dict[str, Any]) -> None:
    made = await owner.post("./clients", {"name": "Alba", "color": "7", "timezone": "UTC"})
    client = made.headers["location"].split("/")[-2]
    await owner.post(f"./clients/{client}/accounts", {"account": [desk["tiktok"]]})
    for words, account in (("Of Alba", "tiktok"), ("Of nobody", "youtube")):
        await owner.post(f"./compose/{new_id()}", form(desk, text=words, account=[desk[account]]))
    await later(owner, desk, 1)
    query = f"client={client}&q=o"
    posts = (await owner.get(f"./posts?{query}")).text
    tabs = re.findall(r'href="([^"]+)"[^>]*>(?:Drafts|All)', posts)
    assert owner._at(f"./drafts?{query}").replace("&", "&amp;") in tabs
    shown = (await owner.get(f"./drafts?{query}")).text
    assert "Of Alba</a>" in shown
    assert "Of nobody" not in shown
    assert '>Drafts <span class="count">1</span>' in shown
    assert shown.count('<span class="count">') == 1
    assert f'href="{owner._at(f"./posts?{query}").replace("&", "&amp;")}"' in shown
    assert f'href="{owner._at(f"./compose?client={client}")}"' in shown.partition("<main")[2]
    without = (await owner.get("./drafts?client=none")).text
    assert ("Of Alba" in without, "Of nobody" in without) == (False, True)
    assert "Filters in use: Alba and “nothing”" in (await owner.get(f"./drafts?client={client}&q=nothing")).text
    gone = (await owner.get(f"./drafts?client={new_id()}")).text
    assert 'id="client-problem" role="alert"' in gone
    assert "Of nobody" in gone


async def test_an_action_on_very_many_goes_on_request_by_request(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    posts = [await later(owner, desk, hour) for hour in (1, 2, 3, 4, 5)]
    out = await sent(owner, desk)
    form: dict[str, object] = {"action": "move", "all": "on", "day": some_day(2), "time": ""}
    numbers = []
    while True:
        answer = await owner.post("./posts/bulk", form, **{"HX-Request": "true"})
        if 'id="bulk-rest"' not in answer.text:
            break
        assert answer.headers["hx-trigger"] == "bulk-done"
        numbers += re.findall(r"Moving: (\d) of 6 posts", answer.text)
        form = dict(browser_form(answer, "bulk-rest"))
    assert numbers == ["2", "4"]
    assert "5 posts moved. 1 of 6 could not be moved:" in answer.text
    assert answer.text.count("it is going out or has gone out.") == 1
    assert answer.headers["hx-trigger"] == "refresh,bulk-done"
    async with installation.database.session() as session:
        times = {str(one.id): one.scheduled_at for one in await session.scalars(select(Post))}
    assert {f"{times[one]:%Y-%m-%d}" for one in posts} == {some_day(2)}
    assert times[out] is None
    assert "5 posts moved back." in await take_back(owner, answer.text)
    for broken in ({"rest": "!"}, {"so_far": "[]"}, {"so_far": '[1,2,3,{"x":"y"},"",""]'}):
        assert (
            await owner.post("./posts/bulk", {"action": "move", "day": some_day(), "so_far": "x"} | broken)
        ).is_error


async def test_an_action_that_takes_long_responds_after_its_first_posts(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "SECONDS", 0)
    posts = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    form = {"action": "label", "all": "on", "add_label": "Winter"}
    first = await owner.post("./posts/bulk", form, **{"HX-Request": "true"})
    assert "Labelling: 1 of 3 posts" in first.text
    assert "Stopped. At least 1 of 3 posts are through" in first.text
    # Who stops sends nothing more.
    async with installation.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(PostLabel)) == 1
    second = await owner.post("./posts/bulk", browser_form(first, "bulk-rest"), **{"HX-Request": "true"})
    last = await owner.post("./posts/bulk", browser_form(second, "bulk-rest"), **{"HX-Request": "true"})
    assert "3 posts labelled." in last.text
    async with installation.database.session() as session:
        assert {str(id) for id in await session.scalars(select(PostLabel.post_id))} == set(posts)


async def test_a_request_that_is_repeated_does_no_post_twice(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its response was lost. Another press with the same posts acts again."""
    monkeypatch.setattr(bulk, "CHUNK", 2)
    posts = [await later(owner, desk, hour) for hour in (1, 2, 3)]

    async def press(form: dict[str, Any]) -> str:
        """Send each request of an action twice, and return the last response."""
        while True:
            first, again = [await owner.post("./posts/bulk", form, **{"HX-Request": "true"}) for _ in range(2)]
            assert [one.status_code for one in (first, again)] == [200, 200]
            if 'id="bulk-rest"' not in again.text:
                return again.text
            form = browser_form(again, "bulk-rest")

    page = (await owner.get("./posts")).text
    run = re.findall(r'id="bulk-run" name="run" value="([^"]+)"', page)[0]
    said = await press({"action": "copy", "chosen": posts, "run": run})
    assert "3 posts copied." in said
    next_run = re.findall(r'id="bulk-run" name="run" value="([^"]+)"', said)[0]
    assert next_run != run

    async def drafts() -> int:
        async with installation.database.session() as session:
            return await session.scalar(select(func.count()).select_from(Draft)) or 0

    before = await drafts()
    assert "3 posts copied." in await press({"action": "copy", "chosen": posts, "run": next_run})
    assert await drafts() == before + 3
    # The Undo of a repeated move knows the time before the first one.
    said = await press({"action": "move", "chosen": posts, "day": some_day(2), "run": str(new_id())})
    for _ in range(2):
        assert "3 posts moved back." in await take_back(owner, said)
    assert await listed(owner, f"from={some_day()}&to={some_day()}") == posts[::-1]
    assert "2 posts removed." in await press({"action": "remove", "chosen": posts[:2], "run": next_run})


async def test_many_posts_go_to_the_next_posting_times(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    of_client, of_none = await later(owner, desk, 1), await later(owner, desk, 2)
    async with installation.database.begin() as session:
        await give_times(owner, session)
        await session.execute(update(Connection).where(Connection.platform == "youtube").values(client_id=None))
        wrong = Item.post_id == UUID(of_none)
        await session.execute(update(Item).where(wrong).values(connection_id=UUID(desk["youtube"])))
    # Who has chosen a time is asked first.
    asked = await act(owner, "queue", [of_client, of_none])
    assert "2 posts already have a time and keep it." in asked
    assert await listed(owner, f"from={some_day()}&to={some_day()}") == [of_none, of_client]
    said = await move_timed(owner, asked)
    assert "1 post added to the queue. 1 of 2 could not be added to the queue:" in said
    assert "its accounts have no free posting time" in said
    async with installation.database.session() as session:
        moved = await session.get(Post, UUID(of_client))
    assert moved is not None
    assert f"{moved.scheduled_at:%H:%M}" == "07:30"
    await take_back(owner, said)
    assert await listed(owner, f"from={some_day()}&to={some_day()}") == [of_none, of_client]

    # A queued post that moves away and back is in its posting time again, unless another one took it meanwhile.
    async def slots() -> list[datetime | None]:
        async with installation.database.session() as session:
            return [
                await session.scalar(select(Item.slot_at).where(Item.post_id == UUID(id))) for id in (of_client, other)
            ]

    other = await later(owner, desk, 3)
    await move_timed(owner, await act(owner, "queue", [of_client]))
    [slot, _] = await slots()
    assert slot is not None
    for is_taken in (False, True):
        said = await act(owner, "move", [of_client], day=some_day(2))
        assert await slots() == [None, None]
        if is_taken:
            await move_timed(owner, await act(owner, "queue", [other]))
        assert "1 post moved back." in await take_back(owner, said)
        assert await slots() == ([None, slot] if is_taken else [slot, None])


async def test_queued_posts_stay_and_undo_restores_every_time(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also over several requests, and if other posts take the posting time that was free."""
    monkeypatch.setattr(bulk, "CHUNK", 2)
    posts = [await later(owner, desk, hour) for hour in (1, 2, 3)]
    async with installation.database.begin() as session:
        await give_times(owner, session)

    async def times() -> dict[str, tuple[datetime | None, datetime | None]]:
        async with installation.database.session() as session:
            query = select(Post.id, Post.scheduled_at, Item.slot_at).join(Item, Item.post_id == Post.id)
            return {str(id): (at, slot) for id, at, slot in await session.execute(query)}

    before = await times()
    taken = 0

    async def races(*args: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken % 2:
            raise slot_taken()
        return await move_to_next_time(*args)

    monkeypatch.setattr(bulk, "move_to_next_time", races)
    asked = await act_on_all(owner, {"action": "queue", "chosen": posts})
    assert "3 posts already have a time and keep it." in asked
    assert await times() == before
    said = await move_timed(owner, asked)
    assert "3 posts added to the queue." in said
    queued = await times()
    assert len({slot for _, slot in queued.values() if slot}) == 3
    again = await act_on_all(owner, {"action": "queue", "chosen": posts})
    assert "3 of 3 could not be added to the queue:" in again
    assert "it is in the queue already." in again
    assert await times() == queued
    await take_back(owner, said)
    assert await times() == before


async def test_export_holds_what_the_list_shows_and_is_imported_again(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "POSTS_OF_PAGE", 1)
    captions = ('=HYPERLINK("x")', "Zwei\nZeilen; und “Zeichen”", "صباح")
    posts = [
        await sent(owner, desk, when="later", at=f"{some_day()}T0{hour}:00", text=caption)
        for hour, caption in enumerate(captions, 1)
    ]
    other = await sent(owner, desk, when="later", at=f"{some_day(2)}T01:00", text="Another day")
    await act(owner, "label", [posts[0]], add_label="@sum")
    async with installation.database.begin() as session:
        error = {"class": "invalid", "code": "x", "message": "The video is too long.", "fix": "Shorten it."}
        failed = Item.post_id == UUID(posts[2])
        await session.execute(update(Item).where(failed).values(status="failed", error=error))
    answer = await owner.get(f"./posts/export.csv?from={some_day()}&to={some_day()}")
    assert answer.headers["content-disposition"].startswith('attachment; filename="posts-')
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["post_id"] for row in rows] == posts[::-1]
    first, second, third = rows[::-1]
    assert (first["text"], first["labels"], first["state"]) == ('\'=HYPERLINK("x")', "'@sum", "Scheduled")
    assert first["account"] == "'@harbour.films"
    assert (first["to"], first["at"], first["timezone"]) == ("tiktok:@harbour.films", f"{some_day()} 01:00", "UTC")
    assert (first["made_by"], first["tiktok.privacyLevel"]) == ("Harbour Owner", "SELF_ONLY")
    assert second["text"] == captions[1]
    assert (third["state"], third["error"]) == ("Failed", "The video is too long. Shorten it.")
    assert other not in answer.text
    # The same file, on the import page: the same captions, at the same times.
    headers = owner.headers | {"Content-Type": "text/csv", "HX-Request": "true"}
    kept = await owner.client.post(owner._at("./posts/import?name=posts.csv"), content=answer.content, headers=headers)
    path = kept.headers["hx-redirect"]
    await owner.post(f"{path}/check")
    page = (await owner.get(f"{path}?show=all")).text
    assert "Ready: 3 posts, 3 items" in page
    assert "=HYPERLINK(&#34;x&#34;)</p>" in page


async def test_export_becomes_equal_posts_again(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """With texts, names and times that a table or a list would change."""
    texts = ("'=1", "''@x", "-20 %", "+1\r\n; \"two\", 'three'", "'tis", "\t=\n", '["no", "list"]')
    tags = (["a,b", "#c"], ["d;e"], ["[f]"], ['"g"', "'h"], [], ["=i"], ["+j", "k"])
    async with installation.database.begin() as session:
        one = (await session.scalars(select(Connection).where(Connection.id == UUID(desk["youtube"])))).one()
        one.username = 'Films; "Harbour" @ sea'
        await session.execute(update(Render).values(name="=a;b/c\nd"))
    made = [
        UUID(
            await sent(owner, desk, when="later", at=f"{some_day()}T0{n}:00", account=[desk["youtube"]], title=f"T{n}")
        )
        for n in range(1, len(texts) + 1)
    ]
    async with installation.database.begin() as session:
        for number, (id, text) in enumerate(zip(made, texts, strict=True)):
            item = (await session.scalars(select(Item).where(Item.post_id == id))).one()
            item.details = item.details | {"description": text, "title": f"'={number}", "tags": tags[number]}
            post = await session.get_one(Post, id)
            assert post.scheduled_at
            post.scheduled_at = item.goes_at = post.scheduled_at + timedelta(milliseconds=number)

    async def posts(ids: set[UUID]) -> list[tuple[Any, ...]]:
        async with installation.database.session() as session:
            rows = await session.execute(select(Post, Item).join(Item).where(Post.id.in_(ids)))
            found = [(p.scheduled_at, i.edit_id, i.connection_id, _filled(i.details)) for p, i in rows]
        return sorted(found, key=lambda one: one[0])

    exported = await owner.get("./posts/export.csv")
    headers = owner.headers | {"Content-Type": "text/csv", "HX-Request": "true"}
    kept = await owner.client.post(owner._at("./posts/import?name=x.csv"), content=exported.content, headers=headers)
    path = kept.headers["hx-redirect"]
    await owner.post(f"{path}/choices", {"zone": "UTC", "allow_duplicate": "on"})
    await owner.post(f"{path}/check")
    [version] = re.findall(r'name="version" value="(\d+)"', (await owner.get(path)).text)
    await owner.post(f"{path}/create", {"version": version})
    async with installation.database.session() as session:
        new = set(await session.scalars(select(Post.id).where(Post.id.not_in(made))))
    assert len(new) == len(made)
    assert await posts(new) == await posts(set(made))


def _filled(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value not in ("", [], None)}


async def test_many_posts_are_sent_for_review(owner: Visitor, desk: dict[str, Any], installation: Installation) -> None:
    first, second = [await later(owner, desk, hour) for hour in (1, 2)]
    out = await sent(owner, desk)
    chosen = {"chosen": [first, second], "review.member": "owner@example.org", "review.message": "Look <b>"}
    offered = (await owner.post("./posts/bulk/reviewers", chosen | {"review.rule": "all"})).text
    # What was typed and chosen before the dialog was opened again is in it.
    assert 'value="owner@example.org" form="chosen-posts" checked>' in offered
    assert "Look &lt;b&gt;</textarea>" in offered
    assert '<option value="all" selected>' in offered
    said = await act(owner, "review", [first, second, out], **{"review.member": "owner@example.org"})
    assert "2 posts sent for review. 1 of 3 could not be sent for review:" in said
    assert await listed(owner, "state=in_review") == [second, first]
    refused = await owner.post("./posts/bulk", {"action": "review", "chosen": first}, **{"HX-Request": "true"})
    assert "Its client has no reviewers." in refused.text
    # They stay chosen, as nothing was done.
    assert refused.headers["hx-trigger"] == "refresh"
    assert (await owner.post("./posts/bulk", {"action": "review", "chosen": first, "review.message": "x"})).is_success


async def test_labels_and_views_have_a_maximum_with_codes_of_their_own(
    owner: Visitor, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "LABELS_MAX", 1)
    monkeypatch.setattr(views, "VIEWS_MAX", 1)
    workspace = UUID(owner.base.rsplit("/", 1)[1])
    async with installation.database.begin() as session:
        await labels.named(session, workspace, ["One"])
        await views.save_view(session, workspace, None, "One", "by=csv")
        with pytest.raises(ValidationFailed) as label:
            await labels.named(session, workspace, ["Two"])
        with pytest.raises(ValidationFailed) as view:
            await views.save_view(session, workspace, None, "Two", "by=csv")
    assert [one.code for one in (*label.value.errors, *view.value.errors)] == ["too_many_labels", "too_many_views"]
