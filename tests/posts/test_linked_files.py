"""Preflight checks linked files: a wrong file is an error, an unavailable one a warning."""

from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.platforms.errors import TransientError
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.youtube.rules import THUMBNAIL
from clipcast.posts import linked_files
from clipcast.posts.linked_files import KEPT, FileFindings, FilesCache
from clipcast.testing.harness import Stage
from tests.platforms.test_files import jpeg, png

ADDRESS = "https://pictures.example/cover"
FIELDS = {
    "youtube": ({"title": "Tide", "thumbnailUrl": ADDRESS}, "/thumbnailUrl"),
    "facebook": ({"description": "Tide", "thumbnailUrl": ADDRESS}, "/thumbnailUrl"),
    "instagram": ({"caption": "Tide", "coverUrl": ADDRESS}, "/coverUrl"),
    "pinterest": ({"title": "Tide", "coverImageUrl": ADDRESS}, "/coverImageUrl"),
    "bluesky": ({"text": "Tide", "captions": [{"lang": "en", "url": ADDRESS}]}, "/captions/0/url"),
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | Exception]:
    """Return the files of the simulated internet by address, for the test to fill."""
    files: dict[str, bytes | Exception] = {}

    async def fetch(self: PublicFetcher, url: str, limit: int, keep: int | None = None) -> bytes:
        found = files[url]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(PublicFetcher, "fetch", fetch)
    return files


async def found(stage: Stage, platform: str, metadata: dict[str, Any]) -> dict[str, Any]:
    connection = await stage.connect(platform)
    if platform == "pinterest":
        options = (await stage.caller.get(f"/connections/{connection}/options")).json()["options"]
        metadata = metadata | {"boardId": options["boardId"][0]["id"]}
    edit = await stage.caller.upload(stage.clip)
    body = {"videos": [{"editId": edit, "targets": [{"connectionId": connection, "metadata": {platform: metadata}}]}]}
    return (await stage.caller.post("/posts/validate", body)).json()


def where(platform: str) -> str:
    return f"/videos/0/targets/0/metadata/{platform}{FIELDS[platform][1]}"


@pytest.mark.parametrize("platform", FIELDS)
async def test_file_of_a_wrong_type_is_an_error(stage: Stage, platform: str, web: dict[str, bytes | Exception]) -> None:
    web[ADDRESS] = b"<html>Sign in"
    response = await found(stage, platform, FIELDS[platform][0])
    assert [error["path"] for error in response["errors"]] == [where(platform)]
    assert not response["valid"]


@pytest.mark.parametrize("platform", FIELDS)
async def test_unavailable_file_is_a_warning(stage: Stage, platform: str, web: dict[str, bytes | Exception]) -> None:
    web[ADDRESS] = TransientError("fetch_failed", "It cannot be fetched.")
    response = await found(stage, platform, FIELDS[platform][0])
    found_there = [(one["path"], one["code"]) for one in response["warnings"] if one["code"] != "short"]
    assert (response["valid"], found_there) == (True, [(where(platform), "not_looked_at")])


@pytest.mark.parametrize("platform", FIELDS)
async def test_valid_file_causes_no_problem(stage: Stage, platform: str, web: dict[str, bytes | Exception]) -> None:
    web[ADDRESS] = b"WEBVTT" if platform == "bluesky" else jpeg(1080, 1920)
    response = await found(stage, platform, FIELDS[platform][0])
    assert (response["errors"], [one["code"] for one in response["warnings"] if one["code"] != "short"]) == ([], [])


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/__sandbox/nothing.png", ["fetch_failed"]),
        ("/__sandbox/subtitles.vtt", ["not_an_image"]),
        ("/__sandbox/picture.png", ["picture_too_small"]),
    ],
)
async def test_file_is_fetched_over_http(stage: Stage, path: str, codes: list[str]) -> None:
    response = await found(stage, "youtube", {"title": "Tide", "thumbnailUrl": stage.sandbox.url + path})
    assert [error["code"] for error in response["errors"]] == codes


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/a.png", "http://[::1]/a.png", "http://169.254.169.254/a.png"])
async def test_private_address_is_an_error(stage: Stage, address: str) -> None:
    response = await found(stage, "facebook", {"description": "Tide", "thumbnailUrl": address})
    assert [(error["path"], error["code"]) for error in response["errors"]] == [
        (where("facebook"), "address_not_public")
    ]


async def test_creating_a_post_fetches_nothing(stage: Stage, web: dict[str, bytes | Exception]) -> None:
    web[ADDRESS] = AssertionError("nothing may be fetched")
    await stage.post(await stage.connect("youtube"), "youtube", FIELDS["youtube"][0])


async def test_file_of_several_targets_is_fetched_once(
    stage: Stage, web: dict[str, bytes | Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fetch = PublicFetcher.fetch

    async def counted(self: PublicFetcher, url: str, limit: int, keep: int | None = None) -> bytes:
        asked.append(url)
        return await fetch(self, url, limit, keep)

    monkeypatch.setattr(PublicFetcher, "fetch", counted)
    monkeypatch.setattr(linked_files, "MOST", 1)
    web |= {ADDRESS: b"no picture", ADDRESS + "2": png(1280, 720)}
    connection = await stage.connect("youtube")
    edits = [await stage.caller.upload(stage.clip, f"{number}.mp4") for number in range(3)]
    addresses = [ADDRESS, ADDRESS, ADDRESS + "2"]
    videos = [
        {
            "editId": edit,
            "targets": [
                {"connectionId": connection, "metadata": {"youtube": {"title": "Tide", "thumbnailUrl": address}}}
            ],
        }
        for edit, address in zip(edits, addresses, strict=True)
    ]
    response = (await stage.caller.post("/posts/validate", {"videos": videos})).json()
    assert asked == [ADDRESS]
    assert [error["path"][:9] for error in response["errors"]] == ["/videos/0", "/videos/1"]
    beside = ("short", "duplicate_content")
    assert [(one["path"][:9], one["code"]) for one in response["warnings"] if one["code"] not in beside] == [
        ("/videos/2", "not_looked_at")
    ]


async def test_result_is_cached_during_typing(stage: Stage, web: dict[str, bytes | Exception]) -> None:
    cache = FilesCache()
    web[ADDRESS] = TransientError("fetch_failed", "It cannot be fetched.")
    first = await cache.check_file(stage.installation, ADDRESS, THUMBNAIL)
    web[ADDRESS] = png(1280, 720)
    assert await cache.check_file(stage.installation, ADDRESS, THUMBNAIL) == first
    clock.move(KEPT)
    assert await cache.check_file(stage.installation, ADDRESS, THUMBNAIL) == FileFindings()
