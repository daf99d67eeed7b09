"""The library of clips as people see it: places, filters and search, folders, labels, and the bin.

A clip of the library is a render: an upload as it is, or what was made of it. Callers of these functions commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Float, Select, String, cast, exists, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from clipcast.clock import clock
from clipcast.common.labels import check_number
from clipcast.common.labels import clean_labels as clean
from clipcast.common.names import name_key
from clipcast.database.changes import tell
from clipcast.database.models.clips import Clip, Folder, Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition

# Places of the library beside its folders.
ALL, UNPOSTED, WEEK, BIN = "", "unposted", "week", "deleted"
PLACES = (ALL, UNPOSTED, WEEK, BIN)
NEW_FOR = timedelta(days=7)
# How long a deleted clip can be restored.
KEPT = timedelta(days=30)
# Seconds: the more than, and the at most.
LENGTHS: dict[str, tuple[float, float | None]] = {
    "15": (0, 15),
    "60": (15, 60),
    "90": (60, 90),
    "180": (90, 180),
    "long": (180, None),
}
# Width divided by height: the at least, and the less than.
SHAPES: dict[str, tuple[float, float | None]] = {"vertical": (0, 0.8), "square": (0.8, 1.25), "wide": (1.25, None)}

MEDIA = func.coalesce(Rendition.media, Rendition.expected, Clip.media)


@dataclass(frozen=True)
class LibraryFilter:
    """What a page of the library shows. Empty fields filter nothing."""

    place: str = ALL
    folder_id: UUID | None = None
    words: str = ""
    label: str = ""
    length: str = ""
    shape: str = ""
    # Names of platforms that take the clip.
    fits: tuple[str, ...] = ()
    # Clips in posts to accounts of one of these clients; None: to accounts without a client. Clips that are in no post
    # are of no client yet, so that their place shows all of them.
    clients: tuple[UUID | None, ...] = ()


@dataclass(frozen=True)
class Counts:
    """The numbers of clips in the places of the library."""

    everything: int
    unposted: int
    week: int
    deleted: int


def _joined(workspace_id: UUID) -> Select[Render]:
    return (
        select(Render)
        .join(Clip, Clip.id == Render.clip_id)
        .outerjoin(Rendition, Rendition.id == Render.rendition_id)
        .options(contains_eager(Render.clip), contains_eager(Render.rendition))
        .where(Render.workspace_id == workspace_id)
    )


def _conditions(wanted: LibraryFilter, now: datetime) -> Iterable[ColumnElement[bool]]:
    yield _deleted(now) if wanted.place == BIN else Render.deleted_at.is_(None)
    if wanted.place == UNPOSTED:
        yield _unposted()
    if wanted.place == WEEK:
        yield Render.created_at > now - NEW_FOR
    if wanted.folder_id:
        inner = select(Folder.id).where(Folder.parent_id == wanted.folder_id)
        yield or_(Render.folder_id == wanted.folder_id, Render.folder_id.in_(inner))
    if wanted.label:
        yield Render.labels.contains([wanted.label])
    if wanted.words:
        labels = func.array_to_string(Render.labels, "\n")
        yield or_(*(one.icontains(wanted.words, autoescape=True) for one in (Render.name, labels, Render.captions)))
    if bounds := LENGTHS.get(wanted.length):
        yield from _between(_number("duration"), bounds, more_than=True)
    if bounds := SHAPES.get(wanted.shape):
        height = func.nullif(_number("height"), literal(0, Float), type_=Float)
        yield from _between(_number("width") / height, bounds, more_than=False)
    if wanted.fits:
        yield Render.fits.contains(list(wanted.fits))
    if wanted.clients and wanted.place != UNPOSTED:
        yield or_(*map(_posted_for, wanted.clients))


def _number(name: str) -> Any:
    return cast(MEDIA[name].astext, Float)


def _between(value: Any, bounds: tuple[float, float | None], more_than: bool) -> Iterable[ColumnElement[bool]]:
    low, high = bounds
    yield value > literal(low, Float) if more_than else value >= literal(low, Float)
    if high is not None:
        yield value <= literal(high, Float) if more_than else value < literal(high, Float)


def _unposted() -> ColumnElement[bool]:
    return ~exists().where(Item.edit_id == Render.edit_setting_id)


def _posted_for(client_id: UUID | None) -> ColumnElement[bool]:
    posted = exists().where(Item.edit_id == Render.edit_setting_id, Item.connection_id == Connection.id)
    return posted.where(Connection.client_id.is_(None) if client_id is None else Connection.client_id == client_id)


def _deleted(now: datetime) -> ColumnElement[bool]:
    return Render.deleted_at > now - KEPT


async def list_library(
    session: AsyncSession, workspace_id: UUID, wanted: LibraryFilter, before: UUID | None, limit: int
) -> tuple[list[Render], bool]:
    """Return the newest clips that match, older than the clip `before` if it is given, and whether there are more."""
    query = _joined(workspace_id).where(*_conditions(wanted, clock.now()))
    if before:
        query = query.where(Render.id < before)
    found = list(await session.scalars(query.order_by(Render.id.desc()).limit(limit + 1)))
    return found[:limit], len(found) > limit


async def count_matches(session: AsyncSession, workspace_id: UUID, wanted: LibraryFilter) -> int:
    """Return the number of clips that match."""
    matching = _joined(workspace_id).where(*_conditions(wanted, clock.now()))
    return await session.scalar(matching.with_only_columns(func.count(), maintain_column_froms=True)) or 0


async def count_places(session: AsyncSession, workspace_id: UUID) -> Counts:
    """Return the numbers of clips in the places of the library."""
    now, kept = clock.now(), Render.deleted_at.is_(None)
    query = select(
        func.count().filter(kept),
        func.count().filter(kept, Render.created_at > now - NEW_FOR),
        func.count().filter(_deleted(now)),
    ).where(Render.workspace_id == workspace_id)
    everything, week, deleted = (await session.execute(query)).one()
    unposted = select(func.count()).where(Render.workspace_id == workspace_id, kept, _unposted())
    return Counts(everything, await session.scalar(unposted) or 0, week, deleted)


async def list_labels(session: AsyncSession, workspace_id: UUID) -> list[tuple[str, int]]:
    """Return the labels of the workspace's clips by name, each with the number of its clips."""
    label = func.unnest(Render.labels).label("label")
    each = select(label).where(Render.workspace_id == workspace_id, Render.deleted_at.is_(None)).subquery()
    rows = await session.execute(select(each.c.label, func.count()).group_by(each.c.label))
    return sorted(((name, count) for name, count in rows), key=lambda one: name_key(one[0]))


