"""Finds posts by their captions: any part of it among the newest posts, and the beginnings of words in all.

The caption of a post is that of its first item.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, func, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.database.models.posts import CAPTION_WORDS, Item, Post
from clipcast.platforms.registry import PLATFORMS

# The newest posts, of whose captions any part is found.
NEWEST = 2_000
# With so many matches among these, the words are frequent.
FREQUENT = 20
# The fields of the platforms that hold a caption or a title.
FIELDS = sorted(
    {field for one in PLATFORMS.values() for field in (one.metadata.text_field, one.metadata.title_field) if field}
)


@dataclass(frozen=True)
class Newest:
    """The newest posts that match, and whether these are all posts of the workspace and the span."""

    post_ids: set[UUID]
    are_all: bool

    @property
    def are_frequent(self) -> bool:
        """Whether about one post in a hundred matches, so that matches lie close together in a list by time."""
        return not self.are_all and len(self.post_ids) >= FREQUENT


async def search_newest(
    session: AsyncSession, workspace_id: UUID, pattern: str, since: datetime | None, until: datetime | None
) -> Newest:
    """Return which of the newest posts of this span have a caption like the pattern."""
    posts = select(Post.id).where(Post.workspace_id == workspace_id)
    posts = posts.where(*([Post.starts_at >= since] if since else []), *([Post.starts_at < until] if until else []))
    newest = posts.order_by(Post.starts_at.desc(), Post.id.desc()).limit(NEWEST).subquery()
    first = select(_is_like(pattern).label("matches")).where(Item.post_id == newest.c.id)
    caption = first.order_by(Item.position).limit(1).lateral()
    # One row for all: few of them match.
    ids = func.array_agg(newest.c.id).filter(caption.c.matches)
    found, number = (await session.execute(select(ids, func.count()).select_from(newest.join(caption, true())))).one()
    return Newest(set(found or ()), number < NEWEST)


def has_caption(pattern: str, words: str) -> ColumnElement[bool]:
    """Return whether an item is the first one of its post, and its caption has the words or is like the pattern."""
    return (Item.position == 0) & (_has_words(words) | _is_like(pattern))


def with_words(words: str) -> ColumnElement[bool]:
    """Return whether an item is the first one of its post, and its caption has the words. An index finds such items."""
    # As a part of the statement, so that the index of first items also serves a plan for all values.
    return (Item.position == literal(0, literal_execute=True)) & _has_words(words)


def _is_like(pattern: str) -> ColumnElement[bool]:
    return func.concat_ws("\n", *(Item.details[field].astext for field in FIELDS)).ilike(pattern)


def _has_words(words: str) -> ColumnElement[bool]:
    """Return whether the caption has a word that begins like each of these; without letters and digits, it has none."""
    lexemes = cast(func.plainto_tsquery(literal_column("'simple'"), literal(words, String)), String)
    # 'dawn' & 'pa' becomes 'dawn':* & 'pa':*
    beginnings = func.regexp_replace(lexemes, "'( & |$)", r"':*\1", "g")
    return literal_column(CAPTION_WORDS, TSVECTOR).bool_op("@@")(cast(func.nullif(beginnings, ""), TSQUERY))
