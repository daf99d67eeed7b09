"""Who needs a rendition, as conditions on a row of `renditions`. All that keep or delete one ask here."""

UNFINISHED = "items.status IN ('pending', 'processing')"
# An item that has not ended, for which it was made or whose render it is; or a rendition that is made of it.
USED = f"""(
    EXISTS (SELECT FROM items WHERE items.rendition_id = renditions.id AND {UNFINISHED})
    OR EXISTS (
        SELECT FROM renders JOIN items ON items.edit_id = renders.edit_setting_id
        WHERE renders.rendition_id = renditions.id AND {UNFINISHED})
    OR EXISTS (
        SELECT FROM renditions AS made WHERE made.source_id = renditions.id AND made.status IN ('queued', 'active'))
)"""  # noqa: S608 - a constant of this file
# The renders, which a post may name later, whose file it is, or with which it was ordered for a platform.
RENDERS = """(
    SELECT id FROM renders WHERE renders.rendition_id = renditions.id
    UNION ALL SELECT render_id FROM renditions_ahead WHERE renditions_ahead.rendition_id = renditions.id
)"""
# One of these.
NEEDED = f"({USED} OR EXISTS {RENDERS})"
# The same without the renders of these ids.
NEEDED_BESIDES = f"""({USED} OR EXISTS (
    SELECT FROM {RENDERS} AS ordered(render_id) WHERE render_id <> ALL(CAST(:besides AS uuid[]))
))"""
