"""Drafts and templates that limited members saved before 0057 are theirs again.

They had the name of a person only. It is taken for the member who has it now, if nobody else of the workspace has it,
and if that member joined before the row was made. Every other row stays with those who see the whole workspace. So do
the files of imports, which are kept for a week only.
"""

from alembic import op

from clipcast.database.migrations.locking import lock

revision = "0060"
down_revision = "0059"

TABLES = ("drafts", "post_templates")


def upgrade() -> None:
    lock(changed=", ".join(TABLES))
    for table in TABLES:
        op.execute(f"""
            UPDATE {table} SET saved_by_id = person.id FROM (
                SELECT memberships.workspace_id, users.name, (array_agg(users.id))[1] AS id,
                       min(memberships.created_at) AS joined_at
                FROM memberships JOIN users ON users.id = memberships.user_id
                GROUP BY memberships.workspace_id, users.name
                HAVING count(*) = 1 AND bool_and(memberships.client_ids IS NOT NULL)
            ) AS person
            WHERE {table}.saved_by_id IS NULL AND {table}.workspace_id = person.workspace_id
              AND {table}.saved_by = person.name AND {table}.created_at >= person.joined_at
        """)


def downgrade() -> None:
    """Leave the rows: the release before reads the same column."""
