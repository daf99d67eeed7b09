"""Renders of callers: ordered, shown, cancelled and deleted."""

import asyncio
import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from sqlalchemy import cast, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clips import timelines
from clipcast.clips.addresses import file_url
from clipcast.clips.facts import facts_of
from clipcast.clips.service import get_clip
from clipcast.clips.unwanted import record_unwanted
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.media import Media, known_media
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.renditions import Rendition
from clipcast.database.models.submissions import Asset, Submission
from clipcast.installation import Installation
from clipcast.rendering.fonts import fonts_in, named
from clipcast.rendering.planner import estimate_seconds
from clipcast.renders import repository
from clipcast.renders.assets import CAPTIONS, IMAGE, get_asset, read_asset
from clipcast.renders.captions import as_vtt, parse_caption_bytes, parse_captions
from clipcast.renders.edit_schemas import EditBody
from clipcast.renders.edits import Compiled, Materials, Part, compile_edit, edit_key, independent
from clipcast.renders.names import name_of
from clipcast.renders.needed import NEEDED
from clipcast.renders.places import lock_count
from clipcast.renders.renditions import FOR_NO_POST, Input, Order, cancel, delete_unneeded, ensure, hurry

# The most renders of one workspace that wait or run.
QUEUE_MAX = 200
QUEUE_PAUSE = 60  # seconds, for Retry-After
# A repeated order tries what waits after an error at most this often: it may be a poll, and a run takes minutes of CPU.
HURRIED_EVERY = timedelta(minutes=1)
# The longest name of a render, and what a number behind it may take of that.
NAME_MAX, NUMBER_MAX = 255, 10
# The most fonts that a message names.
FONTS_SHOWN = 20
# The operator's fonts by folder, and when they were found. Large folders take seconds to search.
FONTS: dict[Path, tuple[datetime, list[Path]]] = {}
FONTS_KEPT = timedelta(minutes=1)
# Where the warnings about platforms begin.
CONFORM_FOR = "/conform_for/"


@dataclass
class Prepared:
    """An edit of a clip with its files, before the transaction that orders it."""

    clip: Clip
    edit: dict[str, Any]
    key: str
    # The name of the render, if the caller gives none.
    name: str
    compiled: Compiled
    # The further inputs of the job, and the rows of their files by the paths that name them.
    inputs: list[Input] = field(default_factory=list)
    rows: dict[str, Clip | Asset] = field(default_factory=dict)


async def prepare(
    installation: Installation,
    workspace_id: UUID,
    video_id: str,
    edit: EditBody,
    problems: Sequence[Problem] = (),
    wrong: Set[str] = frozenset(),
) -> Prepared:
    """Read the files that an edit names, and compile it. Nothing is stored.

    `problems` are those that the body has already. Its fields `wrong` are left out of `edit`, and so are the problems
    that depend on them.

    Raises NotFound for the video, AppError 409 if its upload is not complete, and ValidationFailed with all problems.
    """
    async with installation.database.session() as session:
        clip = await get_clip(session, workspace_id, video_id)
        require_ready(clip)
        files = _Named(session, workspace_id)
        await files.find(edit)
    media = facts_of(clip)
    # Without a session: a storage that does not respond must not hold connections of the database.
    captions = await _captions(installation, edit, files)
    files.problems += await _font_problems(edit, installation.settings.fonts)
    materials = Materials(captions, files.watermark, files.intro, files.outro)
    longest = installation.settings.max_clip_duration.total_seconds()
    compiled = compile_edit(edit, media, materials, longest)
    if found := [*problems, *files.problems, *independent(compiled.problems, wrong)]:
        raise ValidationFailed(found)
    canonical = edit.canonical()
    key = edit_key(clip.sha256 or "", edit, materials) if canonical else ""
    return Prepared(clip, canonical, key, name_of(clip.title, edit), compiled, files.inputs, files.rows)


def require_ready(clip: Clip) -> None:
    """Raise AppError 409 unless the clip's upload is complete."""
    if clip.status != "ready":
        message = "The upload of this video is not complete. Complete it first."
        raise AppError(409, "upload_not_completed", message)


