"""What jobs are called."""

from clipcast.operations.jobs import JobFilter, list_jobs
from clipcast.testing.harness import Stage
from tests.renders.videos import upload_video


async def test_jobs_of_a_renderer_name_the_clip_and_what_is_done(stage: Stage) -> None:
    video_id = await upload_video(stage.caller, stage.clip, "harbour.mp4")
    body = {"video_id": video_id, "speed": 1.25, "aspect_ratio": "21:9", "conform_for": ["facebook"]}
    assert (await stage.caller.post("/renders", body)).status_code == 202
    submitted = await stage.caller.post("/clips", {"video_id": video_id, "strategy_id": "scenes"})
    assert submitted.status_code == 201
    async with stage.installation.database.session() as session:
        titles = {found.title for found in await list_jobs(session, JobFilter(), 10)}
    assert titles == {
        "Render harbour, speed 1.25, 21:9", "Convert harbour: 1080p, H.264, AAC", "Find clips in harbour",
    }  # fmt: skip
