"""The import page: a CSV is checked and shown row by row, and becomes posts together or not at all."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select, update

from clipcast.clock import clock
from clipcast.common.problems import AppError
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.plans import PlanState, StoredPlan
from clipcast.database.models.posts import Item, Post
from clipcast.installation import Installation
from clipcast.posts.plans import stored
from clipcast.publishing.housekeeping import delete_expired
from clipcast.testing.harness import some_day
from clipcast.web import csv_import
from tests.web.conftest import Visitor, upload

NAME = "@harbour.films"


async def send(visitor: Visitor, text: str | bytes, path: str = "./posts/import?name=plan.csv") -> httpx2.Response:
    """Send a file as the page's script does."""
    headers = visitor.headers | {"Content-Type": "text/csv", "HX-Request": "true"}
    content = text.encode() if isinstance(text, str) else text
    return await visitor.client.post(visitor._at(path), content=content, headers=headers)


async def kept(visitor: Visitor, text: str | bytes) -> str:
    """Keep and check a file, and return the path of its page."""
    response = await send(visitor, text)
    assert response.status_code == 204, response.text
    path: str = response.headers["hx-redirect"]
    assert (await visitor.post(f"{path}/check")).headers["location"] == path
    return path


async def number_of_posts(installation: Installation) -> int:
    async with installation.database.session() as session:
        return int(await session.scalar(select(func.count()).select_from(Post)) or 0)


async def create(visitor: Visitor, path: str) -> str:
    """Press the button of the page, and return what the page shows then."""
    [version] = re.findall(r'name="version" value="(\d+)"', (await visitor.get(path)).text)
    assert (await visitor.post(f"{path}/create", {"version": version})).status_code == 303
    return (await visitor.get(path)).text


def lines(page: str) -> list[int]:
    return [int(one) for one in re.findall(r'<li id="line-(\d+)">', page)]


async def test_template_is_filled_checked_and_becomes_posts(
    owner: Visitor, desk: dict[str, Any], installation: Installation, clip: Path
) -> None:
    template = await owner.get("./posts/import/template.csv")
    assert template.headers["content-type"] == "text/csv; charset=utf-8"
    [columns, *rows] = csv.reader(io.StringIO(template.text.removeprefix("\ufeff")))
    assert columns[:7] == ["files", "to", "title", "text", "tags", "at", "timezone"]
    assert "tiktok.privacyLevel" in columns
    assert [row[0] for row in rows] == ["clip", "my-clip.mp4"]
    path = await kept(owner, template.content)
    page = (await owner.get(path)).text
    assert "1 row has problems; nothing is created" in page
    assert lines(page) == [3]  # those with problems first
    assert "The library has no clip &#39;my-clip.mp4&#39;. Upload it." in page
    assert 'data-missing="my-clip.mp4"' in page
    assert re.search(r"<button disabled>.*Schedule 2 posts", page)
    # The missing file comes, and the rows are checked again.
    await upload(owner, clip, "my-clip.mp4", (9).to_bytes(4, "big") + b"free-")
    await owner.post(f"{path}/check")
    page = (await owner.get(path)).text
    assert "Ready: 2 posts, 4 items" in page
    assert lines(page) == [2, 3]
    assert page.count("thumbnail?w=72") == 2
    assert "Caption 1</p>" in page
    assert f"18:00 <small>{'UTC'}</small>" in page
    assert await number_of_posts(installation) == 0
    page = await create(owner, path)
    assert "2 posts are created" in page
    assert await number_of_posts(installation) == 2
    async with installation.database.session() as session:
        [entry] = await session.scalars(select(AuditEntry).where(AuditEntry.action == "posts.imported"))
        [content] = await session.scalars(select(StoredPlan.content))
    assert (entry.subject, content) == ("2 posts", b"")
    # A second press changes nothing, and the file cannot be replaced.
    await owner.post(f"{path}/create", {"version": "1"})
    assert await number_of_posts(installation) == 2
    assert (await send(owner, "files,to\r\n", f"{path}/file")).status_code == 409
    assert str(path) not in (await owner.get("./posts/import")).text


