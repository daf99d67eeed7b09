"""The library of clips: places, filters, folders, labels, the bin, and actions on many clips."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import insert, select, text

from clipcast.clips.library import KEPT, LibraryFilter, list_library
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.models.clips import Clip, Folder, Render
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.renders.bin import delete_from_bin
from clipcast.testing.harness import some_day
from tests.database.plans import fill_table, of_many, plan_of
from tests.web.conftest import JSON, Visitor, form, upload

HTMX = {"HX-Request": "true"}
NAMES = (
    "Serum routine", "N" * 200, "عرض الصباح في الميناء", "👩‍👩‍👧‍👦 Picnic 🧺", "<script>alert(1)</script> & more",
)  # fmt: skip


async def seed(owner: Visitor, installation: Installation, *clips: dict[str, Any]) -> list[str]:
    """Add clips with a name, seconds and size each, and return their ids, the oldest first."""
    workspace, made = UUID(owner.base.rsplit("/", 1)[1]), []
    rows: list[dict[str, Any]] = []
    for one in clips:
        media = {
            "container": "mp4",
            "size": 1_000_000,
            "duration": one.get("seconds", 20.0),
            "width": one.get("width", 1080),
            "height": one.get("height", 1920),
            "frame_rate": 30.0,
            "video_codec": "h264",
            "audio_codec": "aac",
            "audio_channels": 2,
            "audio_rate": 48000,
            "audio_bit_rate": 128_000,
            "video_bit_rate": 2_000_000,
        }
        rows.append({"id": new_id(), "media": media, "name": one["name"], "labels": one.get("labels", [])})
        made.append(new_id())
    now = clock.now()
    async with installation.database.begin() as session:
        common = {"file_name": "a.mp4", "title": "a", "content_type": "video/mp4", "status": "ready", "size": 1_000_000}
        clips_of = [
            common | {"id": one["id"], "workspace_id": workspace, "storage_key": f"clips/{one['id']}/a.mp4",
                      "sha256": str(one["id"]), "media": one["media"]} for one in rows
        ]  # fmt: skip
        await session.execute(insert(Clip), clips_of)
        renders = [
            {"id": id, "workspace_id": workspace, "clip_id": one["id"], "name": one["name"], "labels": one["labels"],
             "status": "completed", "created_at": now} for id, one in zip(made, rows, strict=True)
        ]  # fmt: skip
        await session.execute(insert(Render), renders)
    return [str(one) for one in made]


def shown(page: httpx2.Response) -> list[str]:
    """Return the names of the clips of a page."""
    assert page.status_code == 200, page.text
    return [unescape(one) for one in re.findall(r'class="title" dir="auto">(.*?)</a></h2>', page.text)]


async def act(owner: Visitor, action: str, ids: list[str], **fields: object) -> httpx2.Response:
    return await owner.post("./clips/chosen", {"action": action, "chosen": ids} | fields, **HTMX)


async def undo(owner: Visitor, done: httpx2.Response) -> None:
    """Press Undo in a toast."""
    path = re.search(r'action="([^"]+)"', done.text)
    before = re.search(r'name="before" value="([^"]*)"', done.text)
    assert path, done.text
    assert before, done.text
    answer = await owner.post(path[1], {"before": unescape(before[1])}, **HTMX)
    assert "Undone." in answer.text


async def folder_of(owner: Visitor, name: str, parent: str = "") -> str:
    made = await owner.post("./clips/folders", {"name": name, "parent": parent})
    assert made.status_code == 303, made.text
    return made.headers["location"].rsplit("=", 1)[1]


async def test_filters_and_search_find_clips(owner: Visitor, installation: Installation) -> None:
    await seed(
        owner, installation,
        {"name": "Serum routine", "seconds": 12, "labels": ["Autumn"]},
        {"name": "Kiln opening", "seconds": 75, "width": 1920, "height": 1080},
        {"name": "Long talk", "seconds": 900, "width": 1080, "height": 1080},
        {"name": "100% wool_", "seconds": 200},
    )  # fmt: skip
    everything = ["100% wool_", "Long talk", "Kiln opening", "Serum routine"]
    assert shown(await owner.get("./clips")) == everything
    for query, expected in {
        "q=KILN": ["Kiln opening"], "q=autu": ["Serum routine"], "q=%25": ["100% wool_"], "q=l_": ["100% wool_"],
        "q=nothing": [], "length=15": ["Serum routine"], "length=90": ["Kiln opening"],
        "length=long": ["100% wool_", "Long talk"], "shape=vertical": ["100% wool_", "Serum routine"],
        "shape=square": ["Long talk"], "shape=wide": ["Kiln opening"], "label=Autumn": ["Serum routine"],
        "label=autumn": [], "place=unposted": everything, "place=week": everything, "place=deleted": [],
        "length=wrong&shape=wrong&fits=wrong&place=wrong&before=wrong": everything, "shape=wide&length=15": [],
    }.items():  # fmt: skip
        assert shown(await owner.get(f"./clips?{query}")) == expected, query
    # The tiles and the filter agree on what fits.
    for fits in ("all", "facebook", "youtube"):
        page = await owner.get(f"./clips?fits={fits}")
        whole = (await owner.get("./clips")).text
        tiles = {shown_name(tile): tile for tile in whole.split('<li class="clip-tile"')[1:]}
        title = {"facebook": "Does not fit Facebook", "youtube": "Does not fit YouTube", "all": "Does not fit "}[fits]
        assert shown(page) == [name for name in everything if title not in tiles[name]], fits
    assert "Long talk" not in shown(await owner.get("./clips?fits=all"))
    assert "No clip matches “nothing”" in (await owner.get("./clips?q=nothing")).text
    clock.move(timedelta(days=8))
    assert shown(await owner.get("./clips?place=week")) == []


def shown_name(tile: str) -> str:
    return unescape(tile.split('dir="auto">')[1].split("</a>")[0])


async def test_folders_have_two_levels_and_keep_their_clips(owner: Visitor, installation: Installation) -> None:
    first, second = await seed(owner, installation, {"name": "One"}, {"name": "Two"})
    outer = await folder_of(owner, "  Winter \n menu ")
    inner = await folder_of(owner, "Raw", outer)
    moved = await act(owner, "move", [first], folder=inner)
    assert "1 clip moved to Raw." in moved.text
    assert moved.headers["hx-trigger"] == "refresh,bulk-done"
    assert shown(await owner.get(f"./clips?folder={outer}")) == ["One"]
    assert shown(await owner.get(f"./clips?folder={inner}")) == ["One"]
    await undo(owner, moved)
    assert shown(await owner.get(f"./clips?folder={outer}")) == []
    await act(owner, "move", [first, second], folder=outer)
    for name, parent, message in (
        ("third level", inner, "folders have two levels"), ("WINTER MENU", "", "Another folder here is called"),
        ("", "", "The name is empty"), ("x" * 201, "", "201 characters, maximum 200"),
        ("\u202e", "", "The name is empty"),
    ):  # fmt: skip
        refused = await owner.post("./clips/folders", {"name": name, "parent": parent}, **HTMX)
        assert refused.status_code == 422, name
        assert message in unescape(refused.text), name
    assert (await owner.post(f"./clips/folders/{outer}", {"name": "Winter MENU"})).status_code == 303
    assert "Winter MENU" in (await owner.get("./clips")).text
    assert (await owner.post(f"./clips/folders/{outer}/delete")).status_code == 303
    async with installation.database.session() as session:
        assert (await session.scalars(select(Folder))).all() == []
    assert shown(await owner.get("./clips")) == ["Two", "One"]
    assert (await owner.get(f"./clips?folder={outer}")).status_code == 404


@pytest.mark.parametrize("name", NAMES)
async def test_names_of_any_kind_are_shown_as_text(owner: Visitor, installation: Installation, name: str) -> None:
    [id] = await seed(owner, installation, {"name": name})
    folder = await folder_of(owner, name)
    label = name[:50]
    done = await act(owner, "label", [id], label=label)
    assert done.status_code == 200
    await act(owner, "move", [id], folder=folder)
    page = await owner.get(f"./clips?folder={folder}&label={quote(label)}&q={quote(name[:20])}")
    assert shown(page) == [name]
    assert "<script>alert" not in page.text


async def test_clips_of_a_client_are_those_posted_to_its_accounts(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """What is in no post yet is of no client: its place shows all."""
    await seed(owner, installation, {"name": "Waits for a post"})
    made = await owner.post("./clients", {"name": "Alba", "timezone": "UTC"})
    client = made.headers["location"].partition("/clients/")[2][:36]
    async with installation.database.begin() as session:
        account = await session.get_one(Connection, UUID(desk["tiktok"]))
        account.client_id = UUID(client)
    post = form(desk, when="later", at=f"{some_day()}T18:30")
    assert (await owner.post(f"./compose/{new_id()}/send", post)).status_code == 204
    posted = "clip"
    for query, expected in {
        f"client={client}": [posted], "client=none": [], f"client={client}&q=nothing": [],
        f"client={client}&place=unposted": ["Waits for a post"], "": ["Waits for a post", posted],
    }.items():  # fmt: skip
        assert shown(await owner.get(f"./clips?{query}")) == expected, query
    page = (await owner.get(f"./clips?client={client}")).text
    assert f'<option value="{client}" selected>Alba</option>' in page
    assert "Clear filters" in page


async def test_labels_are_added_spelled_once_and_undone(owner: Visitor, installation: Installation) -> None:
    first, second = await seed(owner, installation, {"name": "One", "labels": ["Autumn"]}, {"name": "Two"})
    done = await act(owner, "label", [first, second], label="AUTUMN, raw ,raw, ", remove="")
    assert "2 clips labelled." in done.text
    assert shown(await owner.get("./clips?label=Autumn")) == ["Two", "One"]
    assert "raw (2)" in (await owner.get("./clips")).text
    await undo(owner, done)
    assert shown(await owner.get("./clips?label=Autumn")) == ["One"]
    assert "1 clip labelled." in (await act(owner, "label", [first, second], remove="Autumn")).text
    assert "Autumn" not in (await owner.get("./clips")).text
    many = ",".join(f"l{number}" for number in range(21))
    for fields, message in (
        ({"label": many}, "maximum 20"),
        ({"label": "x" * 51}, "maximum 50"),
        ({}, "No label is given"),
    ):
        refused = await act(owner, "label", [first], **fields)
        assert (refused.status_code, message in refused.text) == (422, True), fields


async def test_deleted_clips_wait_in_the_bin(owner: Visitor, installation: Installation, clip: Path) -> None:
    await upload(owner, clip, "keep.mp4")
    await upload(owner, clip, "gone.mp4", b"\0" * 8)
    async with installation.database.session() as session:
        ids = {one.name: str(one.id) for one in await session.scalars(select(Render))}
    done = await act(owner, "delete", [ids["gone"]])
    assert "1 clip deleted." in done.text
    assert shown(await owner.get("./clips")) == ["keep"]
    assert shown(await owner.get("./clips?place=deleted")) == ["gone"]
    assert "Restore it to use it again" in (await owner.get(f"./clips/{ids['gone']}")).text
    await undo(owner, done)
    assert shown(await owner.get("./clips")) == ["gone", "keep"]
    await act(owner, "delete", [ids["gone"]])
    assert "1 clip restored." in (await act(owner, "restore", [ids["gone"], ids["keep"]])).text
    # On its page, too; then the file stays until the days are over.
    await owner.post(f"./clips/{ids['gone']}/delete")
    await owner.post(f"./clips/{ids['gone']}/restore")
    await owner.post(f"./clips/{ids['gone']}/delete")
    clock.move(KEPT - timedelta(minutes=1))
    assert await delete_from_bin(installation.database) == 0
    clock.move(timedelta(minutes=2))
    await owner.sign_in()
    assert shown(await owner.get("./clips?place=deleted")) == []
    assert await delete_from_bin(installation.database) == 1
    async with installation.database.session() as session:
        assert [one.name for one in await session.scalars(select(Render))] == ["keep"]
        assert len((await session.scalars(select(Clip))).all()) == 1
        assert (await session.execute(text("SELECT count(*) FROM unwanted_objects"))).scalar_one() >= 1


async def test_clip_of_a_post_stays_until_the_post_is_gone(
    desk: dict[str, Any], owner: Visitor, installation: Installation
) -> None:
    assert desk["clip"]
    async with installation.database.session() as session:
        render = (await session.scalars(select(Render))).one()
    workspace = owner.base.rsplit("/", 1)[1]
    async with installation.database.begin() as session:
        post, item = new_id(), new_id()
        now = {"now": clock.now()}
        await session.execute(
            text("INSERT INTO posts (id, workspace_id, created_at, updated_at) VALUES (:post, :workspace, :now, :now)"),
            now | {"post": post, "workspace": workspace},
        )
        await session.execute(
            text("INSERT INTO items (id, workspace_id, post_id, position, edit_id, connection_id, platform, details, "
                 "status, progress, attempts, created_at, updated_at) SELECT :item, :workspace, :post, 0, :edit, id, "
                 "platform, '{}', 'published', 100, 1, :now, :now FROM connections LIMIT 1"),
            now | {"item": item, "workspace": workspace, "post": post, "edit": render.edit_setting_id},
        )  # fmt: skip
    page = await owner.get("./clips")
    assert "In 1 post<" in page.text
    assert shown(await owner.get("./clips?place=unposted")) == []
    await act(owner, "delete", [str(render.id)])
    clock.move(KEPT + timedelta(days=1))
    await owner.sign_in()
    assert await delete_from_bin(installation.database) == 0
    assert (await owner.post(f"./clips/{render.id}/purge")).status_code == 409
    assert (await owner.post("./clips/bin/empty")).status_code == 303


async def test_chosen_clips_become_a_draft(owner: Visitor, installation: Installation, clip: Path) -> None:
    ids = await seed(owner, installation, {"name": "One"}, {"name": "Two"})
    made = await act(owner, "compose", ids)
    assert made.status_code == 204
    page = await owner.get(made.headers["hx-redirect"])
    assert page.text.index("Two") < page.text.index("One")
    for action, chosen in (("compose", []), ("move", ["x"]), ("explode", ids)):
        assert (await act(owner, action, chosen)).status_code in (404, 422), action
    broken = await owner.post("./clips/undo/move", {"before": "[1]"}, **HTMX)
    assert broken.status_code == 422


async def test_viewer_and_strangers_change_nothing(
    owner: Visitor, installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    [id] = await seed(owner, installation, {"name": "One"})
    folder = await folder_of(owner, "Mine")
    viewer = await invited("viewer")
    page = await viewer.get("./clips")
    assert shown(page) == ["One"]
    assert 'name="chosen"' not in page.text
    for path in ("/chosen", "/undo/move", "/folders", f"/folders/{folder}", f"/folders/{folder}/delete", "/bin/empty"):
        assert (await viewer.post("./clips" + path, {"chosen": id, "action": "delete"})).status_code == 403, path
    # Ids of another workspace are nobody's.
    other = await owner.post("/account/workspaces", {"name": "Other"})
    if other.status_code == 303:
        owner.base = other.headers["location"]
        await act(owner, "delete", [id])
        assert (await owner.get(f"./clips?folder={folder}")).status_code == 404
        assert (await owner.post(f"./clips/folders/{folder}/delete")).status_code == 404
    async with installation.database.session() as session:
        assert (await session.scalars(select(Render))).one().deleted_at is None


async def test_upload_goes_into_the_open_folder(owner: Visitor, clip: Path) -> None:
    folder = await folder_of(owner, "Raw")
    content, url = clip.read_bytes(), owner._at("./clips/uploads")
    body = json.dumps({"file_name": "clip.mp4", "file_size": len(content)})
    started = (await owner.client.post(url, content=body, headers=owner.headers | JSON)).json()
    await owner.client.put(started["upload_url"], content=content)
    done = json.dumps({"video_id": started["video_id"], "file_name": "clip.mp4"})
    complete = f"{url}/complete?folder={folder}"
    assert (await owner.client.post(complete, content=done, headers=owner.headers | JSON)).status_code == 200
    assert shown(await owner.get(f"./clips?folder={folder}")) == ["clip"]


async def test_library_of_ten_thousand_clips_is_paged_by_key(owner: Visitor, installation: Installation) -> None:
    await seed(
        owner, installation, *({"name": f"Clip {number}", "seconds": number % 300 + 1} for number in range(10_000))
    )
    found = shown(page := await owner.get("./clips"))
    assert found == [f"Clip {number}" for number in range(9999, 9959, -1)]
    assert "10000" in page.text
    older = unescape(re.search(r'rel="next" href="([^"]+)"', page.text)[1])  # type: ignore[index]
    assert shown(await owner.get(older))[0] == "Clip 9959"
    assert shown(await owner.get("./clips?q=Clip+75&length=15"))[0] == "Clip 7514"
    assert len(page.content) < 120_000


async def test_library_is_read_along_an_index(database: Database) -> None:
    async with database.session() as session:
        clips = [new_id() for _ in range(20_000)]
        await fill_table(session, Clip, len(clips), id=clips.__getitem__, workspace_id=of_many)
        await fill_table(session, Render, len(clips), clip_id=clips.__getitem__, workspace_id=of_many)
        plan, _ = await plan_of(session, lambda: list_library(session, new_id(), LibraryFilter(), None, 40))
        assert "ix_renders_workspace_id_id" in plan
        assert "Sort" not in plan
