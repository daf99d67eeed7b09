"""The versions of programs: whether this process may run a round that another version began.

A program is a platform's `publish`, with the `finish` that reads its journal. The first entry of a round pins the
program. A later version that ignored an intent of that round could publish a second video.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from clipcast.platforms.base import Continue, Platform, SavedEntry

Entries = Mapping[str, SavedEntry]
# The end of a pin, once a publishing request of the round may have been sent: `tiktok.publish@1!`.
MAY_BE_SEEN = "!"


@dataclass(frozen=True)
class Program:
    """A program and its version, which `str` shows as `tiktok.publish@1`."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @classmethod
    def parse(cls, pin: str) -> "Program":
        """Return the program of a pin."""
        name, _, version = pin.removesuffix(MAY_BE_SEEN).rpartition("@")
        return cls(name, int(version))

    @classmethod
    def of(cls, platform: Platform[Any], version: int | None = None) -> "Program":
        """Return the platform's current program, or an older version of it."""
        return cls(f"{platform.name}.publish", version or platform.version)


def pin(program: Program, seen: bool) -> str:
    """Return what `jobs.program` holds for a round of this program. `seen`: see `may_be_seen`."""
    return f"{program}{MAY_BE_SEEN if seen else ''}"


def runnable_pins(platforms: Iterable[Platform[Any]]) -> list[str]:
    """Return the pins of the rounds that these platforms' programs run, continue or start over."""
    return [
        pin(Program.of(platform, version), seen)
        for platform in platforms
        for version in range(1, platform.version + 1)
        for seen in (False, True)
        if not seen or version == platform.version or version in platform.continues
    ]


class Action(Enum):
    """What a worker does with a round."""

    # Run the program: its first entry pins it.
    PIN = "pin"
    RUN = "run"
    # Start over under the current version.
    NEW_ROUND = "new round"
    # Replace the entries by those of the decision, pin the current version, and run it.
    CONTINUE = "continue"
    # Leave the job to workers that know its program.
    LEAVE = "leave"


@dataclass(frozen=True)
class Decision:
    """An action, and the entries with which the current program continues."""

    action: Action
    entries: Entries = field(default_factory=dict)


def decide(
    pinned: Program | None, current: Program, entries: Entries, live: bool, continues: Mapping[int, Continue]
) -> Decision:
    """Decide what a worker whose program is `current` does with a round of these entries.

    `live`: the video is published, and only `finish` is left.
    """
    if pinned is not None and (pinned.name != current.name or pinned.version > current.version):
        return Decision(Action.LEAVE)
    if pinned == current:
        return Decision(Action.RUN, entries)
    if not entries and not live:
        return Decision(Action.PIN)
    if pinned is None:  # the round has no entry, or began before entries pinned a program
        return Decision(Action.PIN, entries)
    if pinned.version in continues:
        continued = continues[pinned.version](entries)
        return Decision(Action.CONTINUE, continued) if _keeps_guards(entries, continued) else Decision(Action.LEAVE)
    if live or may_be_seen(entries):
        return Decision(Action.LEAVE)
    return Decision(Action.NEW_ROUND)


def may_be_seen(entries: Entries) -> bool:
    """Return whether a publishing request may have been sent."""
    return any(entry.intended_at and entry.publishes for entry in entries.values())


def _keeps_guards(before: Entries, after: Entries) -> bool:
    """Return whether no publishing request, result or duplicate of `before` is missing in `after`."""
    return all(a >= b for a, b in zip(_guards(after), _guards(before), strict=True))


def _guards(entries: Entries) -> tuple[int, int, int]:
    guards = [entry for entry in entries.values() if entry.intended_at and entry.publishes]
    return len(guards), sum(entry.finished_at is not None for entry in guards), sum(entry.exists for entry in guards)