async def test_name_of_several_clips_is_a_hint_that_says_which_is_taken(
    owner: Visitor, desk: dict[str, Any], installation: Installation, clip: Path
) -> None:
    await upload(owner, clip, "clip.mp4", (9).to_bytes(4, "big") + b"free-")
    async with installation.database.session() as session:
        newest = (await session.scalars(select(Render).order_by(Render.id.desc()))).first()
    assert newest is not None
    path = await kept(owner, f"files,to,title,text,at\r\nclip.mp4,youtube:{NAME},T,x,{some_day()} 10:00\r\n")
    page = (await owner.get(f"{path}?show=hints")).text
    assert "Ready: 1 post" in page
    assert lines(page) == [2]
    assert "The library has 2 clips &#39;clip.mp4&#39;. The newest is taken, of <time" in page
    await create(owner, path)
    async with installation.database.session() as session:
        assert (await session.scalars(select(Item.edit_id))).one() == newest.edit_setting_id


async def test_kinds_of_problems_have_names_of_people(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """The chips name neither a field nor a code. Columns of the file stay as its author wrote them."""
    async with installation.database.begin() as session:
        lost = update(Connection).where(Connection.id == UUID(desk["youtube"]))
        await session.execute(lost.values(status="needs_reconnect"))
    rows = [f"clip.mp4,{to}:{NAME},T,x,{at}" for to, at in (("youtube", f"{some_day()} 10:00"), ("tiktok", "soon"))]
    path = await kept(owner, "\r\n".join(["files,to,title,text,at", *rows, ""]))
    found = []
    for show in ("problems", "hints"):
        page = (await owner.get(f"{path}?show={show}")).text
        found += re.findall(r'class="chip"[^>]*>([^<]+) <span', page)
    assert "TikTok: Who can watch: missing" in found, found
    assert not [one for one in found if "connection" in one or "." in one or "privacyLevel" in one], found


async def test_problems_in_the_middle_are_shown_together_and_page_by_page(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_import, "ROWS", 3)
    day = some_day()
    rows = [f"clip.mp4,youtube:{NAME},Title {n},Text {n},{day} 1{n % 10}:00" for n in range(1, 9)]
    rows[3] = f"clip.mp4,youtube:@nobody <b>,{'x' * 101},Text,2020-01-01 10:00"
    rows[6] = f"clip.mp4,youtube:{NAME},Title 7,Text,soon"
    path = await kept(owner, "\r\n".join(["files,to,title,text,at", *rows, '"open', ""]))
    async with installation.database.begin() as session:  # the page needs what the check read, not the file
        await session.execute(update(StoredPlan).values(content=b""))
    page = (await owner.get(path)).text
    assert lines(page) == [5, 8]
    assert "3 rows have problems; nothing is created" in page
    assert "9 rows · " in page  # with the one that cannot be read
    assert "youtube:@nobody &lt;b&gt;" in page
    assert "A quote opens in this row and is not closed." in page  # of a line that is no row
    for kind in ("Accounts: not found", "Time: in the past", "Time: invalid time", "Row: quote not closed"):
        assert f">{kind} <span" in page, kind
    assert not re.findall(r">\w+_\w+<", page)  # no code of a program
    only = (await owner.get(f"{path}?show=problems&kind=at:invalid_time")).text
    assert lines(only) == [8]
    everything = [lines((await owner.get(f"{path}?show=all&page={number}")).text) for number in (1, 2, 3, 4)]
    assert everything == [[2, 3, 4], [5, 6, 7], [8, 9], []]
    assert (await owner.get(f"{path}?page=99999999999")).status_code == 422
    await owner.post(f"{path}/create", {"version": "9" * 5000})
    found = (await owner.get(f"{path}/problems.csv")).text
    [columns, *listed] = csv.reader(io.StringIO(found.removeprefix("\ufeff")))
    assert columns == ["line", "column", "kind", "rule", "message", "limit", "actual"]
    assert {(row[0], row[1]) for row in listed if row[2] == "problem"} >= {("5", "to"), ("5", "at"), ("8", "at")}
    await owner.post(f"{path}/create", {"version": "1"})
    assert await number_of_posts(installation) == 0
    # The corrected file replaces it.
    rows[3], rows[6] = rows[0].replace("11:00", "09:00").replace("Text 1", "A"), rows[1].replace("12:", "08:")
    rows[6] = rows[6].replace("Text 2", "B")
    assert (await send(owner, "\r\n".join(["files,to,title,text,at", *rows]), f"{path}/file")).status_code == 204
    await owner.post(f"{path}/check")
    assert "8 posts are created" in await create(owner, path)
    assert await number_of_posts(installation) == 8


async def test_clips_are_named_with_any_characters(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """By the cell as a whole, or in a list as JSON. The template names them so that the file can be imported."""
    name = 'Intro; "cut"/2.mp4'
    async with installation.database.begin() as session:
        await session.execute(update(Render).values(name=name))
    text = io.StringIO(newline="")
    plans = csv.writer(text)
    plans.writerow(["files", "to", "title", "at"])
    for number, files in enumerate((name, json.dumps([name]), "old/clip.mp4", "clip.mp4; other.mp4")):
        plans.writerow([files, f"youtube:{NAME}", f"Title {number}", f"{some_day()} 1{number}:00"])
    path = await kept(owner, text.getvalue())
    page = (await owner.get(path)).text
    assert (lines(page), re.findall(r'data-missing="([^"]+)"', page)) == ([5], ["other.mp4"])
    template = (await owner.get("./posts/import/template.csv")).text
    assert "1 row has problems" in (await owner.get(await kept(owner, template))).text  # of `my-clip.mp4`


async def test_row_that_becomes_wrong_after_the_check_creates_nothing(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    soon = clock.now() + timedelta(hours=2)
    text = f"files,to,title,at\r\nclip,youtube:{NAME},One,{soon:%Y-%m-%dT%H:%M:%SZ}\r\nclip,youtube:{NAME},Two,\r\n"
    path = await kept(owner, text)
    page = (await owner.get(path)).text
    assert "1 row goes</strong>" in page or "1 row goes out at once" in page
    clock.move(timedelta(hours=3))
    page = await create(owner, path)
    assert "1 row has problems" in page
    assert lines(page) == [2]
    assert await number_of_posts(installation) == 0


async def test_zone_and_repetitions_are_chosen_on_the_page(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    rows = [f"clip,youtube:{NAME},One,{some_day()} {hour}:00" for hour in (18, 19)]
    text = "\r\n".join(["files,to,title,at", *rows])
    path = await kept(owner, text)
    page = (await owner.get(f"{path}?show=hints")).text
    assert "by line 2 of the plan" in page
    assert lines(page) == [3]
    choices = {"zone": "America/Sao_Paulo", "allow_duplicate": "on"}
    assert (await owner.post(f"{path}/choices", choices)).status_code == 303
    await owner.post(f"{path}/check")
    page = (await owner.get(path)).text
    assert "21:00 <small>UTC</small>" in page
    assert "as written: " in page
    assert "18:00 America/Sao_Paulo" in page
    assert "duplicate" not in page.split('id="summary-title"')[1].split('class="csv-rows"')[1]
    refused = await owner.post(f"{path}/choices", {"zone": "Atlantis"}, **{"HX-Request": "true"})
    assert (refused.status_code, "does not exist" in refused.text) == (422, True)


async def test_progress_is_shown_until_the_check_ends_or_its_process(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    path = (await send(owner, f"files,to,title\r\nclip,youtube:{NAME},One\r\n")).headers["hx-redirect"]
    page = (await owner.get(path)).text
    assert 'hx-trigger="load, submit"' in page  # the page begins the check
    async with installation.database.begin() as session:
        await session.execute(update(StoredPlan).values(state=PlanState.CHECKING, updated_at=clock.now()))
    part = await owner.get(f"{path}/progress")
    assert "Checking 1 row: 0 done" in part.text
    assert "hx-refresh" not in part.headers
    await owner.post(f"{path}/check")  # another one runs
    assert "Checking 1 row" in (await owner.get(path)).text
    assert (await owner.post(f"{path}/create", {"version": "1"})).status_code == 303
    clock.move(stored.SILENCE + timedelta(seconds=1))
    assert "The server stopped during this" in (await owner.get(path)).text
    await owner.post(f"{path}/check")
    assert (await owner.get(f"{path}/progress")).headers["hx-refresh"] == "true"
    assert "Ready: 1 post, 1 item" in (await owner.get(path)).text
    assert await number_of_posts(installation) == 0


async def test_file_that_the_release_before_checked_is_checked_again(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """Its app runs beside this one during an upgrade, and keeps what it found in its own form."""
    path = await kept(owner, f"files,to,title\r\nclip,youtube:{NAME},One\r\n")
    [version] = re.findall(r'name="version" value="(\d+)"', (await owner.get(path)).text)
    former = {"items": 1, "at_once": 1, "missing": [], "errors": [], "warnings": []}
    async with installation.database.begin() as session:
        await session.execute(update(StoredPlan).values(found=former))
    page = await owner.get(path)
    assert (page.status_code, 'hx-trigger="load, submit"' in page.text) == (200, True)
    await owner.post(f"{path}/create", {"version": version})
    assert await number_of_posts(installation) == 0
    await owner.post(f"{path}/check")
    # Today's form, of a release that kept no reason why a creation failed.
    async with installation.database.begin() as session:
        await session.execute(update(StoredPlan).values(found=StoredPlan.found.op("-")("failed")))
    assert "1 post is created" in await create(owner, path)


async def test_check_and_creation_that_take_long_are_not_taken_for_ended(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_stored, waited = stored.open_stored, []

    async def slowly(parts: Installation, plan: StoredPlan, *choose: Any) -> Any:
        if plan.state in stored.RUNNING:
            clock.move(stored.SILENCE + timedelta(seconds=1))
            async with asyncio.timeout(20):
                while not await is_running():
                    await asyncio.sleep(0.01)
            waited.append(plan.state)
        return await open_stored(parts, plan, *choose)

    async def is_running() -> bool:
        async with installation.database.session() as session:
            return stored.is_running((await session.scalars(select(StoredPlan))).one())

    monkeypatch.setattr(stored, "open_stored", slowly)
    monkeypatch.setattr(stored, "PULSE", 0.01)
    path = await kept(owner, f"files,to,title\r\nclip,youtube:{NAME},One\r\n")
    assert "1 post is created" in await create(owner, path)
    assert waited == [PlanState.CHECKING, PlanState.CREATING]


async def test_files_that_cannot_be_read_are_refused_with_the_reason(
    owner: Visitor, installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    refused = await send(owner, "files,to\r\nü".encode("latin-1"))
    assert refused.status_code == 422
    assert "The CSV is not UTF-8" in refused.text
    pasted = await owner.post("./posts/import", {"text": " "})
    assert pasted.status_code == 422
    assert "The CSV is empty" in pasted.text
    assert (await owner.post("./posts/import", {"text": "files,to\r\na,b"})).status_code == 303
    waiting = (await owner.get("./posts/import")).text
    assert "plan.csv" in waiting
    [path] = re.findall(r'action="(/w/[^"]+)/delete"', waiting)
    viewer = await invited("viewer")
    assert (await viewer.get(path)).status_code == 403
    await owner.post(f"{path}/delete")
    assert (await owner.get(path)).status_code == 404
    for _ in range(stored.UNFINISHED_MAX):
        assert (await send(owner, "files,to\r\na,b")).status_code == 204
    assert "wait to be imported, the maximum" in (await send(owner, "files,to\r\na,b")).text
    clock.move(stored.KEPT + timedelta(minutes=1))
    await delete_expired(installation.database, installation.storage)
    async with installation.database.session() as session:
        assert (await session.scalars(select(StoredPlan.id))).all() == []
    assert (await owner.get("./posts/import/nonsense")).status_code == 404


async def test_creation_that_takes_long_goes_on_after_its_response_and_counts_once(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    creating, go_on, answered = stored.service.create_posts, asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Any:
        await go_on.wait()
        return await creating(*given)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            await send(message)
            if scope["path"].endswith("/create") and not message.get("more_body") and "body" in message:
                answered.set()

        await inner(scope, receive, sending)

    path = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},One,{some_day()} 18:00\r\n")
    monkeypatch.setattr(stored.service, "create_posts", slowly)
    monkeypatch.setattr(csv_import, "PATIENCE", 0.01)
    inner, owner.client._transport.app = owner.client._transport.app, app  # type: ignore[attr-defined]
    press = {"version": re.findall(r'name="version" value="(\d+)"', (await owner.get(path)).text)[0]}
    pressed = asyncio.create_task(owner.post(f"{path}/create", press, **{"HX-Request": "true"}))
    async with asyncio.timeout(20):
        await answered.wait()
    page = (await owner.get(path)).text
    assert "Scheduling 1 row: 0 done" in page
    assert f'hx-get="{owner.base}' in page
    assert 'id="create"' not in page
    # Another press does nothing more.
    assert (await owner.post(f"{path}/create", press)).status_code == 303
    assert await number_of_posts(installation) == 0
    go_on.set()
    assert (await pressed).headers["hx-redirect"] == path
    assert (await owner.get(f"{path}/progress")).headers["hx-refresh"] == "true"
    assert "1 post is created" in (await owner.get(path)).text
    assert await number_of_posts(installation) == 1


async def test_creation_that_fails_says_so_and_can_be_pressed_again(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any) -> None:
        raise AppError(409, "too_many_items", "The workspace has too many items.")

    path = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},One,{some_day()} 18:00\r\n")
    press = {"version": re.findall(r'name="version" value="(\d+)"', (await owner.get(path)).text)[0]}
    with monkeypatch.context() as broken:
        broken.setattr(stored.service, "create_posts", failing)
        assert (await owner.post(f"{path}/create", press)).status_code == 409
    page = (await owner.get(path)).text
    assert "No post was created" in page
    assert "The workspace has too many items." in page
    assert await number_of_posts(installation) == 0
    assert "1 post is created" in await create(owner, path)


async def test_check_that_fails_says_so_and_shows_nothing_that_the_check_before_found(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any) -> None:
        raise AppError(503, "unavailable", "The database is away.")

    path = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},One,{some_day()} 18:00\r\n")
    with monkeypatch.context() as broken:
        broken.setattr(stored, "open_stored", failing)
        assert (await owner.post(f"{path}/check")).status_code == 503
    page = (await owner.get(path)).text
    assert "The rows could not be checked" in page
    assert "The database is away. Check them again." in page
    assert 'id="create"' not in page
    # It does not start again with each load of the page.
    assert 'hx-trigger="submit"' in page
    await owner.post(f"{path}/check")
    # The process of another check ends.
    async with installation.database.begin() as session:
        await session.execute(update(StoredPlan).values(state=PlanState.CHECKING, updated_at=clock.now()))
    clock.move(stored.SILENCE + timedelta(seconds=1))
    assert "This is what the check before found." in (await owner.get(path)).text
    assert "1 post is created" in await create(owner, path)


async def test_import_of_addresses_keeps_no_other_file_waiting(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*_: Any) -> None:
        fetching.set()
        await go_on.wait()

    path = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},One,{some_day()} 18:00\r\n")
    other = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},Two,{some_day()} 19:00\r\n")
    monkeypatch.setattr(stored, "AT_ONCE", asyncio.Semaphore(1))
    monkeypatch.setattr(stored.service, "fetch_addresses", slowly)
    with monkeypatch.context() as addresses:
        addresses.setattr(stored.service, "rows_with_addresses", lambda opened: opened.rows)
        first = asyncio.create_task(create(owner, path))
        async with asyncio.timeout(20):
            await fetching.wait()
    assert "1 post is created" in await create(owner, other)
    go_on.set()
    assert "1 post is created" in await first


async def test_creation_that_is_cancelled_while_it_waits_can_be_pressed_again(
    owner: Visitor, desk: dict[str, Any], installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await kept(owner, f"files,to,title,at\r\nclip,youtube:{NAME},One,{some_day()} 18:00\r\n")
    monkeypatch.setattr(stored, "AT_ONCE", asyncio.Semaphore(0))
    async with installation.database.session() as session:
        kept_plan = (await session.scalars(select(StoredPlan))).one()
    ids = kept_plan.workspace_id, str(kept_plan.id)
    plan = await stored.begin(installation, *ids, PlanState.CREATING, kept_plan.version)
    assert plan is not None
    # Its file is read when its turn has come.
    assert "content" not in vars(plan)
    waiting = asyncio.create_task(stored.create(installation, plan, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    monkeypatch.setattr(stored, "AT_ONCE", asyncio.Semaphore(1))
    assert "The server could not finish. Schedule them again." in (await owner.get(path)).text
    assert "1 post is created" in await create(owner, path)
