"""Indexes of pages: the last item of an account that a person made, what a person sent last, what replaced a post.

Items from before this migration have no `by_person`: the next post to their account is the first one that is found.
"""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0064"
down_revision = "0063"

# Those of the later migrations, too: all run in one transaction, and a lock that is taken while others are held can
# deadlock.
CHANGED = "items, drafts, installation, connections"
SENT = sa.text("post_id IS NOT NULL")
EDIT = sa.text("post_id IS NOT NULL AND (content ->> 'replaces') IS NOT NULL")


def upgrade() -> None:
    lock(changed=CHANGED, referenced="jobs")
    op.add_column("items", sa.Column("by_person", sa.Boolean()))
    op.create_index("ix_items_by_person", "items", ["connection_id", "id"], postgresql_where=sa.text("by_person"))
    op.drop_index("ix_drafts_sent", table_name="drafts")
    op.create_index("ix_drafts_sent", "drafts", ["workspace_id", "author_id", "id"], postgresql_where=SENT)
    replaces = sa.text("(content ->> 'replaces')")
    op.create_index("ix_drafts_replaces", "drafts", ["workspace_id", replaces], postgresql_where=EDIT)


def downgrade() -> None:
    op.drop_index("ix_drafts_replaces", table_name="drafts")
    op.drop_index("ix_drafts_sent", table_name="drafts")
    op.create_index("ix_drafts_sent", "drafts", ["workspace_id", "saved_by", "id"], postgresql_where=SENT)
    op.drop_index("ix_items_by_person", table_name="items")
    op.drop_column("items", "by_person")
