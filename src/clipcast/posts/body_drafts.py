"""A body of POST /posts as a draft, so that a person can repair on the compose page what the API rejected."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from clipcast.common.cells import resolved
from clipcast.common.ids import parse_id
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp, known_zones, parse_instant
from clipcast.database.hot_queries import Executor
from clipcast.database.models.posts import Item
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.drafts import draft_of_post
from clipcast.posts.planning import NEXT
from clipcast.posts.preflight import targets_of
from clipcast.posts.references import load_references
from clipcast.posts.schedule import wants_slot
from clipcast.posts.shorthand import resolve_accounts, with_texts
from clipcast.posts.spellings import respell_post

SHOWN_MAX = 60
# Stands for the clip of all targets if none is known, and is the namespace of ids that cannot be read.
NO_CLIP = UUID(int=0)
KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int, str), "number": (int, float, str), "array": (list,),
    "object": (dict,),
}  # fmt: skip


@dataclass
class BodyDraft:
    """The content of a draft, and sentences about what of the body is not in it."""

    content: dict[str, Any]
    left_out: list[str] = field(default_factory=list)


async def draft_of_body(executor: Executor, workspace_id: UUID, body: Any, settings: Settings) -> BodyDraft | None:
    """Return the draft; None if the body names no account of the workspace.

    The draft keeps an unknown clip with its words, as one that was deleted: the page asks to remove it. If the
    workspace has none of the clips, the draft has the accounts, with their first words, and no clip.
    """
    found = BodyDraft({})
    spelt, _ = respell_post(body)
    targets = list(targets_of(spelt))
    written = {path: target.get("connectionId") for _, path, _, _, target, _ in targets}
    ids, _ = await resolve_accounts(executor, workspace_id, written)
    wanted = {path: parse_id(ids.get(path, value)) for path, value in written.items()}
    edits = {id for _, _, edit, *_ in targets if (id := parse_id(edit))}
    accounts = {id for id in wanted.values() if id}
    known = await load_references(executor, workspace_id, edits, accounts, settings)
    platforms = {id: one.platform for id, one in known.connections.items() if one.platform in PLATFORMS}
    items: dict[tuple[UUID, UUID], Item] = {}
    has_any = False
    for _, path, edit, _, target, texts in targets:
        edit_id, connection_id = parse_id(edit), wanted[path]
        has_clip = edit_id is not None and edit_id in known.renders
        if not has_clip:
            found.left_out.append(f"The workspace has no clip {_shown(edit)}. Add it from the library.")
        if connection_id is None or connection_id not in platforms:
            message = f"The workspace has no account {_shown(written[path])}. Connect it, or choose another."
            found.left_out.append(message)
        else:
            platform = PLATFORMS[platforms[connection_id]]
            merged = with_texts(target, platform, texts)
            details = _details(platform.name, merged.get("metadata"), found)
            clip = edit_id or uuid5(NO_CLIP, _shown(edit))
            item = Item(edit_id=clip, connection_id=connection_id, platform=platform.name, details=details)
            items[clip, connection_id] = item
            has_any |= has_clip
    found.left_out = list(dict.fromkeys(found.left_out))
    if not items:
        return None
    if has_any:
        content = draft_of_post(list(items.values()), None)
    else:
        first: dict[UUID, Item] = {}
        for item in items.values():
            item.edit_id = NO_CLIP
            first.setdefault(item.connection_id, item)
        content = draft_of_post(list(first.values()), None) | {"clips": [], "by_clip": {}}
    found.content = content | _time(spelt, body, found)
    return found


def _details(platform: str, metadata: Any, found: BodyDraft) -> dict[str, Any]:
    """Return the metadata that the page has fields for."""
    if not isinstance(metadata, dict):
        return {}
    for name in metadata:
        if name != platform:
            found.left_out.append(f"The metadata of {_shown(name)} is beside an account of another platform.")
    own = metadata.get(platform)
    details = {}
    properties, definitions = _schema(platform)
    for name, value in own.items() if isinstance(own, dict) else ():
        if name not in properties:
            found.left_out.append(f"{PLATFORMS[platform].title} has no field {_shown(name)}.")
        elif value is None:
            continue
        elif isinstance(value, KINDS[resolved(properties[name], definitions).get("type", "string")]):
            details[name] = value
        else:
            found.left_out.append(f"The value of {platform}.{name} has the wrong type: {_shown(value)}.")
    return details


@cache
def _schema(platform: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    schema = PLATFORMS[platform].metadata.model_json_schema(by_alias=True)
    return schema.get("properties", {}), schema.get("$defs", {})


def _time(spelt: Any, body: Any, found: BodyDraft) -> dict[str, Any]:
    """Return the time of a draft. One that cannot be read is left out, so that the page asks for it."""
    if wants_slot(spelt):
        return {"later": True, "plan": NEXT}
    at = spelt.get("scheduled_at")
    if at is None:
        return {}
    written = body.get("timezone")
    zone = written if isinstance(written, str) and written in known_zones() else "UTC"
    try:
        instant = parse_instant(at)
    except (ValueError, TypeError, AttributeError):
        found.left_out.append(f"The time {_shown(at)} cannot be read. Choose one.")
        return {"later": True}
    local = instant.astimezone(ZoneInfo(zone))
    return {
        "later": True,
        "at": local.replace(tzinfo=None).isoformat(timespec="minutes"),
        "zone": zone,
        "second": local.fold == 1,
        "scheduled_at": format_timestamp(instant),
    }


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…")
