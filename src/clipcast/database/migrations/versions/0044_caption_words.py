"""An index of the words of captions."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0044"
down_revision = "0043"

WORDS = (
    "to_tsvector('simple'::regconfig, coalesce(details ->> 'caption', '') || ' ' || "
    "coalesce(details ->> 'commentary', '') || ' ' || coalesce(details ->> 'description', '') || ' ' || "
    "coalesce(details ->> 'text', '') || ' ' || coalesce(details ->> 'title', ''))"
)


def upgrade() -> None:
    lock(changed="items")
    # The caption of a post is that of its item at position 0, so that each post has one.
    op.execute("""
        UPDATE items SET position = 0 WHERE id IN (
            SELECT first.id FROM posts
            CROSS JOIN LATERAL (
                SELECT id, position FROM items WHERE post_id = posts.id ORDER BY position LIMIT 1
            ) AS first
            WHERE first.position > 0)
    """)
    op.create_index(
        "ix_items_caption_words", "items", [sa.text(WORDS)], postgresql_using="gin",
        postgresql_where=sa.text("position = 0"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_items_caption_words", table_name="items")
