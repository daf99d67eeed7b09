"""The committed recordings of programs: one file for each case and version, in the folder `programs` beside the case.

A recording shows what an item that this version began has in its journal. It never changes once its version is
released: a changed program has another version.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.cases import FOLDERS
from clipcast.testing.recording import Event
from clipcast.testing.replay import crash_points

# The recorded publications, beside those of `Case.branches`. LARGE sends a file of several parts.
LEAST, EVERYTHING, LARGE = "least", "everything", "large"
RECORD = "make programs, or pytest --conformance {} --record-programs"

# The events and the result of `publish`, and of `finish` if it ran.
Parts = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class CrashPoint:
    """A crash point of a recorded publication."""

    version: int
    situation: str
    at: int
    where: str

    @property
    def name(self) -> str:
        return f"v{self.version}-{self.situation}-{self.where}".replace(" ", "_")


def situations(case: Case, sandbox: str) -> dict[str, dict[str, Any]]:
    """Return the metadata of each recording of the case."""
    branches = {name: branch(sandbox) for name, branch in case.branches.items()}
    return {LEAST: case.metadata, EVERYTHING: case.everything, LARGE: case.metadata} | branches


def recorded_versions(case: Case) -> dict[int, dict[str, Parts | str]]:
    """Return the recordings by version and situation: a name means that the verbs are those of that situation."""
    files = {int(path.stem.rpartition("@")[2]): path for path in _folder(case).glob(f"{case.name}@*.json")}
    return {version: json.loads(files[version].read_text()) for version in sorted(files)}


def all_crash_points(case: Case) -> tuple[CrashPoint, ...]:
    """Return the crash points to replay: without `make prove`, those of the publications that take least time."""
    return tuple(
        CrashPoint(version, situation, at, where)
        for version, recorded in recorded_versions(case).items()
        for situation, parts in recorded.items()
        if not isinstance(parts, str)
        if situation not in (EVERYTHING, LARGE) or "PROVE_EXAMPLES" in os.environ
        for at, where in enumerate(crash_points(parts))
    )


def write(case: Case, recorded: Mapping[str, Parts]) -> None:
    """Add what the file of the current version lacks. What it holds already never changes."""
    version = PLATFORMS[case.platform].version
    kept = dict(recorded_versions(case).get(version, {}))
    for situation, parts in recorded.items():
        same = (name for name, one in kept.items() if not isinstance(one, str) and sequences(one) == sequences(parts))
        kept.setdefault(situation, next(same, parts))
    path = _folder(case) / f"{case.name}@{version}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(_shown(kept))


def _shown(value: Any, depth: int = 0) -> str:
    """Return the file's text: JSON with one line for each event."""
    if not isinstance(value, dict | list) or depth == 4:
        return json.dumps(value, ensure_ascii=False)
    inside, end = ",\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, list):
        return "[" + inside[1:] + inside.join(_shown(one, 4) for one in value) + end + "]"
    lines = (f"{json.dumps(key)}: {_shown(one, depth + 1)}" for key, one in value.items())
    return "{" + inside[1:] + inside.join(lines) + end + "}" + ("\n" if depth == 0 else "")


def sequences(parts: Parts) -> dict[str, list[str]]:
    """Return the sequence of verbs and names of `publish`, and of `finish` if it ran."""
    return {part: [_verb(one) for one in recorded["events"] if one["verb"] != "request"]
            for part, recorded in parts.items()}  # fmt: skip


def changes(case: Case, recorded: Mapping[str, Parts]) -> Iterator[str]:
    """Yield a line for each way in which the current program differs from the recordings, and what to do."""
    platform, versions = PLATFORMS[case.platform], recorded_versions(case)
    current = platform.version
    before = versions.pop(current, {})
    for version, older in versions.items():
        lost = _guarded(older) - _guarded(recorded)
        if lost and version not in platform.continues:
            yield (
                f"{case.name}: version {current} lacks the guarded request {', '.join(sorted(lost))} of version "
                f"{version}, so it could publish a second video. State in CONTINUES[{version}] how it continues."
            )
    for situation, parts in recorded.items():
        if situation not in before:
            yield (
                f"{case.name}: version {current} of its program has no recording of {situation!r}. Run "
                f"{RECORD.format(case.platform)}, and commit {_folder(case).name}/{case.name}@{current}.json."
            )
        elif (was := _sequences(before, situation)) != (is_now := sequences(parts)):
            yield (
                f"{case.name}: the verbs of its program have changed, but VERSION is still {current}. A worker would "
                f"misread the journal of an item that began before. Set VERSION to {current + 1}, state in CONTINUES "
                f"how it continues version {current}, and run {RECORD.format(case.platform)}. "
                f"{situation!r} was {was} and is now {is_now}."
            )


def _sequences(recorded: Mapping[str, Parts | str], situation: str) -> dict[str, list[str]]:
    found = recorded[situation]
    return _sequences(recorded, found) if isinstance(found, str) else sequences(found)


def _guarded(recorded: Mapping[str, Parts] | Mapping[str, Parts | str]) -> set[str]:
    parts = (one for one in recorded.values() if not isinstance(one, str))
    verbs = (verb for one in parts for part in sequences(one).values() for verb in part)
    return {verb.removeprefix("send_once ") for verb in verbs if verb.startswith("send_once ")}


def _verb(event: Event) -> str:
    return f"{event['verb']} {event['name']}" + ("" if event.get("publishes", True) else " (publishes nothing)")


def _folder(case: Case) -> Path:
    return FOLDERS[case.name] / "programs"
