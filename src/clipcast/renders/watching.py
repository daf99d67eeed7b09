"""What those observe who wait for a render: its state in short, and whether anything of it has changed."""

from clipcast.database.hot_queries import Statement
from clipcast.database.models.clips import Render
from clipcast.database.watchers import Kind

# The statuses that a render leaves only by another order.
FINAL = ("completed", "failed", "cancelled", "expired")
RENDER = Kind(
    "render",
    Statement(f"""
        SELECT renders.id, renders.workspace_id,
               concat_ws('.', coalesce(renditions.status, renders.status),
                         CASE WHEN renditions.id IS NULL THEN renders.error ELSE renditions.error END ->> 'code'
               ) AS state,
               hashtextextended(concat_ws(' ', renditions.status, renditions.progress, renditions.error), 0) AS detail,
               coalesce(renditions.status, renders.status) IN {FINAL} AS is_final,
               array_remove(ARRAY[renders.rendition_id], NULL) AS names
        FROM renders LEFT JOIN renditions ON renditions.id = renders.rendition_id
        WHERE renders.id = ANY(:ids)
    """),  # noqa: S608 - constants of this file
)


def state_tag(render: Render) -> str:
    """Return the state of a render as a short text: it differs after each change of the status or the error's code."""
    error = render.rendition.error if render.rendition else render.error
    return ".".join(filter(None, (render.current_status, (error or {}).get("code"))))
