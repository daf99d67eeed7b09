"""The pages of clips: the editor, the clips made with it, templates, and the files that edits use."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, update

from clipcast.common.ids import new_id
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import RenderTemplate
from clipcast.installation import Installation
from clipcast.rendering.recipe import Edit, Picture, Recipe, Trim
from clipcast.rendering.timeline import FRAMES
from clipcast.renders import templates
from clipcast.renders.edit_schemas import EditBody
from clipcast.testing.media_files import make
from tests.web.browser import sent
from tests.web.conftest import JSON, Visitor, upload


def path_in(owner: Visitor, page: str) -> str:
    """Return the path of the first clip of the list."""
    return "./clips/" + page.split(f'<h2><a href="{owner.base}/clips/')[1].split('"')[0]


async def test_timeline_and_its_strip_are_served_to_members(
    owner: Visitor, visitors: Callable[[], Visitor], clip: Path
) -> None:
    await upload(owner, clip)
    path = path_in(owner, (await owner.get("./clips")).text)
    found = await owner.get(path + "/timeline")
    assert found.json()["frames"] == FRAMES
    assert found.json()["peaks"]
    strip = await owner.get(path + "/strip")
    assert strip.headers["content-type"] == "image/jpeg"
    assert strip.content.startswith(b"\xff\xd8\xff")
    stranger = visitors()
    stranger.base = owner.base
    for name in ("/timeline", "/strip"):
        answer = await stranger.get(path + name)
        assert answer.status_code in (303, 401), name


async def test_timeline_of_a_lost_file_is_missing(owner: Visitor, installation: Installation, clip: Path) -> None:
    await upload(owner, clip)
    path = path_in(owner, (await owner.get("./clips")).text)
    await installation.storage.delete_all("clips")
    found = await owner.get(path + "/timeline")
    assert found.status_code == 404


async def first_clip(owner: Visitor, clip: Path, name: str = "clip.mp4") -> str:
    """Upload a clip, and return the path of its page."""
    await upload(owner, clip, name)
    return path_in(owner, (await owner.get("./clips")).text)


async def test_page_of_an_upload_has_the_editor(owner: Visitor, clip: Path) -> None:
    page = (await owner.get(await first_clip(owner, clip))).text
    form = sent(page, "edit")
    assert form["trim.start"] == ["0:00.0"]
    assert form["trim.end"] == ["0:04.2"]
    assert form["aspect_ratio"] == ["source"]
    assert "Nothing is changed yet" in page


async def test_viewer_sees_the_clip_without_the_editor(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], clip: Path
) -> None:
    path = await first_clip(owner, clip)
    viewer = await invited("viewer")
    page = await viewer.get(path)
    assert page.status_code == 200
    assert 'id="edit"' not in page.text
    assert "Where it fits" in page.text
    for action in ("/edit", "/check", "/template", "/delete"):
        assert (await viewer.post(path + action)).status_code == 403, action


async def test_saved_cut_is_a_new_clip_beside_its_original(
    owner: Visitor, installation: Installation, clip: Path
) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    saved = await owner.post(path + "/edit", form | {"trim.start": "1", "trim.end": "3", "name": "Short"})
    assert saved.status_code == 303
    page = (await owner.get(path)).text
    assert "Short" in page
    assert "Waiting" in page
    async with installation.database.session() as session:
        made = (await session.execute(select(Render).where(Render.key != ""))).scalar_one()
    assert made.edit == {"trim": {"start": 1.0, "end": 3.0}}
    assert made.rendition is not None
    result = (await owner.get(f"./clips/{made.id}")).text
    assert "Made from" in result
    again = sent((await owner.get(f"./clips/{made.id}/edit")).text, "edit")
    assert again["trim.start"] == ["0:01.0"]
    assert again["trim.end"] == ["0:03.0"]


async def test_problems_are_shown_beside_their_fields(owner: Visitor, clip: Path) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    changes = {"trim.end": "1:00", "speed": "9", "captions.from": "typed", "cue.text": ["Hello"]}
    page = await owner.post(path + "/edit", form | changes)
    assert page.status_code == 422
    assert 'id="speed-problem" data-problem-of="speed">Type a number from 0.25 to 4.<' in page.text
    assert 'data-problem-of="cue">Caption 1: Type a time' in page.text
    assert sent(page.text, "edit")["trim.end"] == ["1:00"]
    page = await owner.post(path + "/edit", form | {"trim.end": "1:00"})
    assert 'data-problem-of="trim.end">The end is after the end of the video: 60 s, maximum 4.2 s.' in page.text
    page = await owner.post(path + "/edit", form)
    assert "Nothing is changed. Cut the clip" in page.text


async def test_check_shows_what_the_result_fits(owner: Visitor, clip: Path) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    checked = (await owner.post(path + "/check", form | {"trim.end": "0:02"})).text
    assert "Where the result fits" in checked
    assert "0:02, 540x960" in checked
    # Pinterest takes at least 4 s, which no conversion adds.
    assert "too short" in checked
    checked = (await owner.post(path + "/check", form | {"aspect_ratio": "1:1", "fit": "crop"})).text
    assert "540x540" in checked


async def test_platforms_limit_has_a_fix(owner: Visitor, tmp_path: Path) -> None:
    path = await first_clip(owner, make(tmp_path / "long.mp4", seconds=100, rate=24, size=(540, 960), sound=None))
    page = (await owner.get(path)).text
    assert 'data-trim-to="90"' in page
    form: dict[str, Any] = sent(page, "edit")
    checked = (await owner.post(path + "/check", form | {"trim.end": "1:30"})).text
    assert 'data-trim-to="90"' not in checked


async def test_template_is_saved_applied_changed_and_deleted(owner: Visitor, clip: Path) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    changes = {
        "aspect_ratio": "1:1", "template_name": "Square", "captions.from": "typed", "cue.start": ["0"],
        "cue.end": ["1"], "cue.text": ["Only here"], "captions.style.size": "6",
    }  # fmt: skip
    assert "Type a name" in (await owner.post(path + "/template", form | changes | {"template_name": ""})).text
    saved = await owner.post(path + "/template", form | changes)
    assert saved.status_code == 303
    applied = sent((await owner.get(saved.headers["location"])).text, "edit")
    assert applied["aspect_ratio"] == ["1:1"]
    assert applied["captions.from"] == ["none"]
    assert applied["captions.style.size"] == ["6"]
    listed = (await owner.get("./templates")).text
    assert "1:1, blurred edges" in listed
    template = "./templates/" + listed.split(f'href="{owner.base}/templates/')[1].split('"')[0]
    its: dict[str, Any] = sent((await owner.get(template)).text, "edit")
    assert (its["captions.from"], its["captions.style.size"]) == (["look"], ["6"])
    assert (await owner.post(template, its | {"name": ""})).status_code == 422
    assert (await owner.post(template, its | {"name": "Wide", "aspect_ratio": "16:9"})).status_code == 303
    listed = (await owner.get("./templates")).text
    assert "Wide" in listed
    assert "look of captions" in listed
    assert "16:9" in listed
    # The look goes by its choice, and by being as it is without one.
    its = sent((await owner.get(template)).text, "edit")
    for changes, stays in (
        ({"captions.style.size": "3.5"}, False), ({"captions.style.position": "top"}, True),
        ({"captions.from": "none"}, False),
    ):  # fmt: skip
        assert (await owner.post(template, its | {"captions.style.size": "3.5"} | changes)).status_code == 303
        assert ("look of captions" in (await owner.get("./templates")).text) == stays
    assert (await owner.post(template + "/delete")).status_code == 303
    assert "No templates yet" in (await owner.get("./templates")).text


async def test_template_with_a_text_of_captions_is_saved_in_the_app(owner: Visitor, installation: Installation) -> None:
    """Callers of the API may give a template captions of its own. The app shows, changes and removes them."""
    text = "1\n00:00:00,000 --> 00:00:01,000\nEverywhere\n"
    edit = EditBody.model_validate({"captions": {"text": text, "style": {"size": 0.06}}})
    async with installation.database.begin() as session:
        id = (await templates.create_template(session, UUID(owner.base.rpartition("/")[2]), "Words", edit)).id
    page = f"./templates/{id}"
    its: dict[str, Any] = sent((await owner.get(page)).text, "edit")

    async def stored() -> dict[str, Any]:
        async with installation.database.session() as session:
            return (await session.execute(select(RenderTemplate.edit).where(RenderTemplate.id == id))).scalar_one()

    assert (await owner.post(page, its | {"speed": "2"})).status_code == 303
    assert await stored() == edit.canonical() | {"speed": 2.0}
    shorter = text.replace("Everywhere", "Here")
    assert (await owner.post(page, its | {"captions.text": shorter})).status_code == 303
    assert (await stored())["captions"]["text"] == shorter
    for wrong, says in (("", "Type at least one caption"), ("1\n0:0 -->", "Line 2 of"), (text * 300, "bytes")):
        answer = await owner.post(page, its | {"captions.text": wrong})
        assert (answer.status_code, says in answer.text) == (422, True), wrong[:40]
        assert f'name="captions.text" rows="10" dir="auto">\n{wrong[:40]}' in answer.text.replace("&gt;", ">")
    assert (await owner.post(page, its | {"captions.from": "none"})).status_code == 303
    assert "captions" not in await stored()


async def test_intro_that_is_not_among_the_newest_clips_has_its_name(
    owner: Visitor, installation: Installation, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(owner, clip, "opening.mp4")
    path = await first_clip(owner, clip, "harbour.mp4")
    gone = new_id()
    async with installation.database.begin() as session:
        intro = (await session.execute(select(Clip.id).where(Clip.title == "opening"))).scalar_one()
        edit = EditBody.model_validate({"intro": {"video_id": str(intro)}, "outro": {"video_id": str(gone)}})
        made = await templates.create_template(session, UUID(owner.base.rpartition("/")[2]), "Framed", edit)
    monkeypatch.setattr("clipcast.web.clip_editor.OFFERED", 0)
    for page in (f"{path}?template={made.id}", f"./templates/{made.id}"):
        shown = (await owner.get(page)).text
        assert f'<option value="{intro}" selected>opening</option>' in shown
        assert f'<option value="{gone}" selected>A clip that was deleted</option>' in shown


async def test_template_beyond_the_limit_is_a_problem_of_its_name(
    owner: Visitor, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "TEMPLATES_MAX", 0)
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    full = await owner.post(path + "/template", form | {"trim.start": "1", "template_name": "One more"})
    assert (full.status_code, "the maximum is 0. Delete one first." in full.text) == (422, True)


async def test_template_of_another_workspace_is_missing(owner: Visitor, clip: Path) -> None:
    path = await first_clip(owner, clip)
    for id in (str(new_id()), "none"):
        assert (await owner.get(f"{path}?template={id}")).status_code == 404
        assert (await owner.get(f"./templates/{id}")).status_code == 404


async def test_files_for_edits_are_uploaded_shown_and_deleted(owner: Visitor, clip: Path) -> None:
    await upload_file(owner, "words.srt", b"1\n00:00:00,500 --> 00:00:02,000\nHello & <b>welcome</b>\n")
    path = await first_clip(owner, clip)
    page = (await owner.get(path)).text
    captions = page.split('<select id="captions.asset_id"')[1].split('<option value="')[2].split('"')[0]
    cues = (await owner.get(f"./assets/{captions}/cues")).json()
    assert cues == [{"start": 0.5, "end": 2.0, "text": "Hello & welcome"}]
    assert (await owner.get(f"./assets/{captions}/picture")).status_code == 404
    form: dict[str, Any] = sent(page, "edit")
    saved = await owner.post(path + "/edit", form | {"captions.from": "file", "captions.asset_id": captions})
    assert saved.status_code == 303
    assert "words.srt" in (await owner.get("./templates")).text
    refused = await upload_file(owner, "bad.srt", b"not a caption")
    assert refused.status_code == 422


async def upload_file(owner: Visitor, name: str, content: bytes) -> httpx2.Response:
    """Upload a file for edits, and return the response of its check."""
    url, headers = owner._at("./assets/uploads"), owner.headers | JSON
    body = json.dumps({"file_name": name, "file_size": len(content)})
    started = (await owner.client.post(url, content=body, headers=headers)).json()
    assert (await owner.client.put(started["upload_url"], content=content)).is_success
    done = json.dumps({"asset_id": started["asset_id"]})
    return await owner.client.post(url + "/complete", content=done, headers=headers)


async def test_clip_that_is_being_made_can_be_cancelled_and_deleted(
    owner: Visitor, installation: Installation, clip: Path
) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    await owner.post(path + "/edit", form | {"trim.start": "1"})
    async with installation.database.session() as session:
        made = (await session.execute(select(Render).where(Render.key != ""))).scalar_one()
    original = path.rsplit("/", 1)[1]
    gone = await owner.post(f"./clips/{made.id}/delete?back={original}")
    assert gone.headers["location"].endswith(original)
    assert "Cancelled" in (await owner.get(path)).text
    await owner.post(f"./clips/{made.id}/delete?back={original}")
    assert "Nothing yet" in (await owner.get(path)).text


async def test_failed_clip_says_why_and_looks_unusable(owner: Visitor, installation: Installation, clip: Path) -> None:
    path = await first_clip(owner, clip)
    form: dict[str, Any] = sent((await owner.get(path)).text, "edit")
    await owner.post(path + "/edit", form | {"trim.start": "1"})
    async with installation.database.begin() as session:
        made = (await session.execute(select(Render).where(Render.key != ""))).scalar_one()
        assert made.rendition is not None
        made.rendition.status = "failed"
        made.rendition.error = {"code": "conversion_crashed", "message": "It ended three times.", "fix": "Cut less."}
        assert made.name.endswith(", from 0:01")
    tile = (await owner.get("./clips")).text.split(f'id="clip-{made.id}"')[1].split("</article>")[0]
    assert "It ended three times. Cut less." in tile
    assert "badge" not in tile
    assert " MB" not in tile


async def test_converted_copy_of_the_whole_clip_is_offered_to_browsers(
    owner: Visitor, installation: Installation, clip: Path
) -> None:
    path = await first_clip(owner, clip)
    assert "data-converted" not in (await owner.get(path)).text
    assert (await owner.get(path + "/converted")).status_code == 404
    stored = {"whole": b"converted", "part": b"a part"}
    for name, content in stored.items():
        await installation.storage.put_bytes(f"renditions/{name}.mp4", content)
    picture = Picture(540, 960, (30, 1))
    async with installation.database.begin() as session:
        found = (await session.execute(select(Clip))).scalar_one()
        for name, recipe in (("whole", Recipe(picture)), ("part", Recipe(picture, edit=Edit(trim=Trim(1.0))))):
            session.add(
                Rendition(
                    workspace_id=found.workspace_id, key=name, clip_id=found.id, inputs=[], recipe=recipe.as_dict(),
                    action="video", status="completed", storage_key=f"renditions/{name}.mp4", size=len(stored[name]),
                )
            )  # fmt: skip
    assert f'data-converted="{owner.base}' in (await owner.get(path)).text
    assert (await owner.get(path + "/converted")).content == b"converted"


async def test_unreadable_facts_leave_the_page_working(owner: Visitor, installation: Installation, clip: Path) -> None:
    path = await first_clip(owner, clip)
    async with installation.database.begin() as session:
        await session.execute(update(Clip).values(media={"new": "form"}))
    page = await owner.get(path)
    assert page.status_code == 200
    assert "Delete" in page.text
    assert (await owner.get(path + "/timeline")).status_code == 404
    assert (await owner.post(path + "/check")).status_code == 422
