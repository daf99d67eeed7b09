"""Submissions: clips are found in videos by strategies, get templates, and are rendered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.common.unavailable import DatabaseUnavailable, StorageUnavailable
from clipcast.database.models.jobs import Job
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import FoundClip, Submission
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.rendering.recipe import recipe_of
from clipcast.renders import analysis, strategies, submissions, templates
from clipcast.renders.renderer import Renderer
from clipcast.renders.strategies import STRATEGIES, Found
from clipcast.storage import Storage, StorageError
from clipcast.testing.harness import Caller, Stage
from tests.renders.orders import kill_renderer
from tests.renders.videos import make_scenes, upload_video


@pytest.fixture
async def renderer(stage: Stage) -> AsyncIterator[Renderer]:
    found = stage.new_renderer()
    yield found
    await found.close()


@pytest.fixture(scope="session")
def scenes(session_dir: Path) -> Path:
    """Make a video of 4 scenes of 2 s, each with a pause at its end."""
    return make_scenes(session_dir / "scenes.mp4", count=4)


@pytest.fixture
async def video_id(caller: Caller, scenes: Path) -> str:
    return await upload_video(caller, scenes, "scenes.mp4")


async def submit(caller: Caller, video_id: str, **more: Any) -> str:
    """Submit a video and return the path of the submission."""
    response = await caller.post("/clips", {"video_id": video_id} | more)
    assert response.status_code == 201, response.text
    assert response.json()["credits_charged"] == 0
    return f"/clips/{video_id}/submissions/{response.json()['submission_id']}"


async def times(caller: Caller, path: str) -> list[tuple[float, float]]:
    clips = (await caller.get(f"{path}/clips")).json()["clips"]
    return [(one["start_time"], one["end_time"]) for one in clips]


async def test_whole_video_is_one_clip_at_once(caller: Caller, video_id: str, scenes: Path) -> None:
    path = await submit(caller, video_id, source_language="auto")
    shown = (await caller.get(path)).json()
    assert (shown["status"], shown["clips_count"], shown["error_code"]) == ("completed", 1, None)
    assert (shown["queue_position"], shown["estimated_time"]) == (None, None)
    assert shown["created_at"] <= shown["completed_at"]
    [clip] = (await caller.get(f"{path}/clips", params={"min_rating": 50})).json()["clips"]
    assert (clip["title"], clip["rating"], clip["start_time"], clip["download_url"]) == ("scenes", None, 0.0, None)
    url, _, fragment = clip["play_url"].partition("#")
    assert fragment == f"t=0,{clip['end_time']:g}"
    assert (await caller.http.get(url)).content == scenes.read_bytes()
    listed = (await caller.get(f"/clips/{video_id}/submissions")).json()
    assert listed["submissions"] == [shown]


async def test_whole_clip_renders_as_the_file_itself(caller: Caller, video_id: str, scenes: Path) -> None:
    path = await submit(caller, video_id)
    [clip] = (await caller.get(f"{path}/clips")).json()["clips"]
    first = await caller.post(f"{path}/clips/{clip['id']}/render")
    # The completed upload has this render already.
    assert (first.status_code, first.json()["status"], first.json()["from_cache"]) == (200, "completed", True)
    second = await caller.post(f"{path}/clips/{clip['id']}/render")
    assert (second.status_code, second.json()["from_cache"]) == (200, True)
    assert (await caller.http.get(second.json()["download_url"])).content == scenes.read_bytes()
    [rendered] = (await caller.get(f"{path}/clips")).json()["clips"]
    assert (rendered["render_id"], bool(rendered["download_url"])) == (first.json()["render_id"], True)


@pytest.mark.parametrize(("strategy", "cuts"), [("scenes", [0.0, 2.0, 4.0, 6.0]), ("silence", [0.0, 1.7, 3.7, 5.7])])
async def test_renderer_finds_clips(
    stage: Stage, renderer: Renderer, video_id: str, strategy: str, cuts: list[float]
) -> None:
    caller = stage.caller
    path = await submit(caller, video_id, strategy_id=strategy, min_length=1, max_length=5)
    waiting = (await caller.get(path)).json()
    assert (waiting["status"], waiting["clips_count"], waiting["queue_position"]) == ("queued", 0, 1)
    assert waiting["estimated_time"] >= 1
    assert await renderer.run_due() == 1
    shown = (await caller.get(path)).json()
    assert (shown["status"], shown["clips_count"], shown["queue_position"]) == ("completed", 4, None)
    found = await times(caller, path)
    assert [start for start, _ in found] == pytest.approx(cuts, abs=0.06)
    assert [end for _, end in found] == pytest.approx([*cuts[1:], 8.0], abs=0.06)
    titles = [one["title"] for one in (await caller.get(f"{path}/clips", params={"limit": 2})).json()["clips"]]
    assert titles == ["scenes (1)", "scenes (2)"]
    assert await renderer.run_due() == 0


async def test_timeframe_and_lengths_bound_the_clips(stage: Stage, renderer: Renderer, video_id: str) -> None:
    frame = {"start": 1.0, "end": 7.5}
    path = await submit(stage.caller, video_id, strategy_id="scenes", timeframe=frame, min_length=2.5, max_length=4)
    whole = await submit(stage.caller, video_id, timeframe=frame)
    await renderer.run_due()
    assert await times(stage.caller, whole) == [(1.0, 7.5)]
    assert await times(stage.caller, path) == [(1.0, pytest.approx(4.0, abs=0.06)), (pytest.approx(4.0, abs=0.06), 7.5)]


async def test_found_clip_is_cut_from_the_video_with_its_template(stage: Stage, video_id: str) -> None:
    caller = stage.caller
    template = (await caller.post("/templates", {"name": "Square", "edit": {"aspect_ratio": "1:1", "speed": 2}})).json()
    path = await submit(caller, video_id, timeframe={"start": 1, "end": 3}, template_id=template["id"])
    [clip] = (await caller.get(f"{path}/clips")).json()["clips"]
    assert clip["edit"] == {"aspect_ratio": "1:1", "speed": 2.0}
    render = await caller.post(f"{path}/clips/{clip['id']}/render")
    assert (render.status_code, render.json()["status"]) == (202, "queued")
    async with stage.installation.database.session() as session:
        recipe = recipe_of((await session.execute(select(Rendition.recipe))).scalar_one())
    assert recipe.edit.trim
    assert recipe.picture
    assert (recipe.edit.trim.start, recipe.edit.trim.end, recipe.edit.speed) == (1.0, 3.0, 2.0)
    assert recipe.picture.width == recipe.picture.height == 128
    again = await caller.post(f"{path}/clips/{clip['id']}/render")
    assert (again.status_code, again.json()["code"]) == (409, "render_in_progress")
    assert again.json()["render_id"] == render.json()["render_id"]


@pytest.mark.parametrize("captions", [{}, {"style": {"size": 0.06}}])
async def test_template_with_a_look_of_captions_leaves_clips_renderable(
    stage: Stage, video_id: str, captions: dict[str, Any]
) -> None:
    """The app saves the look of typed captions without their text."""
    caller, edit = stage.caller, {"speed": 2.0, "captions": captions}
    made = (await caller.post("/templates", {"name": "Look", "edit": edit})).json()
    assert made["edit"] == edit
    begun = await submit(caller, video_id, template_id=made["id"])
    applied = await submit(caller, video_id)
    assert (await caller.post(f"{applied}/apply_template", {"template_id": made["id"]})).status_code == 200
    # An earlier version gave clips the captions without a source.
    stored = await submit(caller, video_id)
    async with stage.installation.database.begin() as session:
        await session.execute(
            update(FoundClip).where(FoundClip.submission_id == UUID(stored.split("/")[-1])).values(edit=edit)
        )
    for path in (begun, applied, stored):
        [clip] = (await caller.get(f"{path}/clips")).json()["clips"]
        assert clip["edit"] == (edit if path == stored else {"speed": 2.0})
        render = await caller.post(f"{path}/clips/{clip['id']}/render")
        # All three are the same render.
        assert render.status_code == (202 if path == begun else 409), render.text


async def test_template_is_applied_to_chosen_clips(stage: Stage, renderer: Renderer, video_id: str) -> None:
    caller = stage.caller
    path = await submit(caller, video_id, strategy_id="scenes", min_length=1, max_length=5)
    await renderer.run_due()
    clips = (await caller.get(f"{path}/clips")).json()["clips"]
    made = {}
    for name in ("A", "B"):
        made[name] = (
            await caller.post("/templates", {"name": name, "edit": {"speed": 1.5 if name == "A" else 3}})
        ).json()
    every = await caller.post(f"{path}/apply_template", {"template_id": made["A"]["id"]})
    assert (every.status_code, len(every.json()["clips"])) == (200, 4)
    body = {"template_id": made["B"]["id"], "clip_ids": [clips[1]["id"], clips[1]["id"]]}
    one = await caller.post(f"{path}/apply_template", body)
    assert [clip["id"] for clip in one.json()["clips"]] == [clips[1]["id"]]
    shown = (await caller.get(f"{path}/clips")).json()["clips"]
    assert [clip["edit"]["speed"] for clip in shown] == [1.5, 3.0, 1.5, 1.5]
    wrong = await caller.post(f"{path}/apply_template", {"template_id": "x", "clip_ids": ["y"]})
    assert {problem["path"] for problem in wrong.json()["errors"]} == {"/template_id", "/clip_ids/0"}


async def test_clips_and_submissions_are_deleted(stage: Stage, renderer: Renderer, video_id: str) -> None:
    caller = stage.caller
    path = await submit(caller, video_id, strategy_id="scenes", min_length=1, max_length=5)
    await renderer.run_due()
    first = (await caller.get(f"{path}/clips")).json()["clips"][0]["id"]
    assert (await caller.call("DELETE", f"{path}/clips/{first}")).status_code == 204
    assert (await caller.call("DELETE", f"{path}/clips/{first}")).status_code == 404
    assert (await caller.get(path)).json()["clips_count"] == 3
    assert (await caller.call("DELETE", path)).status_code == 204
    assert (await caller.get(path)).status_code == 404
    async with stage.installation.database.session() as session:
        for table in (Submission, FoundClip, Job):
            assert (await session.execute(select(table))).scalars().all() == []


async def test_waiting_submission_is_deleted_with_its_job(stage: Stage, renderer: Renderer, video_id: str) -> None:
    path = await submit(stage.caller, video_id, strategy_id="silence")
    assert (await stage.caller.call("DELETE", path)).status_code == 204
    assert await renderer.run_due() == 0


async def test_submission_that_is_deleted_while_it_runs_ends_its_analysis(
    stage: Stage, renderer: Renderer, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await submit(stage.caller, video_id, strategy_id="scenes")
    ended: list[bool] = []

    async def find_cuts(*_: object) -> list[float]:
        try:
            assert (await stage.caller.get(path)).json()["status"] == "analyzing"
            # The look at the submission may end this before the response is here.
            assert (await stage.caller.call("DELETE", path)).status_code == 204
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return []

    monkeypatch.setattr(analysis, "find_cuts", find_cuts)
    monkeypatch.setattr(analysis, "LOOK_EVERY", 0.01)
    await renderer.run_due()
    assert ended == [True]


async def test_database_that_is_away_for_a_moment_does_not_end_an_analysis(
    stage: Stage, renderer: Renderer, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await submit(stage.caller, video_id, strategy_id="scenes")
    pool, looked = stage.installation.database.hot_pool, asyncio.Event()
    fetch = pool.fetch

    async def away(statement: Any, values: Any) -> Any:
        if statement is analysis.LOOK:
            looked.set()
            raise DatabaseUnavailable("a fail-over")
        return await fetch(statement, values)

    async def find_cuts(*_: object) -> list[float]:
        await looked.wait()
        return [1.0]

    monkeypatch.setattr(pool, "fetch", away)
    monkeypatch.setattr(analysis, "find_cuts", find_cuts)
    monkeypatch.setattr(analysis, "LOOK_EVERY", 0.01)
    await renderer.run_due()
    assert (await stage.caller.get(path)).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (StorageError("gone"), "failed", "analysis_failed"),
        (StorageUnavailable("away"), "queued", "storage_unavailable"),
        (RuntimeError("bug"), "queued", "internal_error"),
    ],
)
async def test_failure_ends_or_delays_the_analysis(
    stage: Stage,
    renderer: Renderer,
    video_id: str,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    status: str,
    code: str | None,
) -> None:
    async def read(self: object, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        raise failure
        yield b""

    path = await submit(stage.caller, video_id, strategy_id="scenes", min_length=1, max_length=5)
    with monkeypatch.context() as patched:
        patched.setattr(Storage, "read", read)
        await renderer.run_due()
    shown = (await stage.caller.get(path)).json()
    assert (shown["status"], shown["error_code"]) == (status, code)
    if status == "queued":
        async with stage.installation.database.begin() as session:
            await session.execute(update(Job).values(state="ready"))
        await renderer.run_due()
        again = (await stage.caller.get(path)).json()
        assert (again["status"], again["clips_count"], again["error_code"]) == ("completed", 4, None)


async def test_analysis_that_kills_renderers_fails(stage: Stage, video_id: str) -> None:
    path = await submit(stage.caller, video_id, strategy_id="scenes")
    for _ in range(CRASHES_MAX):
        await kill_renderer(stage, "analyze")
    shown = (await stage.caller.get(path)).json()
    assert (shown["status"], shown["error_code"]) == ("failed", "analysis_failed")
    assert "while it looked for clips" in shown["error_message"]


async def test_finder_that_rates_lists_the_best_first(
    stage: Stage, renderer: Renderer, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seam for finders by a model: ratings and titles reach the caller."""

    async def find(media: object, limits: object, cuts: object) -> list[Found]:
        return [Found(0, 2, "Calm", 20), Found(2, 4, "Loud", 90.5), Found(4, 6)]

    known = dict(STRATEGIES)
    rated = type(known["scenes"])("model", "Model", "Rates clips.", find, 1, 60)
    for module in (submissions, analysis):
        monkeypatch.setattr(module, "STRATEGIES", known | {"model": rated})
    path = await submit(stage.caller, video_id, strategy_id="model")
    await renderer.run_due()
    clips = (await stage.caller.get(f"{path}/clips")).json()["clips"]
    assert [(one["title"], one["rating"]) for one in clips] == [("Loud", 90.5), ("Calm", 20.0), ("scenes (3)", None)]
    best = (await stage.caller.get(f"{path}/clips", params={"min_rating": 50})).json()["clips"]
    assert [one["rating"] for one in best] == [90.5, None]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"strategy_id": "ai"}, [("/strategy_id", "not_allowed")]),
        ({"template_id": "nothing"}, [("/template_id", "not_found")]),
        ({"timeframe": {"start": 8.5}}, [("/timeframe/start", "after_the_end")]),
        ({"timeframe": {"start": 5, "end": 5}}, [("/timeframe/end", "too_small")]),
        ({"min_length": 9, "max_length": 3}, [("/max_length", "too_small")]),
        ({"min_length": 0}, [("/min_length", "too_small")]),
        ({"source_language": "English!"}, [("/source_language", "invalid")]),
        ({"timeframe": {"start": -1}}, [("/timeframe/start", "too_small")]),
        (
            {"strategy_id": "ai", "template_id": "x", "timeframe": {"start": 99}},
            [("/strategy_id", "not_allowed"), ("/template_id", "not_found"), ("/timeframe/start", "after_the_end")],
        ),
    ],
)
async def test_invalid_submission_lists_all_problems(
    caller: Caller, video_id: str, fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    response = await caller.post("/clips", {"video_id": video_id} | fields)
    assert response.status_code == 422
    assert [(one["path"], one["code"]) for one in response.json()["errors"]] == expected
    assert (await caller.get(f"/clips/{video_id}/submissions")).json()["submissions"] == []


async def test_timeframe_may_end_after_the_video(caller: Caller, video_id: str) -> None:
    path = await submit(caller, video_id, timeframe={"start": 0, "end": 9}, template_id="whole")
    [(start, end)] = await times(caller, path)
    assert (start, end) == (0.0, pytest.approx(8.0, abs=0.1))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timeframe": {"end": 80000}}, [("/timeframe/end", "after_the_end", 80000)]),
        ({"timeframe": {"end": 9}}, []),
        (
            {"min_length": 2, "max_length": 3},
            [("/min_length", "without_effect", None), ("/max_length", "without_effect", None)],
        ),
        ({"strategy_id": "scenes", "min_length": 2, "max_length": 3}, []),
    ],
)
async def test_response_to_a_submission_names_what_has_no_effect(
    caller: Caller, video_id: str, fields: dict[str, Any], expected: list[tuple[str, str, float | None]]
) -> None:
    response = await caller.post("/clips", {"video_id": video_id} | fields)
    assert response.status_code == 201
    assert [(one["path"], one["code"], one["actual"]) for one in response.json()["warnings"]] == expected


