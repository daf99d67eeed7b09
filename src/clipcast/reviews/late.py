"""Posts whose time comes before their approval: people are told an hour before, and when the time has passed."""

from datetime import timedelta
from functools import partial

from clipcast.clock import clock
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement
from clipcast.database.models.posts import UNAPPROVED
from clipcast.installation import Installation
from clipcast.jobs.wake import wake_router
from clipcast.jobs.worker import Background, Part, every

WARN_BEFORE = timedelta(hours=1)
LOOK_EVERY = timedelta(seconds=30)
BATCH = 200

# Posts are locked before their reviews, like in every change. A post that a request changes meanwhile has its turn at
# the next look.
TELL_LATE = Statement(f"""
    WITH late AS (
        SELECT posts.id, posts.workspace_id, posts.review, posts.scheduled_at, posts.scheduled_at <= :now AS has_passed
        FROM posts JOIN reviews ON reviews.post_id = posts.id
        WHERE {UNAPPROVED} AND posts.scheduled_at <= :soon
          AND (reviews.warned_at IS NULL OR posts.scheduled_at <= :now AND reviews.expired_at IS NULL)
        ORDER BY posts.scheduled_at LIMIT {BATCH} FOR UPDATE OF posts SKIP LOCKED
    ), noted AS (
        UPDATE reviews SET warned_at = coalesce(warned_at, :now),
                           expired_at = CASE WHEN late.has_passed THEN CAST(:now AS timestamptz) END
        FROM late WHERE reviews.post_id = late.id
    ), shown AS (
        UPDATE posts SET updated_at = :now FROM late WHERE posts.id = late.id
    )
    SELECT late.id, write_event(
        late.workspace_id, CASE WHEN late.has_passed THEN 'review.expired' ELSE 'review.expiring' END, :now, late.id,
        jsonb_build_object('post_id', late.id, 'state', CASE WHEN late.has_passed THEN 'expired' ELSE late.review END,
                           'scheduled_at', event_time(late.scheduled_at), 'by', NULL, 'text', NULL))
    FROM late
""")  # noqa: S608 - constants of other files


async def tell_late(database: Database) -> int:
    """Write the events of posts whose time comes, or has passed, unapproved. Return their number.

    Raise DatabaseUnavailable.
    """
    now = clock.now()
    rows = await database.hot_pool.fetch(TELL_LATE, {"now": now, "soon": now + WARN_BEFORE})
    if rows:
        tell(database.hot_pool, *(row["id"] for row in rows))
        wake_router(database.hot_pool)
    return len(rows)


def reviews_part(installation: Installation) -> Part:
    """Return what a worker of this installation does for reviews."""
    looking = partial(every, LOOK_EVERY, partial(tell_late, installation.database))
    return Part(runners={}, slots={}, background={"reviews": Background(looking)}, channels={})
