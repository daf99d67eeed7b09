"""How far an action on many posts is, and what its Undo needs, as texts that forms carry and results keep."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.posts.labels import Change
from clipcast.posts.moving import Moved

# What the page says while an action is under way.
ONGOING = {
    "move": "Moving", "queue": "Adding to the queue", "review": "Sending for review", "label": "Labelling",
    "retry": "Retrying", "remove": "Removing", "copy": "Copying",
}  # fmt: skip
# Of Undo: what the page says while it is under way, then the words beside the number of posts.
UNDOING = {"move": "Moving back", "queue": "Moving back", "label": "Labelling as before", "remove": "Making drafts"}
UNDONE = {
    "move": "moved back", "queue": "moved back", "label": "labelled as before", "remove": "brought back as drafts",
}  # fmt: skip
# The most refusals that are listed.
LISTED_MAX = 10
# Of the ids that a form holds, in one field: a field has at most 200 000 characters.
IDS_OF_FIELD = 5_000


@dataclass
class Outcome:
    """What became of the posts: those that were done, and the reason for each of the others."""

    total: int = 0
    done: int = 0
    refused: int = 0
    # The first of the refused ones.
    reasons: dict[UUID, str] = field(default_factory=dict)
    # Those that have a time and keep it until a person says otherwise.
    left: list[UUID] = field(default_factory=list)
    # The posts of which Undo is possible, by the press whose results say how. None: one of the posts has no Undo.
    undo: dict[str, list[UUID]] | None = field(default_factory=dict)

    def add(self, press: str, id: UUID, undo: str | None) -> None:
        """Count a post as done by a press, with what its Undo needs: "" is nothing, None that there is no Undo."""
        self.done += 1
        if undo is None:
            self.undo = None
        elif undo and self.undo is not None:
            self.undo.setdefault(press, []).append(id)

    def refuse(self, id: UUID, reason: str) -> None:
        """Count a post as left out."""
        self.refused += 1
        if len(self.reasons) < LISTED_MAX:
            self.reasons[id] = reason

    def note(self) -> str:
        """Return it as text, for the form that continues the action. Other fields have the posts."""
        reasons = {str(id): reason for id, reason in self.reasons.items()}
        return json.dumps([self.total, self.done, self.refused, reasons, self.undo is None])

    @classmethod
    def of(cls, text: str) -> "Outcome":
        """Return what `note` wrote. Raise AppError 422."""
        try:
            total, done, refused, reasons, has_no_undo = json.loads(text)
            found = cls(int(total), int(done), int(refused), {UUID(id): str(why) for id, why in reasons.items()})
            found.undo = None if has_no_undo else {}
        except (ValueError, TypeError, AttributeError):
            raise _lost() from None
        return found


def _lost() -> AppError:
    return AppError(422, "validation_failed", "The action cannot continue. Choose the posts again.")


def ids_as_text(ids: list[UUID]) -> list[str]:
    """Return ids as short texts, for the fields of a form."""
    parts = [ids[start : start + IDS_OF_FIELD] for start in range(0, len(ids), IDS_OF_FIELD)]
    return [base64.urlsafe_b64encode(b"".join(id.bytes for id in part)).decode().rstrip("=") + "." for part in parts]


def read_ids(text: str) -> list[UUID]:
    """Return what `ids_as_text` wrote. Raise AppError 422."""
    try:
        parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".") if part]
        return [UUID(bytes=part[at : at + 16]) for part in parts for at in range(0, len(part), 16)]
    except ValueError:
        raise _lost() from None


def undo_as_text(undo: dict[str, list[UUID]]) -> list[str]:
    """Return the posts of each press as short texts, for the fields of a form."""
    return [f"{press}={text}" for press, ids in undo.items() for text in ids_as_text(ids)]


def read_undo(texts: list[str]) -> dict[str, list[UUID]]:
    """Return what `undo_as_text` wrote. Raise AppError 422."""
    found: dict[str, list[UUID]] = {}
    for text in texts:
        press, _, ids = text.partition("=")
        found.setdefault(press, []).extend(read_ids(ids))
    return found


@dataclass(frozen=True)
class FormerTime:
    """Where a moved post was: its time and posting time, and its version since."""

    at: datetime
    slot_at: datetime | None
    version: int


def move_as_text(moved: Moved) -> str | None:
    """Return what moves a post back; None if it had no time."""
    if moved.before is None:
        return None
    return f"{format_timestamp(moved.before)}*{format_timestamp(moved.slot_at) or ''}*{moved.version}"


def read_move(text: str) -> FormerTime:
    """Return what `move_as_text` wrote. Raise ValueError."""
    at, slot_at, version = text.split("*")
    return FormerTime(parse_instant(at), parse_instant(slot_at) if slot_at else None, int(version))


def labels_as_text(back: Change) -> str:
    """Return what puts the labels of a post back; "" if none of them changed."""
    on, off = "+".join(str(one.id) for one in back.on), "+".join(map(str, back.off))
    return f"{on}*{off}" if on or off else ""


def read_labels(text: str) -> tuple[list[UUID], list[UUID]]:
    """Return the labels to put on and to take off, as `labels_as_text` wrote them. Raise ValueError."""
    on, off = ([UUID(one) for one in part.split("+") if one] for part in text.split("*"))
    return on, off