class _Named:
    """The rows of the files that an edit names, as far as they exist, and the problems of the others."""

    def __init__(self, session: AsyncSession, workspace_id: UUID) -> None:
        self._session = session
        self._workspace_id = workspace_id
        self.problems: list[Problem] = []
        # The further inputs of the job, and their rows by the paths that name them.
        self.inputs: list[Input] = []
        self.rows: dict[str, Clip | Asset] = {}
        self.captions: Asset | None = None
        self.watermark: Part | None = None
        self.intro: Part | None = None
        self.outro: Part | None = None

    async def find(self, edit: EditBody) -> None:
        if edit.captions and edit.captions.asset_id and edit.captions.text is None:
            self.captions = await self._asset("/captions/asset_id", edit.captions.asset_id, CAPTIONS)
        if edit.watermark:
            self.watermark = await self._picture("/watermark/asset_id", edit.watermark.asset_id)
        self.intro = await self._part("/intro/video_id", edit.intro.video_id) if edit.intro else None
        self.outro = await self._part("/outro/video_id", edit.outro.video_id) if edit.outro else None

    async def _picture(self, path: str, asset_id: str) -> Part | None:
        if (asset := await self._asset(path, asset_id, IMAGE)) is None:
            return None
        assert asset.size is not None
        assert asset.sha256 is not None
        self.inputs.append(Input(asset.storage_key, asset.size, asset.sha256))
        self.rows[path] = asset
        return Part(asset.sha256)

    async def _asset(self, path: str, asset_id: str, kind: str) -> Asset | None:
        """Return a checked asset of this kind, or None after a problem."""
        try:
            asset = await get_asset(self._session, self._workspace_id, asset_id)
        except NotFound as error:
            self.problems.append(Problem(path, error.code, error.detail))
            return None
        if asset.status != "ready":
            message = "The upload of this asset is not complete. Complete it first."
            self.problems.append(Problem(path, "upload_not_completed", message))
            return None
        if asset.kind != kind:
            accepted = "an SRT or WebVTT file" if kind == CAPTIONS else "a PNG or WebP picture"
            message = f"This asset is {asset.file_name}. Use {accepted}."
            self.problems.append(Problem(path, "not_allowed", message))
            return None
        return asset

    async def _part(self, path: str, video_id: str) -> Part | None:
        try:
            clip = await get_clip(self._session, self._workspace_id, video_id)
            require_ready(clip)
            media = facts_of(clip, path)
        except ValidationFailed as error:
            self.problems += error.errors
            return None
        except AppError as error:
            self.problems.append(Problem(path, error.code, error.detail))
            return None
        found = input_of(clip)
        self.inputs.append(found)
        self.rows[path] = clip
        return Part(found.sha256, media)


async def _font_problems(edit: EditBody, folder: Path) -> list[Problem]:
    """Return the problem of a font that the operator's folder lacks. Without fonts here, renderers may have it."""
    font = edit.captions.style.font if edit.captions else None
    if font is None:
        return []
    found = await _fonts(folder)
    if not found or named(font, found):
        return []
    names = sorted(path.name for path in found)[:FONTS_SHOWN]
    message = f"The folder of fonts has no {font[:60]!r}. It has: {', '.join(names)}."
    return [Problem("/captions/style/font", "not_found", message, names, font)]


async def _fonts(folder: Path) -> list[Path]:
    """Return the fonts of a folder as of the last minute; none if it cannot be read."""
    at, found = FONTS.get(folder, (clock.now(), []))
    if not found or clock.now() - at > FONTS_KEPT:
        try:
            found = await asyncio.to_thread(fonts_in, folder)
        except OSError:
            found = []
        FONTS[folder] = (clock.now(), found)
    return found


async def _captions(installation: Installation, edit: EditBody, named: _Named) -> Part | None:
    """Return the captions of an edit, or None without captions or after a problem."""
    body = edit.captions
    if body is None:
        return None
    if (body.asset_id is None) == (body.text is None):
        message = "Give the captions as asset_id or as text, one of both."
        named.problems.append(Problem("/captions", "ambiguous_field" if body.text else "required", message))
        return None
    if body.text is not None:
        path, content, parsed = "/captions/text", body.text.encode("utf-8", "replace"), parse_captions(body.text)
    elif named.captions is not None:
        content = await read_asset(installation, named.captions)
        path, parsed = "/captions/asset_id", parse_caption_bytes(content)
    else:
        return None
    named.problems += [problem.under(path) for problem in parsed.problems]
    return Part(_sha256(content), cues=parsed.cues) if parsed.cues else None


