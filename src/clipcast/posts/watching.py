"""What those observe who wait for a post or a draft: its state in short, and whether anything of it has changed."""

import hashlib
from collections.abc import Iterable

from clipcast.database.hot_queries import Statement
from clipcast.database.models.posts import Item
from clipcast.database.watchers import Kind

TAG_LENGTH = 16
# The same as `state_tag`.
STATE = """
    string_agg(concat_ws(' ', items.id, items.status, CASE WHEN jobs.state = 'paused' THEN jobs.error ->> 'code'
                                                           ELSE items.error ->> 'code' END),
               ',' ORDER BY items.position)
"""
POST = Kind(
    "post",
    Statement(f"""
        SELECT posts.id, posts.workspace_id,
               left(encode(sha256(convert_to({STATE}, 'UTF8')), 'hex'), {TAG_LENGTH}) AS state,
               hashtextextended(
                   concat_ws(' ', posts.updated_at, posts.version) || string_agg(
                       concat_ws(' ', items.id, items.updated_at, items.version, jobs.state, jobs.updated_at,
                                 jobs.due_at, renditions.status, renditions.progress),
                       ',' ORDER BY items.position), 0) AS detail,
               bool_and(items.status IN ('published', 'failed')) AS is_final,
               array_agg(items.id) || array_remove(array_agg(items.rendition_id), NULL) AS names
        FROM posts
        JOIN items ON items.post_id = posts.id
        JOIN jobs ON jobs.id = items.id
        LEFT JOIN renditions ON renditions.id = items.rendition_id
        WHERE posts.id = ANY(:ids)
        GROUP BY posts.id
    """),  # noqa: S608 - constants of this file
)
DRAFT = Kind(
    "draft",
    Statement("""
        SELECT id, workspace_id, '' AS state, false AS is_final, CAST('{}' AS uuid[]) AS names,
               hashtextextended(concat_ws(' ', version, post_id), 0) AS detail
        FROM drafts WHERE id = ANY(:ids)
    """),
)


def state_tag(items: Iterable[Item]) -> str:
    """Return the state of a post with these items, in order, as a short text.

    It differs after each change of an item's status or of its error's code.
    """
    shown = (f"{item.id} {item.status} {(item.shown_error or {}).get('code', '')}".rstrip() for item in items)
    return hashlib.sha256(",".join(shown).encode()).hexdigest()[:TAG_LENGTH]
