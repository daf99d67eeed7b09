"""Jobs get a table of their own, and workers a lease.

Items in flight go on: to a worker of the release before, the migration looks like a reclaim. Its fencing tokens are
stale, so it writes and sends nothing more. Its items wait until the end of its leases.

The former columns of `items` stay for one release. A trigger moves what an old process writes there into `jobs`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

FORMER_COLUMNS = ("failures", "fence", "round")
FORMER_INDEXES = {
    "ix_items_workspace_id_due": (["workspace_id", "due_at"], "due_at IS NOT NULL"),
    "ix_items_leased": (["workspace_id"], "lease_until IS NOT NULL"),
    "ix_items_waiting_for_reconnect": (["connection_id"], "reconnect_by IS NOT NULL"),
}

# The end of a live lease is the start of the next run, as before.
STATE = """
    CASE
        WHEN {item}.reconnect_by IS NOT NULL AND {item}.lease_until IS NULL THEN 'held'
        WHEN {item}.due_at > now() THEN 'waiting'
        ELSE 'ready'
    END
"""
COLUMNS = """
    id, workspace_id, kind, subject_id, platform, queue, priority, state, due_at, after_id, hold_until, fence, round,
    program, attempts, failures, continues_attempt, created_at, updated_at
"""
PROGRAM = """
    CASE WHEN EXISTS (SELECT FROM journal WHERE journal.item_id = items.id AND journal.round = items.round)
    THEN items.platform || '.publish@1' END
"""
PUBLISH = f"""
    INSERT INTO jobs ({COLUMNS})
    SELECT id, workspace_id, 'publish', id, platform, 'network', 5,
           CASE WHEN due_at IS NULL OR status = 'published' THEN 'done' ELSE {STATE.format(item="items")} END,
           coalesce(due_at, updated_at), NULL, reconnect_by, fence + 1, round,
           {PROGRAM}, attempts, failures, continues_attempt AND lease_until IS NULL, created_at, updated_at
    FROM items
"""
FINISH = f"""
    INSERT INTO jobs ({COLUMNS})
    SELECT gen_random_uuid(), workspace_id, 'finish', id, platform, 'network', 4, {STATE.format(item="items")},
           due_at, id, NULL, 1, round,
           {PROGRAM}, attempts, failures, continues_attempt AND lease_until IS NULL, updated_at, updated_at
    FROM items WHERE status = 'published' AND due_at IS NOT NULL
"""
DELETE_JOBS = """
    CREATE FUNCTION delete_jobs_of_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM jobs WHERE subject_id = OLD.id;
        RETURN NULL;
    END $$
"""
DELETE_JOBS_TRIGGER = """
    CREATE TRIGGER delete_jobs AFTER DELETE ON items FOR EACH ROW EXECUTE FUNCTION delete_jobs_of_item()
"""
# For one release: what a process of the release before makes due, or starts over. It does not see which items run. So
# its change of a running one fails as a conflict of transactions, after which its caller repeats the request.
MOVE_ITEM = f"""
    CREATE FUNCTION move_item_to_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.due_at IS NULL THEN
            UPDATE jobs SET
                round = NEW.round, program = NULL, failures = NEW.failures,
                continues_attempt = NEW.continues_attempt, offers = offers + 1
            WHERE id = NEW.id AND state <> 'running';
        ELSE
            INSERT INTO jobs ({COLUMNS})
            VALUES (NEW.id, NEW.workspace_id, 'publish', NEW.id, NEW.platform, 'network', 5,
                    {STATE.format(item="NEW")}, NEW.due_at, NULL, NULL, 0, NEW.round, NULL, NEW.attempts,
                    NEW.failures, NEW.continues_attempt, NEW.created_at, NEW.updated_at)
            ON CONFLICT (id) DO UPDATE SET
                state = excluded.state, due_at = excluded.due_at, hold_until = NULL, failures = excluded.failures,
                continues_attempt = excluded.continues_attempt, offers = jobs.offers + 1, round = excluded.round,
                program = CASE WHEN jobs.round = excluded.round THEN jobs.program END
            WHERE jobs.state <> 'running';
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'A worker runs item %.', NEW.id USING ERRCODE = 'serialization_failure';
        END IF;
        NEW.due_at := NULL;
        RETURN NEW;
    END $$
"""
NEW_ITEM_TRIGGER = """
    CREATE TRIGGER move_new_item BEFORE INSERT ON items FOR EACH ROW
        WHEN (NEW.due_at IS NOT NULL) EXECUTE FUNCTION move_item_to_jobs()
"""
MOVE_ITEM_TRIGGER = """
    CREATE TRIGGER move_item BEFORE UPDATE OF due_at, round ON items FOR EACH ROW
        WHEN (pg_trigger_depth() = 0 AND (NEW.due_at IS NOT NULL OR NEW.round <> OLD.round))
        EXECUTE FUNCTION move_item_to_jobs()
"""
# For one release: a process of the release before looks in the journal of this round for a video that may be live.
COPY_ROUND = """
    CREATE FUNCTION copy_round_to_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE items SET round = NEW.round WHERE id = NEW.id;
        RETURN NULL;
    END $$
"""
COPY_ROUND_TRIGGER = """
    CREATE TRIGGER copy_round AFTER UPDATE OF round ON jobs FOR EACH ROW
        WHEN (pg_trigger_depth() = 0 AND NEW.round <> OLD.round) EXECUTE FUNCTION copy_round_to_item()
