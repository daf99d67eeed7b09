"""Jobs know the version of the program that began them, and wait for a worker that can run it."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "known_programs",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("software", sa.String(), nullable=False),
    )
    op.create_index(
        "ix_jobs_program",
        "jobs",
        ["program"],
        postgresql_where=sa.text("state IN ('ready', 'stranded') AND program IS NOT NULL"),
    )
    op.execute("""
        UPDATE jobs SET program = program || '!' WHERE program IS NOT NULL AND state <> 'done' AND EXISTS (
            SELECT FROM journal WHERE item_id IN (jobs.id, jobs.after_id) AND journal.round = jobs.round
              AND intended_at IS NOT NULL AND publishes)
    """)


def downgrade() -> None:
    op.execute("UPDATE jobs SET state = 'ready' WHERE state = 'stranded'")
    op.execute("UPDATE jobs SET program = rtrim(program, '!') WHERE program LIKE '%!'")
    op.drop_index("ix_jobs_program", "jobs")
    op.drop_table("known_programs")