async def count_posts(session: AsyncSession, edit_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the number of posts that use each of these renders, by `edit_setting_id`. Those of none are left out."""
    query = select(Item.edit_id, func.count(Item.post_id.distinct())).where(Item.edit_id.in_(edit_ids))
    return {id: count for id, count in await session.execute(query.group_by(Item.edit_id))}  # noqa: C416


async def chosen_clips(session: AsyncSession, workspace_id: UUID, ids: Collection[UUID]) -> list[Render]:
    """Return the workspace's clips with these ids, locked."""
    query = _joined(workspace_id).where(Render.id.in_(ids)).order_by(Render.id).with_for_update(of=Render)
    return list(await session.scalars(query))


def move(
    session: AsyncSession, clips: Sequence[Render], folders: Mapping[UUID, UUID | None]
) -> dict[UUID, UUID | None]:
    """Put locked clips into folders, by the clip's id. Return where each was that moves."""
    before = {one.id: one.folder_id for one in clips if one.id in folders and folders[one.id] != one.folder_id}
    for one in clips:
        if one.id in before:
            one.folder_id = folders[one.id]
    _told(session, clips)
    return before


async def clean_labels(session: AsyncSession, workspace_id: UUID, typed: Iterable[str]) -> list[str]:
    """Return labels without repetitions, each as the workspace spells it already. Raise ValidationFailed."""
    return clean(typed, [name for name, _ in await list_labels(session, workspace_id)])


def label(session: AsyncSession, clips: Sequence[Render], labels: Mapping[UUID, list[str]]) -> dict[UUID, list[str]]:
    """Give locked clips these labels, by the clip's id. Return those that each had before, of clips that change.

    Raise ValidationFailed if a clip would have too many.
    """
    before = {one.id: list(one.labels) for one in clips if one.id in labels and labels[one.id] != one.labels}
    for one in clips:
        if one.id in before:
            check_number(labels[one.id], repr(one.name))
            one.labels = labels[one.id]
    _told(session, clips)
    return before


def delete(session: AsyncSession, clips: Sequence[Render]) -> list[Render]:
    """Put locked clips into the bin, and return those that were not in it. Posts that use them stay as they are."""
    gone = [one for one in clips if one.deleted_at is None]
    for one in gone:
        one.deleted_at = clock.now()
    _told(session, gone)
    return gone


def restore(session: AsyncSession, clips: Sequence[Render]) -> list[Render]:
    """Take locked clips out of the bin, and return them."""
    back = [one for one in clips if one.deleted_at is not None]
    for one in back:
        one.deleted_at = None
    _told(session, back)
    return back


def _told(session: AsyncSession, clips: Sequence[Render]) -> None:
    if clips:
        tell(session, clips[0].workspace_id)


# --- What fits


def fits_key(rules: str) -> ColumnElement[str]:
    """Return a digest of the properties of a render's file, and of `rules`, which say what fits."""
    return func.md5(func.concat(cast(MEDIA, String), rules))


async def with_unknown_fits(
    session: AsyncSession, workspace_id: UUID, rules: str, limit: int
) -> list[tuple[UUID, str, dict[str, Any]]]:
    """Return clips of which it is not stored what they fit by these rules: id, digest, and properties of the file."""
    key = fits_key(rules)
    query = (
        select(Render.id, key, MEDIA)
        .join(Clip, Clip.id == Render.clip_id)
        .outerjoin(Rendition, Rendition.id == Render.rendition_id)
        .where(Render.workspace_id == workspace_id, Render.deleted_at.is_(None))
        .where(MEDIA.is_not(None), Render.fits_key.is_distinct_from(key))
        .limit(limit)
    )
    return [(id, digest, media) for id, digest, media in await session.execute(query)]


async def store_fits(session: AsyncSession, found: Sequence[tuple[UUID, str, list[str]]]) -> None:
    """Store the platforms that take a clip: id, digest, and names of each."""
    rows = (
        func.unnest(
            cast([id for id, *_ in found], ARRAY(Render.id.type)),
            cast([digest for _, digest, _ in found], ARRAY(String)),
            cast([" ".join(names) for *_, names in found], ARRAY(String)),
        )
        .table_valued("id", "digest", "names")
        .render_derived(name="found")
    )
    statement = (
        update(Render)
        .where(Render.id == rows.c.id)
        .values(fits_key=rows.c.digest, fits=func.string_to_array(rows.c.names, " "))
    )
    await session.execute(statement.execution_options(synchronize_session=False))
