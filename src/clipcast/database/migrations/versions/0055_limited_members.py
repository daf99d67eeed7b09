"""Members and keys can be limited to clients, clients say who approves their posts, and review links have a client."""

import sqlalchemy as sa
from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0055"
down_revision = "0054"

LIMITED = ("memberships", "invitations", "api_keys")


def upgrade() -> None:
    lock(changed="memberships, invitations, api_keys, clients, review_links", referenced="users")
    for table in LIMITED:
        op.add_column(table, sa.Column("client_ids", sa.ARRAY(sa.Uuid())))
    # Viewers no longer approve posts: those who were asked become reviewers.
    op.execute(
        "UPDATE memberships SET role = 'reviewer' WHERE role = 'viewer' AND EXISTS (SELECT FROM reviewers "
        "JOIN reviews ON reviews.id = reviewers.review_id WHERE reviewers.user_id = memberships.user_id "
        "AND reviews.workspace_id = memberships.workspace_id)"
    )
    op.add_column("review_links", sa.Column("client_id", sa.Uuid()))
    op.create_foreign_key(
        "fk_review_links_client_id_clients", "review_links", "clients", ["client_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index("ix_review_links_client_id", "review_links", ["client_id"])
    op.add_column("clients", sa.Column("review_rule", sa.String(), nullable=False, server_default="none"))
    op.create_table(
        "client_reviewers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid()),
        sa.Column("link_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_client_reviewers"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_client_reviewers_client_id_clients", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_client_reviewers_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["review_links.id"], name="fk_client_reviewers_link_id_review_links", ondelete="CASCADE"
        ),
        sa.CheckConstraint("num_nonnulls(user_id, link_id) = 1", name="ck_client_reviewers_one_reviewer"),
    )
    for column in ("user_id", "link_id"):
        name = f"uq_client_reviewers_client_id_{column}"
        op.create_index(name, "client_reviewers", ["client_id", column], unique=True)
    op.create_index("ix_client_reviewers_user_id", "client_reviewers", ["user_id"])
    op.create_index("ix_client_reviewers_link_id", "client_reviewers", ["link_id"])


def downgrade() -> None:
    op.drop_table("client_reviewers")
    op.drop_column("clients", "review_rule")
    op.drop_index("ix_review_links_client_id", table_name="review_links")
    op.drop_column("review_links", "client_id")
    # The release before knows no limits. Whoever has one must not see everything there.
    op.execute("DELETE FROM memberships WHERE client_ids IS NOT NULL")
    op.execute("DELETE FROM invitations WHERE client_ids IS NOT NULL OR role = 'reviewer'")
    op.execute("UPDATE api_keys SET revoked_at = now() WHERE client_ids IS NOT NULL AND revoked_at IS NULL")
    op.execute("UPDATE memberships SET role = 'viewer' WHERE role = 'reviewer'")
    for table in LIMITED:
        op.drop_column(table, "client_ids")