"""
TRIGGERS = (
    DELETE_JOBS, DELETE_JOBS_TRIGGER, MOVE_ITEM, NEW_ITEM_TRIGGER, MOVE_ITEM_TRIGGER, COPY_ROUND, COPY_ROUND_TRIGGER,
)  # fmt: skip
# All locks at once or none: a process of the release before that holds one of them and waits for another one would
# otherwise deadlock with the migration. The time is less than PostgreSQL's `deadlock_timeout`.
LOCK = """
    DO $$
    BEGIN
        SET LOCAL lock_timeout = '500ms';
        FOR attempt IN 1..120 LOOP
            BEGIN
                LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE;
                LOCK TABLE items, journal, workers IN ACCESS EXCLUSIVE MODE;
                SET LOCAL lock_timeout = 0;
                RETURN;
            EXCEPTION WHEN lock_not_available THEN
                PERFORM pg_sleep(0.1);
            END;
        END LOOP;
        RAISE EXCEPTION 'Other processes use the tables all the time. Stop them, and upgrade again.';
    END $$
"""


def upgrade() -> None:
    op.execute(LOCK)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("ring", sa.BigInteger(), sa.Computed("uuid_hash_extended(workspace_id, 0)", persisted=True)),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String()),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_id", sa.Uuid()),
        sa.Column("hold_until", sa.DateTime(timezone=True)),
        sa.Column("worker_id", sa.Uuid()),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("offers", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("offered_until", sa.DateTime(timezone=True)),
        sa.Column("round", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("program", sa.String()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("crash_count", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("continues_attempt", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("error", postgresql.JSONB()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_with={
            "fillfactor": "80",
            "autovacuum_vacuum_scale_factor": "0.02",
            "autovacuum_vacuum_cost_delay": "0",
        },
    )
    op.execute(PUBLISH)
    op.execute(FINISH)
    index("ix_jobs_ready", ["queue", "ring", "priority", "due_at"], "state = 'ready'")
    index("ix_jobs_timed", ["due_at"], "state IN ('waiting', 'held')")
    index("ix_jobs_running", ["worker_id"], "state = 'running'")
    index("ix_jobs_busy", ["queue", "ring"], "state = 'running'")
    index("ix_jobs_blocked", ["after_id"], "state = 'blocked'")
    index("ix_jobs_offered", ["queue", "offered_until"], "state = 'offered'")
    index("ix_jobs_set_aside", ["workspace_id", "state"], "state IN ('held', 'paused', 'dead')")
    op.create_index("ix_jobs_subject_id", "jobs", ["subject_id"])
    index("uq_jobs_unfinished", ["kind", "subject_id"], "state <> 'done'", unique=True)
    op.drop_constraint("fk_journal_item_id_items", "journal", type_="foreignkey")
    op.create_foreign_key("fk_journal_item_id_jobs", "journal", "jobs", ["item_id"], ["id"], ondelete="CASCADE")
    for name in FORMER_INDEXES:
        op.drop_index(name, "items")
    op.execute("UPDATE items SET fence = fence + 1, due_at = NULL, lease_until = NULL, reconnect_by = NULL")
    for column in FORMER_COLUMNS:
        op.alter_column("items", column, server_default="0")
    op.alter_column("items", "continues_attempt", server_default=sa.text("false"))
    for statement in TRIGGERS:
        op.execute(statement)
    op.drop_table("workers")
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("slots", postgresql.JSONB(), nullable=False),
        sa.Column("free", postgresql.JSONB(), nullable=False),
        sa.Column("programs", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        postgresql_with={"fillfactor": "50"},
    )


def index(name: str, columns: list[str], condition: str, table: str = "jobs", unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(condition))


def downgrade() -> None:
    op.execute("LOCK TABLE items, jobs, journal IN ACCESS EXCLUSIVE MODE")
    for trigger in ("move_new_item", "move_item", "delete_jobs"):
        op.execute(f"DROP TRIGGER {trigger} ON items")
    op.execute("DROP TRIGGER copy_round ON jobs")
    for function in ("move_item_to_jobs", "delete_jobs_of_item", "copy_round_to_item"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("""
        UPDATE items SET
            due_at = CASE
                WHEN unfinished.state IN ('done', 'dead') THEN NULL
                WHEN unfinished.state = 'running' THEN now() + interval '10 s'
                ELSE unfinished.due_at END,
            reconnect_by = unfinished.hold_until, fence = unfinished.fence + 1, round = unfinished.round,
            failures = unfinished.failures, continues_attempt = unfinished.continues_attempt
        FROM (SELECT DISTINCT ON (subject_id) * FROM jobs WHERE kind IN ('publish', 'finish')
              ORDER BY subject_id, state = 'done', kind) AS unfinished
        WHERE unfinished.subject_id = items.id
    """)
    op.drop_constraint("fk_journal_item_id_jobs", "journal", type_="foreignkey")
    op.execute("""
        UPDATE journal SET item_id = jobs.subject_id FROM jobs
        WHERE jobs.id = journal.item_id AND jobs.kind = 'finish' AND NOT EXISTS (
            SELECT FROM journal AS other
            WHERE other.item_id = jobs.subject_id AND other.round = journal.round AND other.name = journal.name)
    """)
    op.execute("DELETE FROM journal WHERE NOT EXISTS (SELECT FROM items WHERE items.id = journal.item_id)")
    op.create_foreign_key("fk_journal_item_id_items", "journal", "items", ["item_id"], ["id"], ondelete="CASCADE")
    for column in (*FORMER_COLUMNS, "continues_attempt"):
        op.alter_column("items", column, server_default=None)
    for name, (columns, condition) in FORMER_INDEXES.items():
        index(name, columns, condition, table="items")
    op.drop_table("jobs")
    op.drop_table("workers")
    op.create_table(
        "workers",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
