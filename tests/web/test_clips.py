"""The pages of clips."""

from collections.abc import Callable
from pathlib import Path

from clipcast.installation import Installation
from clipcast.rendering.timeline import FRAMES
from tests.web.conftest import Visitor, upload


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