def input_of(clip: Clip) -> Input:
    """Return the file of a ready clip. Raises ValidationFailed if its properties cannot be read."""
    assert clip.size is not None
    assert clip.sha256 is not None
    return Input(clip.storage_key, clip.size, clip.sha256, facts_of(clip).duration)


async def create_render(
    session: AsyncSession, workspace_id: UUID, prepared: Prepared, name: str | None = None
) -> tuple[Render, bool]:
    """Order a render, or return the one of the same edit. The second value is True if it is made or being made already.

    One that failed, was cancelled or has expired is made again, under the same id. One that waits after an error is
    tried now, at most once a minute. `name` renames it. Raises NotFound if the clip was deleted meanwhile,
    ValidationFailed if another file was, and AppError 429 if too many renders wait.
    """
    clip = await _lock_files(session, workspace_id, prepared)
    existing = await repository.render_of_clip(session, clip.id, prepared.key)
    warnings = [one.as_dict() for one in prepared.compiled.warnings]
    if existing:
        about_platforms = [one for one in existing.warnings if one["path"].startswith(CONFORM_FOR)]
        existing.warnings = [*warnings, *about_platforms]
        existing.deleted_at = None  # who orders it anew takes it out of the bin
    if existing and existing.current_status in ("completed", *repository.PENDING):
        existing.name = name or existing.name
        await _hurry(session, existing)
        return existing, True
    now = clock.now()
    rendition_id, status = None, "completed"
    if recipe := prepared.compiled.recipe:
        await require_place(session, workspace_id)
        inputs = (input_of(clip), *prepared.inputs)
        output = prepared.compiled.output
        estimate = estimate_seconds(facts_of(clip), recipe, output)
        order = Order(workspace_id, clip.id, inputs, recipe, now, output, priority=FOR_NO_POST, estimate=estimate)
        [ordered] = await ensure(await from_session(session), [order])
        rendition_id, status = ordered.id, ordered.status
    render = existing or Render(
        workspace_id=workspace_id, clip=clip, key=prepared.key, edit=prepared.edit, name="", warnings=warnings
    )
    render.captions = as_vtt(prepared.compiled.sidecar) if prepared.compiled.sidecar else None
    render.name = name or render.name or await _free_name(session, clip, prepared.name)
    render.rendition_id, render.status, render.error = rendition_id, status, None
    if rendition_id is None:
        render.started_at = render.completed_at = now
    session.add(render)
    await session.flush()
    await session.refresh(render, ["rendition"])
    return render, False


async def _free_name(session: AsyncSession, clip: Clip, name: str) -> str:
    """Return the name, with a number if another render of the locked clip has it: it does not tell all of an edit.

    A long name is cut, so that NAME_MAX holds with any number.
    """
    name = name[: NAME_MAX - NUMBER_MAX]
    alike = (Render.name == name) | (Render.name.startswith(f"{name} (", autoescape=True) & Render.name.endswith(")"))
    taken = set(await session.scalars(select(Render.name).where(Render.clip_id == clip.id, alike)))
    return next(one for number in count(1) if (one := f"{name} ({number})" if number > 1 else name) not in taken)


async def _hurry(session: AsyncSession, render: Render) -> None:
    """Try a render and its conversions now that wait after an error."""
    ahead = [one.rendition_id for one in await repository.renditions_ahead(session, render.id)]
    ids = [*ahead, *([render.rendition_id] if render.rendition_id else [])]
    await hurry(await from_session(session), ids, unchanged_since=clock.now() - HURRIED_EVERY)


