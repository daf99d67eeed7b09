"""Who needs a rendition, as conditions on a row of `renditions`."""

# An item that has not ended, or a rendition that is made of it.
USED = """(
    EXISTS (SELECT FROM items WHERE items.rendition_id = renditions.id AND items.status IN ('pending', 'processing'))
    OR EXISTS (
        SELECT FROM renditions AS made WHERE made.source_id = renditions.id AND made.status IN ('queued', 'active'))
)"""
# One of these, or a render, which a post may name later.
NEEDED = f"({USED} OR EXISTS (SELECT FROM renders WHERE renders.rendition_id = renditions.id))"
