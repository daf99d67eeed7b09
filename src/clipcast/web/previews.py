"""Previews of a post: its approximate look on each platform, and its API call."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts


@dataclass(frozen=True)
class Preview:
    """A post as one account shows it: `folded` if the platform hides the end of the text."""

    platform: str
    account: Connection
    clip: Render
    title: str
    text: str
    folded: bool
    on_picture: bool


def of(content: dict[str, Any], clips: list[Render], accounts: list[Connection]) -> list[Preview]:
    """Return one preview for each chosen platform: its first account with that account's first clip."""
    by_clip = {str(clip.edit_setting_id): clip for clip in clips}
    by_account = {str(account.id): account for account in accounts}
    found: dict[str, Preview] = {}
    for edit, id in drafts.targets(content):
        clip, account = by_clip.get(edit), by_account.get(id)
        if clip is None or account is None or account.platform in found:
            continue
        metadata, model = drafts.metadata(content, edit, account), PLATFORMS[account.platform].metadata
        text = str(metadata.get(model.text_field, ""))
        title = str(metadata.get(model.title_field, "")) if model.title_field else ""
        found[account.platform] = Preview(
            account.platform,
            account,
            clip,
            title,
            text[: model.folds_after],
            len(text) > model.folds_after,
            model.text_on_picture,
        )
    return list(found.values())


def curl(base: str, body: dict[str, Any]) -> str:
    """Return the same post as a curl command, for a shell that has the API key in CLIPCAST_KEY."""
    return (
        f"curl -X POST {shlex.quote(base + '/api/v1/posts')} \\\n"
        '  -H "X-Api-Key: $CLIPCAST_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, indent=1, ensure_ascii=False))}"
    )