async def _lock_files(session: AsyncSession, workspace_id: UUID, prepared: Prepared) -> Clip:
    """Hold the files of an edit until the end of the transaction, and return its clip.

    All lock in the same order. Raises NotFound for the clip, and ValidationFailed for the others.
    """
    ids = {row.id: row for row in prepared.rows.values()} | {prepared.clip.id: prepared.clip}
    kept, clip = set(), None
    for id, row in sorted(ids.items()):
        if id == prepared.clip.id:
            clip = await get_clip(session, workspace_id, str(id), lock=True)
            kept.add(id)
            continue
        query = select(type(row).id).where(type(row).id == id).with_for_update(read=True, key_share=True)
        kept.update(await session.scalars(query))
    if gone := [path for path, row in prepared.rows.items() if row.id not in kept]:
        message = "This file was deleted while the render was ordered. Name another one."
        raise ValidationFailed([Problem(path, "not_found", message) for path in gone])
    assert clip is not None  # one of the ids
    return clip


async def plain_render(session: AsyncSession, clip: Clip) -> Render:
    """Return the render of a ready, locked clip as it is. Create it if there is none."""
    if existing := await repository.render_of_clip(session, clip.id, ""):
        existing.deleted_at = None
        return existing
    now = clock.now()
    render = Render(
        workspace_id=clip.workspace_id,
        clip=clip,
        key="",
        edit={},
        name=clip.title,
        status="completed",
        started_at=now,
        completed_at=now,
    )
    session.add(render)
    await session.flush()
    return render


async def require_place(session: AsyncSession, workspace_id: UUID) -> None:
    """Raise AppError 429 if too many renders of the workspace wait, those for platforms included."""
    await lock_count(session, workspace_id)
    pending = await repository.count_ordered(session, workspace_id)
    if pending >= QUEUE_MAX:
        message = f"{pending} renders are waiting or being made, the maximum is {QUEUE_MAX}. Try again later."
        raise AppError(429, "render_queue_full", message, headers={"Retry-After": str(QUEUE_PAUSE)})


async def get_render(session: AsyncSession, workspace_id: UUID, render_id: str, lock: bool = False) -> Render:
    """Return a render. Raises NotFound. Lock it before deleting it, so that no new post can use it."""
    render = await repository.get_render(session, workspace_id, render_id, lock)
    if render is None:
        raise NotFound("render", render_id)
    return render


async def delete_render(session: AsyncSession, render: Render) -> list[str]:
    """Cancel a locked render that is being made, or delete it. A cancelled render stays, with this status.

    A video as it is goes with its render, unless it has other renders or submissions. URLs of deleted files stop
    working after the commit. Return the storage keys to delete: pass them to `delete_unwanted` after the commit. Raises
    AppError 409 while a post names the render, or another video's render uses the file.
    """
    if await repository.is_posted(session, render):
        raise AppError(409, "render_in_use", "A post uses this clip. Delete the post first.")
    executor, rendition = await from_session(session), render.rendition
    for ahead in await repository.renditions_ahead(session, render.id):
        await cancel(executor, ahead.rendition_id, render.id)
    if rendition is not None and await cancel(executor, rendition.id, render.id):
        return []
    clip = render.clip
    keys = await _delete_rows(session, [render])
    if not render.key and not await _is_used(session, clip):
        keys += await _delete_clip_row(session, clip)
    await record_unwanted(session, *keys)
    return keys


async def _is_used(session: AsyncSession, clip: Clip) -> bool:
    """Return whether a clip has renders or submissions."""
    renders = select(Render.id).where(Render.clip_id == clip.id).exists()
    submissions = select(Submission.id).where(Submission.clip_id == clip.id).exists()
    return bool((await session.execute(select(renders | submissions))).scalar_one())


async def _delete_rows(session: AsyncSession, renders: list[Render]) -> list[str]:
    """Delete renders, and their renditions that nobody else needs. Return the keys of those files."""
    renditions = [render.rendition_id for render in renders if render.rendition_id]
    ahead = await repository.renditions_ahead(session, *(render.id for render in renders))
    renditions += [one.rendition_id for one in ahead]
    for render in renders:
        await session.delete(render)
    await session.flush()
    return await delete_unneeded(await from_session(session), renditions)


