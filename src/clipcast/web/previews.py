"""Previews of a post: its approximate look on a platform, and its API call."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.platforms.metadata import SafeArea
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
    safe_area: SafeArea | None = None


def of(
    content: dict[str, Any], clips: list[Render], accounts: list[Connection], account_id: str = "", edit_id: str = ""
) -> Preview | None:
    """Return the preview of one target: the named account and clip, or else the first ones. None without a target."""
    by_clip = {str(clip.edit_setting_id): clip for clip in clips}
    by_account = {str(account.id): account for account in accounts}
    found = [(edit, id) for edit, id in drafts.targets(content) if edit in by_clip and id in by_account]
    if not found:
        return None
    edit, id = min(found, key=lambda one: (one[1] != account_id, one[0] != edit_id))
    account = by_account[id]
    metadata, model = drafts.metadata(content, edit, account, by_clip[edit].name), PLATFORMS[account.platform].metadata
    text = str(metadata.get(model.text_field, ""))
    title = str(metadata.get(model.title_field, "")) if model.title_field else ""
    return Preview(
        account.platform,
        account,
        by_clip[edit],
        title,
        text[: model.folds_after],
        len(text) > model.folds_after,
        model.text_on_picture,
        model.safe_area,
    )


def curl(base: str, body: dict[str, Any]) -> str:
    """Return the same post as a curl command, for a shell that has the API key in CLIPCAST_API_KEY."""
    return (
        f"curl -X POST {shlex.quote(base + '/api/v1/posts')} \\\n"
        '  -H "X-Api-Key: $CLIPCAST_API_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(body, indent=1, ensure_ascii=False))}"
    )
