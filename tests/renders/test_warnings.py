"""Warnings of renders: POST and GET show the same, in one shape."""

from pathlib import Path

from sqlalchemy import update

from clipcast.database.models.renditions import Rendition
from clipcast.installation import Installation
from clipcast.testing.harness import Caller
from tests.renders.videos import upload_video

CUES = "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n00:01:00,000 --> 00:01:02,000\nLate\n"


async def test_warnings_of_the_order_and_of_the_file_stay_readable(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    body = {"video_id": await upload_video(caller, clip), "captions": {"text": CUES}}
    ordered = (await caller.post("/renders", body | {"conform_for": ["pinterest"]})).json()
    [late, *platforms] = ordered["warnings"]
    assert (late["path"], late["code"]) == ("/captions", "after_the_end")
    assert late["message"].startswith("1 caption begins after the end at")
    path = f"/renders/{ordered['render_id']}"
    assert (await caller.get(path)).json()["warnings"] == ordered["warnings"]
    async with installation.database.begin() as session:
        await session.execute(update(Rendition).values(warnings=["A letter is missing."]))
    shown = (await caller.get(path)).json()["warnings"]
    made = {"path": "", "code": "made_differently", "message": "A letter is missing."}
    assert [{key: one[key] for key in made} for one in shown] == [
        *({key: one[key] for key in made} for one in ordered["warnings"]), made,
    ]  # fmt: skip
    # The same order again says the same, and keeps what it said of platforms.
    assert (await caller.post("/renders", body)).json()["warnings"] == shown
    assert [one["path"] for one in platforms] in ([], ["/conform_for/0"])