async def _delete_clip_row(session: AsyncSession, clip: Clip) -> list[str]:
    """Delete a clip with its renditions, and return the keys of the files. Raises AppError 409 while others read it."""
    reading = select(Rendition.id).where(
        Rendition.workspace_id == clip.workspace_id,
        Rendition.status.in_(repository.PENDING),
        Rendition.inputs.contains(cast([{"storage_key": clip.storage_key}], JSONB)),
        text(NEEDED),
    )
    same = select(Clip.id).where(
        Clip.workspace_id == clip.workspace_id, Clip.status == "ready", Clip.sha256 == clip.sha256, Clip.id != clip.id
    )
    if (await session.execute(reading.where(~same.exists()).limit(1))).first():
        message = "A render of another video that uses this one is being made. Delete it afterwards."
        raise AppError(409, "video_in_use", message)
    found = await session.scalars(select(Rendition.id).where(Rendition.clip_id == clip.id))
    keys = [*filter(None, (clip.storage_key, clip.thumbnail_key)), timelines.folder(clip.id)]
    keys += await delete_unneeded(await from_session(session), found.all())
    await session.delete(clip)
    await session.flush()
    return keys


async def delete_clip(session: AsyncSession, clip: Clip) -> list[str]:
    """Delete a locked clip with its renders, submissions and files. Renders under way are cancelled.

    Return the storage keys to delete, as `delete_render`. Raises AppError 409 while a post names one of the renders,
    or another video's render uses the file.
    """
    renders = await repository.renders_of_clip(session, clip.id)
    if renders and await repository.is_posted(session, *renders):
        raise AppError(409, "render_in_use", "A post uses a render of this video. Delete the post first.")
    executor, ids = await from_session(session), [render.id for render in renders]
    ahead = [one.rendition_id for one in await repository.renditions_ahead(session, *ids)]
    for rendition_id in [*ahead, *(render.rendition_id for render in renders if render.rendition_id)]:
        await cancel(executor, rendition_id, *ids)
    keys = await _delete_rows(session, renders)
    keys += await _delete_clip_row(session, clip)
    await record_unwanted(session, *keys)
    return keys


@dataclass(frozen=True)
class StoredFile:
    """A stored object and how it is sent. `size` is in bytes."""

    key: str
    size: int
    content_type: str
    name: str


def file_of(render: Render) -> StoredFile:
    """Return the file of a completed render: that of its rendition, or its clip's. Raises AppError 409 without one."""
    require_file(render)
    made, clip = render.rendition, render.clip
    if made is None:
        return StoredFile(clip.storage_key, clip.size or 0, clip.content_type, clip.file_name)
    return file_of_rendition(made, clip.file_name)


def file_of_rendition(made: Rendition, source_name: str) -> StoredFile:
    """Return the file of a completed rendition, named after the file that it was made from."""
    return StoredFile(made.storage_key or "", made.size or 0, "video/mp4", f"{PurePath(source_name).stem}.mp4")


def download_url(installation: Installation, render: Render) -> str:
    """Return the signed URL of a completed render's file. Raises AppError 409 without one."""
    return url_of(installation, file_of(render))


def url_of(installation: Installation, file: StoredFile) -> str:
    """Return a signed URL of a stored file."""
    return file_url(installation.settings, installation.vault, file.key, file.name, file.content_type, file.size)


async def rendition_file(session: AsyncSession, workspace_id: UUID, rendition_id: str) -> StoredFile:
    """Return the file of a completed rendition. Raises NotFound without one."""
    made = await session.get(Rendition, parse_id(rendition_id))
    if made is None or made.workspace_id != workspace_id or made.status != "completed":
        raise NotFound("converted file", rendition_id)
    clip = await session.get(Clip, made.clip_id) if made.clip_id else None
    return file_of_rendition(made, clip.file_name if clip else "clip")


def output_of(render: Render) -> Media | None:
    """Return the properties of the render's file, as predicted until it is made; None if they are unknown."""
    return known_media(render.output)


def require_file(render: Render) -> None:
    """Raise AppError 409 unless the render's file exists."""
    if (status := render.current_status) == "completed":
        return
    if status == "expired":
        message = "The file of this render was deleted to save space. Make the same render again."
        raise AppError(409, "render_expired", message)
    message = f"The render is {status}, so it has no file. Wait until its status is completed."
    raise AppError(409, "render_not_completed", message)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
