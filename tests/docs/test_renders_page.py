"""The calls of the page about renders work."""

import json
import re
from pathlib import Path

from clipcast.testing.harness import Caller
from tests.renders.videos import upload_video

PAGE = Path(__file__).parents[2] / "docs" / "renders.md"
CALL = re.compile(r"\$BASE(/\S+) \\?\s*-d (?:'([^']*)'|\"((?:[^\"\\]|\\.)*)\")")


async def test_calls_of_the_page_work(caller: Caller, clip: Path) -> None:
    video_id = await upload_video(caller, clip)
    found = CALL.findall(PAGE.read_text())
    assert [path for path, *_ in found] == ["/renders", "/renders/bulk-download", "/assets/upload"]
    render_id = (await caller.post("/renders", {"video_id": video_id})).json()["render_id"]
    for path, plain, quoted in found:
        text = (plain or quoted.replace('\\"', '"')).replace("$VIDEO", video_id).replace("$RENDER", render_id)
        body = json.loads(text)
        response = await caller.post(path, body)
        assert response.status_code in (200, 202), response.text


async def test_captions_of_the_page_are_valid(caller: Caller) -> None:
    printed = re.search(r"printf '(.*?)' > captions\.srt", PAGE.read_text())
    assert printed
    started = (await caller.post("/assets/upload", {"file_name": "captions.srt"})).json()
    content = printed[1].replace("\\n", "\n").encode()
    assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
    done = await caller.post("/assets/upload/complete", {"asset_id": started["asset_id"]})
    assert done.status_code == 200, done.text
