"""The library of clips: its page with places, filters and search, folders, and actions on many clips."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from clipcast import __version__
from clipcast.clips import folders, library
from clipcast.clips.library import LibraryFilter
from clipcast.clips.pictures import picture_version
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.containers import ACCEPT, TITLES
from clipcast.common.ids import parse_id
from clipcast.common.media import Media, known_media, stored_media
from clipcast.common.problems import AppError, NotFound
from clipcast.connections.repository import NO_CLIENT
from clipcast.database.models.clients import Client
from clipcast.database.models.clips import Render
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.drafts import EMPTY, new_draft
from clipcast.posts.lines import Picture
from clipcast.renders import service
from clipcast.web.fits import by_platform
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.stored import DATA_TROUBLE
from clipcast.web.viewers import Editing, Looking, Member

log = structlog.get_logger()
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

SHOWN = 40
# Clips whose fit is computed in one step, while a filter asks for it.
AT_ONCE = 2000
CHOSEN_MAX = 200
PLACES = {"": "All clips", "unposted": "Not posted yet", "week": "Added this week", "deleted": "Deleted"}
LENGTHS = {"15": "Up to 15 s", "60": "15 to 60 s", "90": "60 to 90 s", "180": "90 s to 3 min", "long": "Over 3 min"}
SHAPES = {"vertical": "Vertical", "square": "Square", "wide": "Wide"}
EVERY = "all"


@router.get("/clips")
async def clips_page(
    member: Looking,
    place: str = "",
    folder: str = "",
    q: str = "",
    fits: str = "",
    length: str = "",
    shape: str = "",
    label: str = "",
    before: str = "",
) -> Response:
    """Return a page of the library. `before` is a clip: the page shows those older than it."""
    wanted = LibraryFilter(
        place=place if place in PLACES else "",
        folder_id=parse_id(folder),
        words=" ".join(q.split())[:200],
        label=label[:200],
        length=length if length in LENGTHS else "",
        shape=shape if shape in SHAPES else "",
        fits=tuple(PLATFORMS) if fits == EVERY else (fits,) if fits in PLATFORMS else (),
        clients=(member.client.id if member.client else None,) if member.chosen_client else (),
    )
    workspace = member.workspace.id
    if wanted.fits:
        await _learn_fits(member)
    async with member.installation.database.session() as session:
        current = await folders.get_folder(session, workspace, folder) if wanted.folder_id else None
        clips, has_more = await library.list_library(session, workspace, wanted, parse_id(before), SHOWN)
        tree = await folders.list_folders(session, workspace)
        counts = await library.count_places(session, workspace)
        labels = await library.list_labels(session, workspace)
        used = await library.count_posts(session, [one.edit_setting_id for one in clips])
        is_filtered = wanted != LibraryFilter(wanted.place, wanted.folder_id)
        matches = await library.count_matches(session, workspace, wanted) if is_filtered else None
    query = {
        "place": wanted.place,
        "folder": folder if current else "",
        "q": wanted.words,
        "fits": fits if wanted.fits else "",
        "length": wanted.length,
        "shape": wanted.shape,
        "label": wanted.label,
        "client": member.chosen_client,
    }
    return member.render(
        "clips.html",
        section="clips",
        clips=clips,
        used=used,
        media_of=media_of,
        misfits_of=_misfits,
        tree=tree,
        counts=counts,
        place_counts={
            "": counts.everything,
            "unposted": counts.unposted,
            "week": counts.week,
            "deleted": counts.deleted,
        },
        labels=labels,
        choices=_choices(labels, member.clients),
        pictures={one.id: _picture(one) for one in clips},
        current=current,
        places=PLACES,
        query=query,
        before=before if parse_id(before) else "",
        here=_address(member, query),
        address=lambda **changes: _address(member, query | changes),
        is_filtered=is_filtered,
        matches=matches,
        older=str(clips[-1].id) if has_more else "",
        kept=library.KEPT,
        most=member.installation.settings.max_upload_bytes,
        accept=ACCEPT,
        titles=TITLES,
    )


def _address(member: Member, query: Mapping[str, str]) -> str:
    return f"{member.base}/clips" + (f"?{urlencode(found)}" if (found := {k: v for k, v in query.items() if v}) else "")


def _choices(labels: list[tuple[str, int]], clients: Sequence[Client]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the filters: name, label, and the values with their words."""
    titles = sorted((one.title, name) for name, one in PLATFORMS.items())
    of_clients = [(str(one.id), one.name) for one in clients]
    return [
        *([("client", "Client", [*of_clients, (NO_CLIENT, "Without a client")])] if clients else []),
        ("fits", "Fits", [(EVERY, "All platforms"), *((name, title) for title, name in titles)]),
        ("length", "Length", list(LENGTHS.items())),
        ("shape", "Shape", list(SHAPES.items())),
        *([("label", "Label", [(name, f"{name} ({count})") for name, count in labels])] if labels else []),
    ]


