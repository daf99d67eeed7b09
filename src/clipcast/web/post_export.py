"""The list of posts as a CSV, which the import page takes again."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from clipcast.clock import clock
from clipcast.common.cells import join_list
from clipcast.common.csv_text import safe_cell
from clipcast.common.timestamps import format_timestamp
from clipcast.connections.repository import platforms_of
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.exporting import ExportedItem, exported
from clipcast.posts.plans.rows import EXPORTED
from clipcast.web.posts import ORIGINS, read_filters, require_all
from clipcast.web.states import STATES
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/posts")

# The columns that an import reads. Those of single platforms follow the others.
READ = ("edit_id", "to", "title", "text", "tags", "at", "timezone")


@router.get("/export.csv")
async def export(member: Looking) -> Response:
    """Return the posts of a list, with the same filters, as a CSV: one row for each item. Raises AppError 422."""
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, dict(member.request.query_params))
        require_all(filters)
        platforms = await platforms_of(session, member.workspace.id)
    name = f"posts-{clock.now().astimezone(member.zone):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    lines = _lines(member, exported(member.installation.database, member.workspace.id, filters.wanted), platforms)
    return StreamingResponse(
        lines, media_type="text/csv; charset=utf-8", headers=headers | {"X-Content-Type-Options": "nosniff"}
    )


async def _lines(member: Member, pages: AsyncIterator[list[ExportedItem]], platforms: set[str]) -> AsyncIterator[str]:
    own = [column for name in sorted(platforms) if name in PLATFORMS for column in _own_columns(name)]
    columns = [*EXPORTED, *READ, *own]
    # The mark tells Excel that the file is UTF-8.
    yield "\ufeff" + _csv([columns])
    async for page in pages:
        yield _csv([[safe_cell(cells.get(column)) for column in columns] for cells in _rows(page, member.zone)])


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _own_columns(platform: str) -> Iterator[str]:
    model = PLATFORMS[platform].metadata
    for name in model.model_json_schema(by_alias=True).get("properties", {}):
        if name not in (model.title_field, model.text_field, "tags"):
            yield f"{platform}.{name}"


def _rows(page: list[ExportedItem], zone: ZoneInfo) -> Iterator[Mapping[str, Any]]:
    for one in page:
        item, post = one.item, one.post
        tags = item.details.get("tags")
        yield {
            "post_id": post.id,
            "item_id": item.id,
            "client": one.client,
            "platform": PLATFORMS[item.platform].title if item.platform in PLATFORMS else item.platform,
            "account": f"@{item.connection.username}",
            "clip_name": one.clip,
            "state": STATES[one.state].word if one.state in STATES else one.state,
            "labels": "; ".join(one.labels),
            "made_by": " · ".join(filter(None, (post.author_name, ORIGINS.get(post.origin or "")))),
            "created_at": _local(post.created_at, zone),
            "published_at": _local(item.published_at, zone),
            "address": item.platform_post_url,
            "error": one.error,
            "edit_id": item.edit_id,
            "to": one.account,
            **one.texts,
            "tags": _tags(tags) if isinstance(tags, list) else "",
            **_at(post.scheduled_at, zone),
            **{f"{item.platform}.{name}": _cell(value) for name, value in one.other_metadata.items()},
        }


def _at(instant: datetime | None, zone: ZoneInfo) -> dict[str, str]:
    """Return the time as an import reads it: by the clock of the zone, unless that shows it twice."""
    if instant is None:
        return {}
    if instant.astimezone(zone).fold:
        return {"at": format_timestamp(instant) or ""}
    return {"at": _local(instant, zone), "timezone": zone.key}


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    if instant is None:
        return ""
    local = instant.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(" ", "milliseconds" if local.microsecond else "seconds" if local.second else "minutes")


def _cell(value: Any) -> str:
    """Return a value as a cell of a plan has it (common/cells.py)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return join_list(value)
    return json.dumps(value, ensure_ascii=False)


def _tags(tags: list[str]) -> str:
    """Return hashtags as a cell, from which an import takes a `#` before each, and which it divides at commas, too."""
    if any("," in tag or tag.startswith("#") for tag in tags):
        return json.dumps([f"#{tag}" for tag in tags], ensure_ascii=False)
    return join_list(tags)
