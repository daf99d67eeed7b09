"""A platform's program is the recorded one, or has another version. It completes what recorded versions began."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clipcast.clock import clock
from clipcast.jobs.claimed import LEASE
from clipcast.platforms.base import Platform, Published
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.crash_injection import Killed
from clipcast.testing.harness import Stage
from clipcast.testing.programs import (
    LARGE,
    LEAST,
    CrashPoint,
    Parts,
    all_crash_points,
    changes,
    recorded_versions,
    situations,
    write,
)
from clipcast.testing.recording import Recording
from clipcast.testing.replay import Replay


@dataclass
class Situation:
    """A publication of the clip that a recording is about."""

    stage: Stage
    case: Case
    connection: str
    name: str
    clip: Path

    async def post(self) -> str:
        metadata = situations(self.case, self.stage.sandbox.url)[self.name]
        edit = await self.stage.store(self.clip)
        return await self.stage.post(self.connection, self.case.platform, metadata, edit)

    async def ends_as_one_video(self, post_id: str) -> None:
        """Assert that the item ends as one video, or as an unknown outcome where the platform offers no check."""
        await self.stage.run_until_ended()
        item, posts = await self.stage.item(post_id), await self.stage.sandbox.posts(self.case.platform)
        if not self.case.certain and item["status"] == "failed":
            assert item["error"]["class"] == "outcome_unknown"
            assert len(posts) <= 1
            return
        assert item["status"] == "published", item["error"]
        assert [post["sha256"] for post in posts] == [hashlib.sha256(self.clip.read_bytes()).hexdigest()]
        assert item["platform_post_id"] in (posts[0]["post_id"], None)


async def _record(situation: Situation, monkeypatch: pytest.MonkeyPatch) -> Parts:
    platform = PLATFORMS[situation.case.platform]
    recording = Recording(platform, situation.stage.sandbox.url)
    with monkeypatch.context() as patch:
        patch.setitem(PLATFORMS, platform.name, recording.platform)
        post_id = await situation.post()
        await situation.stage.run_until_ended()
    assert (await situation.stage.item(post_id))["status"] == "published"
    return recording.parts


async def test_program_is_the_recorded_one(
    stage: Stage,
    case: Case,
    connection: str,
    large_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    recorded = {}
    for name in situations(case, stage.sandbox.url):
        # A file that a platform has already could take another branch.
        clip = large_clip if name == LARGE else _copy(stage.clip, tmp_path, name)
        recorded[name] = await _record(Situation(stage, case, connection, name, clip), monkeypatch)
    if request.config.getoption("--record-programs"):
        write(case, recorded)
    if found := list(changes(case, recorded)):
        pytest.fail("\n".join(found), pytrace=False)


def _copy(clip: Path, folder: Path, name: str) -> Path:
    """Return a copy of the clip with other bytes, which players skip."""
    copy = folder / f"{name}.mp4"
    copy.write_bytes(clip.read_bytes() + (8 + len(name)).to_bytes(4, "big") + b"free" + name.encode())
    return copy


async def die_at(situation: Situation, crash_point: CrashPoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replay the recording up to its crash point, and let the lease expire. Return the post's id."""
    platform = PLATFORMS[situation.case.platform]
    parts = recorded_versions(situation.case)[crash_point.version][crash_point.situation]
    assert not isinstance(parts, str)
    replay = Replay(parts, crash_point.at, situation.stage.sandbox.url)
    post_id = await situation.post()
    with monkeypatch.context() as patch:
        patch.setitem(PLATFORMS, platform.name, replay.platform(platform, crash_point.version))
        with pytest.raises(Killed):
            await situation.stage.run_all()
    clock.move(LEASE + timedelta(seconds=1))
    return post_id


@pytest.mark.default_methods
async def test_round_of_a_recorded_version_ends_as_one_video(
    stage: Stage,
    case: Case,
    connection: str,
    crash_point: CrashPoint,
    large_clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = large_clip if crash_point.situation == LARGE else stage.clip
    situation = Situation(stage, case, connection, crash_point.situation, clip)
    await situation.ends_as_one_video(await die_at(situation, crash_point, monkeypatch))


class Renamed:
    """A Publication whose guarded requests have other names, as in a program that was changed without care."""

    def __init__(self, p: Any) -> None:
        self._p = p

    def __getattr__(self, name: str) -> Any:
        return getattr(self._p, name)

    async def send_once(self, name: str, *rest: Any, **more: Any) -> Any:
        return await self._p.send_once(f"{name} renamed", *rest, **more)


@pytest.fixture
def renamed(case: Case, monkeypatch: pytest.MonkeyPatch) -> Platform[Any]:
    """Return the case's platform with a program whose guarded requests are renamed."""
    platform = PLATFORMS[case.platform]
    if platform.version not in recorded_versions(case):
        pytest.skip("this version of the program has no recording")

    async def publish(p: Any) -> Published:
        return await platform.publish(Renamed(p))

    return replace(platform, publish=publish)


async def test_renamed_guarded_request_is_reported(
    stage: Stage, case: Case, connection: str, renamed: Platform[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Report other names without another version, and a version that does not state how it continues the others."""
    monkeypatch.setitem(PLATFORMS, case.platform, renamed)
    recorded = {LEAST: await _record(Situation(stage, case, connection, LEAST, stage.clip), monkeypatch)}
    [line] = changes(case, recorded)
    assert "the verbs of its program have changed, but VERSION is still" in line
    version = renamed.version
    monkeypatch.setitem(PLATFORMS, case.platform, replace(renamed, version=version + 1))
    lost, unrecorded = changes(case, recorded)
    assert f"so it could publish a second video. State in CONTINUES[{version}] how it continues." in lost
    assert f"version {version + 1} of its program has no recording" in unrecorded
    continues = {**renamed.continues, version: dict}
    monkeypatch.setitem(PLATFORMS, case.platform, replace(renamed, version=version + 1, continues=continues))
    assert list(changes(case, recorded)) == [unrecorded]


async def test_renamed_guarded_request_makes_a_second_video(
    stage: Stage, case: Case, connection: str, renamed: Platform[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the replays can fail: unless the platform prevents it, a renamed request makes a second video."""
    situation = Situation(stage, case, connection, LEAST, stage.clip)
    where = f"{case.irreversible} received"
    [crash_point] = [
        one
        for one in all_crash_points(case)
        if (one.version, one.situation, one.where) == (renamed.version, LEAST, where)
    ]
    post_id = await die_at(situation, crash_point, monkeypatch)
    monkeypatch.setitem(PLATFORMS, case.platform, renamed)
    await stage.run_until_ended()
    assert len(await stage.sandbox.posts(case.platform)) == (2 if case.looked_for else 1)
    if case.looked_for:
        with pytest.raises(AssertionError):
            await situation.ends_as_one_video(post_id)