async def test_submission_of_the_most_clips_says_that_the_rest_is_missing(
    stage: Stage, renderer: Renderer, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (strategies, submissions):
        monkeypatch.setattr(module, "FOUND_MAX", 2)
    warned = {}
    for end in (4, 8):
        path = await submit(
            stage.caller, video_id, strategy_id="scenes", min_length=1, max_length=2, timeframe={"end": end}
        )
        await renderer.run_due()
        shown = (await stage.caller.get(path)).json()
        assert (shown["status"], shown["clips_count"]) == ("completed", 2)
        warned[end] = [one["code"] for one in shown["warnings"]]
    assert warned == {4: [], 8: ["too_many_clips"]}


async def test_render_of_a_found_clip_leaves_the_name_of_an_equal_render(stage: Stage, video_id: str) -> None:
    caller = stage.caller
    body = {"video_id": video_id, "trim": {"start": 1, "end": 3}, "name": "Mine"}
    mine = (await caller.post("/renders", body)).json()["render_id"]
    path = await submit(caller, video_id, timeframe={"start": 1, "end": 3})
    other = await submit(caller, video_id, timeframe={"start": 2, "end": 5})
    names = []
    for one in (path, other):
        [clip] = (await caller.get(f"{one}/clips")).json()["clips"]
        await caller.post(f"{one}/clips/{clip['id']}/render")
    names = [one["name"] for one in (await caller.get("/renders")).json()["renders"]]
    assert sorted(names) == ["Mine", "scenes", "scenes (2)"]
    assert (await caller.get(f"/renders/{mine}")).json()["name"] == "Mine"


async def test_too_many_waiting_submissions_return_429(
    caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "QUEUE_MAX", 1)
    await submit(caller, video_id, strategy_id="scenes")
    full = await caller.post("/clips", {"video_id": video_id, "strategy_id": "scenes"})
    assert (full.status_code, full.json()["code"]) == (429, "submission_queue_full")
    await submit(caller, video_id)


@pytest.mark.parametrize("limited", ["submissions", "templates"])
async def test_limits_hold_at_the_same_time(
    caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch, limited: str
) -> None:
    if limited == "submissions":
        monkeypatch.setattr(submissions, "QUEUE_MAX", 2)
        path, bodies = "/clips", [{"video_id": video_id, "strategy_id": "scenes"}] * 6
    else:
        monkeypatch.setattr(templates, "TEMPLATES_MAX", 2)
        path, bodies = "/templates", [{"name": "A", "edit": {}}] * 6
    made = await asyncio.gather(*(caller.post(path, body) for body in bodies))
    assert [one.status_code for one in made].count(201) == 2


async def test_submissions_belong_to_their_workspace(stage: Stage, video_id: str) -> None:
    path = await submit(stage.caller, video_id)
    [clip] = (await stage.caller.get(f"{path}/clips")).json()["clips"]
    template = (await stage.caller.post("/templates", {"name": "A", "edit": {}})).json()["id"]
    stranger = await Caller.create(stage.installation, stage.caller.http, "Other")
    for method, url, body in (
        ("GET", path, None),
        ("DELETE", path, None),
        ("GET", f"{path}/clips", None),
        ("POST", f"{path}/apply_template", {"template_id": template}),
        ("DELETE", f"{path}/clips/{clip['id']}", None),
        ("POST", f"{path}/clips/{clip['id']}/render", None),
        ("GET", f"/clips/{video_id}/submissions", None),
        ("POST", "/clips", {"video_id": video_id}),
        ("PATCH", f"/templates/{template}", {"name": "B"}),
        ("DELETE", f"/templates/{template}", None),
    ):
        assert (await stranger.call(method, url, json=body)).status_code == 404, url
    assert (await stranger.get("/templates", params={"filter": "mine"})).json()["templates"] == []
    other = UUID(int=0)
    for url in (f"/clips/{video_id}/submissions/{other}", f"/clips/{other}/submissions", f"{path}/clips/x/render"):
        assert (await stage.caller.call("POST" if url.endswith("render") else "GET", url)).status_code == 404


async def test_templates_are_listed_after_the_strategies(caller: Caller) -> None:
    ids = []
    for name in ("Banana", "apple"):
        made = await caller.post("/templates", {"name": name, "edit": {"speed": 2, "fit": "pad_blur"}})
        assert (made.status_code, made.json()["edit"], made.json()["kind"]) == (201, {"speed": 2.0}, "template")
        ids.append(made.json()["id"])

    async def listed(**params: Any) -> list[str]:
        response = (await caller.get("/templates", params=params)).json()
        assert response["pagination"]["total_count"] >= len(response["templates"])
        return [one["id"] for one in response["templates"]]

    assert await listed() == ["whole", "scenes", "silence", ids[1], ids[0]]
    assert await listed(filter="mine") == [ids[1], ids[0]]
    assert await listed(filter="community") == ["whole", "scenes", "silence"]
    assert await listed(limit=2, page=2) == ["silence", ids[1]]
    assert await listed(limit=2, page=3) == [ids[0]]
    changed = await caller.call("PATCH", f"/templates/{ids[0]}", json={"name": "Cherry"})
    assert (changed.json()["name"], changed.json()["edit"]) == ("Cherry", {"speed": 2.0})
    replaced = await caller.call("PATCH", f"/templates/{ids[0]}", json={"edit": {"aspect_ratio": "1:1"}})
    assert replaced.json()["edit"] == {"aspect_ratio": "1:1"}
    assert (await caller.call("DELETE", f"/templates/{ids[0]}")).status_code == 204
    assert await listed(filter="mine") == [ids[1]]


async def test_template_is_small_enough_for_each_of_many_clips(stage: Stage, video_id: str) -> None:
    """500 clips with the largest template are an answer of a few megabytes."""
    caller = stage.caller
    text = "1\n00:00:00,000 --> 00:00:01,000\n" + "ש" * 5_000
    large = await caller.post("/templates", {"name": "A", "edit": {"captions": {"text": text}}})
    assert large.status_code == 422
    [problem] = large.json()["errors"]
    assert (problem["path"], problem["code"], problem["limit"]) == ("/edit", "too_large", 10_000)
    points = [{"at": number / 30, "x": 1 / 3, "y": 2 / 3} for number in range(100)]
    made = (await caller.post("/templates", {"name": "A", "edit": {"fit": "crop", "focus": points}})).json()["id"]
    path = await submit(caller, video_id)
    parts = [Found(number / 100, number / 100 + 0.5) for number in range(499)]
    async with stage.installation.database.begin() as session:
        session.add_all(submissions.found_clips(UUID(path.split("/")[-1]), {}, "A", parts))
    applied = await caller.post(f"{path}/apply_template", {"template_id": made})
    assert len(applied.json()["clips"]) == 500
    assert len(applied.content) < 6_000_000


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": "", "edit": {}}, "/name"),
        ({"name": "A", "edit": {"speed": 9}}, "/edit/speed"),
        ({"name": "A", "edit": {"video_id": "x"}}, "/edit/video_id"),
        ({"name": "A"}, "/edit"),
    ],
)
async def test_invalid_template(caller: Caller, body: dict[str, Any], path: str) -> None:
    response = await caller.post("/templates", body)
    assert (response.status_code, response.json()["errors"][0]["path"]) == (422, path)