def _picture(render: Render) -> Picture:
    key = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key
    return Picture(render.id, render.name, picture_version(key) if key else "")


def known_media_of(render: Render) -> Media | None:
    """Return the properties of the clip's file; None if they are not known, or cannot be read."""
    return known_media(render.output)


def media_of(render: Render) -> Media | None:
    """Return the properties of the clip's file; None before they are probed. Raises FactsUnreadable."""
    return stored_media(render.output) if render.output else None


def _misfits(media: Media) -> list[str]:
    """Return the platforms that do not take the file."""
    return [name for name, one in by_platform(media).items() if one.verdict == "misfits"]


@cache
def _rules() -> str:
    """Return a digest of what decides which platforms take a file: their rules, and this version of Clipcast."""
    rules = {
        name: {field: _plain(value) for field, value in vars(one.media).items()} for name, one in PLATFORMS.items()
    }
    return sha256(json.dumps([__version__, rules], sort_keys=True, default=str).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


async def _learn_fits(member: Member) -> None:
    """Compute which platforms take the clips that are new, or whose rules have changed."""
    while True:
        async with member.installation.database.begin() as session:
            unknown = await library.with_unknown_fits(session, member.workspace.id, _rules(), AT_ONCE)
            await library.store_fits(session, [(id, key, _taken(id, media)) for id, key, media in unknown])
        if len(unknown) < AT_ONCE:
            return


def _taken(id: UUID, media: dict[str, Any]) -> list[str]:
    try:
        misfits = _misfits(stored_media(media))
    except DATA_TROUBLE:
        log.exception("clip_not_read", render_id=str(id))
        return []
    return [name for name in PLATFORMS if name not in misfits]


# --- Folders


@router.post("/clips/folders")
async def create_folder(member: Editing, request: Request) -> Response:
    """Create a folder, and show it."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        made = await folders.create_folder(session, member.workspace.id, form.line("name"), form.line("parent"))
        member.record(session, "folder.created", made.name, made.id)
    return _go(member, request, f"/clips?folder={made.id}")


@router.post("/clips/folders/{folder_id}")
async def rename_folder(member: Editing, folder_id: str, request: Request) -> Response:
    """Rename a folder."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        changed = await folders.rename_folder(session, member.workspace.id, folder_id, form.line("name"))
        member.record(session, "folder.renamed", changed.name, changed.id)
    return _go(member, request, f"/clips?folder={changed.id}")


@router.post("/clips/folders/{folder_id}/delete")
async def delete_folder(member: Editing, folder_id: str, request: Request) -> Response:
    """Delete a folder. Its clips stay."""
    async with member.installation.database.begin() as session:
        gone = await folders.delete_folder(session, member.workspace.id, folder_id)
        member.record(session, "folder.deleted", gone.name, gone.id)
    return _go(member, request, "/clips")


def _go(member: Member, request: Request, path: str) -> Response:
    """Go to a page after the form of a dialog. A problem of the form is shown beside it, so htmx sends it."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": member.base + path})
    return RedirectResponse(member.base + path, 303)


# --- Actions on many clips


@router.post("/clips/chosen")
async def act_on_chosen(member: Editing, request: Request) -> Response:
    """Begin a post with the chosen clips; or move, label, delete or restore them, and offer to undo it."""
    form = await read_form(request)
    action = form.line("action")
    ids = {id for text in form.all("chosen")[:CHOSEN_MAX] if (id := parse_id(text))}
    if not ids:
        raise AppError(422, "validation_failed", "No clip is chosen. Choose at least one.")
    if action == "compose":
        return await _compose(member, request, ids)
    if action not in ACTIONS:
        raise NotFound("action", action)
    async with member.installation.database.begin() as session:
        clips = await library.chosen_clips(session, member.workspace.id, ids)
        message, before = await ACTIONS[action](session, member, clips, form)
        if before:
            member.record(session, f"clips.{action}", message, None, clips=len(before))
    return _done(member, message, json.dumps(before) if before else "", UNDONE[action])


def _done(member: Member, message: str, before: str = "", action: str = "") -> Response:
    """Return a toast, after which the page shows its clips anew."""
    response = member.render("parts/clips_done.html", message=message, before=before, action=action)
    response.headers["HX-Trigger"] = "refresh,bulk-done"
    return response


async def _compose(member: Member, request: Request, ids: set[UUID]) -> Response:
    async with member.installation.database.begin() as session:
        clips = await library.chosen_clips(session, member.workspace.id, ids)
        if unready := [one.name for one in clips if one.current_status != "completed"]:
            message = f"{unready[0]!r} is not ready to post. Choose only clips that are ready."
            raise AppError(409, "render_not_ready", message)
        chosen = [str(one.edit_setting_id) for one in reversed(clips)]
        draft = await new_draft(session, member.workspace.id, EMPTY | {"clips": chosen})
    return _go(member, request, f"/compose/{draft.id}")


async def _move(session: Any, member: Member, clips: Sequence[Render], form: FilledForm) -> tuple[str, dict[str, Any]]:
    target = await folders.get_folder(session, member.workspace.id, found) if (found := form.line("folder")) else None
    before = library.move(session, clips, {one.id: target.id if target else None for one in clips})
    where = f"to {target.name}" if target else "out of their folders" if len(before) != 1 else "out of its folder"
    return f"{_number(before)} moved {where}.", _texts(before)


async def _label(session: Any, member: Member, clips: Sequence[Render], form: FilledForm) -> tuple[str, dict[str, Any]]:
    typed = [one for text in form.all("label") for one in text.split(",") if one.strip()]
    added = await library.clean_labels(session, member.workspace.id, typed)
    removed = set(form.all("remove"))
    if not added and not removed:
        raise AppError(422, "validation_failed", "No label is given. Type one, or choose one to remove.")
    wanted = {
        one.id: [old for old in one.labels if old not in removed] + [new for new in added if new not in one.labels]
        for one in clips
    }
    return f"{_number(before := library.label(session, clips, wanted))} labelled.", _texts(before)


async def _delete(session: Any, _: Member, clips: Sequence[Render], __: FilledForm) -> tuple[str, dict[str, Any]]:
    gone = library.delete(session, clips)
    return f"{_number(gone)} deleted.", {str(one.id): None for one in gone}


async def _restore(session: Any, _: Member, clips: Sequence[Render], __: FilledForm) -> tuple[str, dict[str, Any]]:
    back = library.restore(session, clips)
    return f"{_number(back)} restored.", {str(one.id): None for one in back}


ACTIONS = {"move": _move, "label": _label, "delete": _delete, "restore": _restore}
# What a press on Undo does after each.
UNDONE = {"move": "move", "label": "label", "delete": "restore", "restore": "delete"}


@router.post("/clips/undo/{action}")
async def undo(member: Editing, action: str, request: Request) -> Response:
    """Undo an action on clips: `before` says where each was, or which labels it had."""
    form = await read_form(request)
    before = _read_before(form.one("before"))
    async with member.installation.database.begin() as session:
        clips = await library.chosen_clips(session, member.workspace.id, set(before))
        if action == "move":
            known = {one.folder.id for one in _flat(await folders.list_folders(session, member.workspace.id))}
            back = {id: found if (found := parse_id(str(value))) in known else None for id, value in before.items()}
            library.move(session, clips, back)
        elif action == "label":
            old = {
                id: await library.clean_labels(session, member.workspace.id, value or [])
                for id, value in before.items()
            }
            library.label(session, clips, old)
        elif action in ("restore", "delete"):
            (library.restore if action == "restore" else library.delete)(session, clips)
    return _done(member, "Undone.")


def _read_before(text: str) -> dict[UUID, Any]:
    """Return what an undo form holds, by the clip's id. Raises AppError 422."""
    try:
        content = json.loads(text)
        return {UUID(id): value if isinstance(value, list | str) else None for id, value in content.items()}
    except (ValueError, AttributeError):
        raise AppError(422, "validation_failed", "This cannot be undone any more. Reload the page.") from None


def _flat(tree: Sequence[folders.Branch]) -> list[folders.Branch]:
    return [two for one in tree for two in (one, *one.inner)]


def _texts(before: Mapping[UUID, Any]) -> dict[str, Any]:
    return {str(id): value if isinstance(value, list) else value and str(value) for id, value in before.items()}


def _number(clips: Any) -> str:
    return f"{len(clips)} clip{'' if len(clips) == 1 else 's'}"


@router.post("/clips/bin/empty")
async def empty_bin(member: Editing) -> Response:
    """Delete the clips of the bin for good. Those that posts use stay."""
    keys: list[str] = []
    kept = 0
    async with member.installation.database.begin() as session:
        wanted = replace(LibraryFilter(), place=library.BIN)
        found, _ = await library.list_library(session, member.workspace.id, wanted, None, CHOSEN_MAX)
        for render in await library.chosen_clips(session, member.workspace.id, {one.id for one in found}):
            try:
                keys += await service.delete_render(session, render)
            except AppError:
                kept += 1
        member.record(session, "clips.purged", f"{len(found) - kept} clips", None)
    await delete_unwanted(member.installation.database, member.installation.storage, *keys)
    return member.redirect("/clips?place=deleted")
