"""Events and webhooks. Triggers write an event in the statement that makes the change, so that nothing forgets it.

Without a listener in its workspace, a change costs one look-up. A process of the release before writes events, too.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from clipcast.database.migrations.locking import lock

revision = "0029"
down_revision = "0028"

# The ids among the facts are columns, too, by which others find the event.
WRITE_EVENT = """
    CREATE FUNCTION write_event(
        of_workspace uuid, of_type text, at timestamptz, subject uuid, facts jsonb, only_once text DEFAULT NULL
    ) RETURNS void LANGUAGE sql AS $$
        INSERT INTO events (id, workspace_id, type, subject_id, post_id, item_id, connection_id, render_id, data, once,
                            created_at)
        SELECT gen_random_uuid(), of_workspace, of_type, subject, CAST(facts ->> 'post_id' AS uuid),
               CAST(facts ->> 'item_id' AS uuid), CAST(facts ->> 'connection_id' AS uuid),
               CAST(facts ->> 'render_id' AS uuid), facts, only_once, at
        WHERE EXISTS (
            SELECT FROM event_listeners WHERE workspace_id = of_workspace AND (types IS NULL OR of_type = ANY(types))
        )
        ON CONFLICT (workspace_id, once) WHERE once IS NOT NULL DO NOTHING
    $$
"""
# As the API writes times.
SHOW_TIME = """
    CREATE FUNCTION event_time(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    $$
"""
ITEM_FACTS = """
    CREATE FUNCTION item_facts(item items) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT jsonb_build_object(
            'item_id', item.id, 'post_id', item.post_id, 'edit_id', item.edit_id, 'connection_id', item.connection_id,
            'platform', item.platform, 'status', item.status, 'error', item.error,
            'platform_post_id', item.platform_post_id, 'platform_post_url', item.platform_post_url,
            'published_at', event_time(item.published_at))
    $$
"""
# By table: when its trigger fires, and what it does. `NEW.error` of an item that waits is not told, but for quotas:
# once a day for each account.
ITEMS = """
    IF NOT EXISTS (SELECT FROM event_listeners WHERE workspace_id = NEW.workspace_id) THEN
        RETURN NULL;
    END IF;
    facts := item_facts(NEW);
    IF NEW.status <> OLD.status AND NEW.status IN ('published', 'failed') THEN
        PERFORM write_event(NEW.workspace_id, 'item.' || NEW.status, NEW.updated_at, NEW.id, facts);
        reason := CASE WHEN NEW.error ->> 'class' = 'outcome_unknown' THEN 'outcome_unknown'
                       WHEN NEW.error ->> 'code' = 'missed_schedule' THEN 'missed_schedule' END;
        IF NEW.status = 'failed' AND reason IS NOT NULL THEN
            PERFORM write_event(NEW.workspace_id, 'item.needs_action', NEW.updated_at, NEW.id,
                                facts || jsonb_build_object('reason', reason));
        END IF;
    ELSE
        PERFORM write_event(
            NEW.workspace_id, 'quota.exhausted', NEW.updated_at, NEW.connection_id, facts,
            'quota ' || NEW.connection_id || ' ' || left(event_time(NEW.updated_at), 10));
    END IF;
"""
JOBS = """
    IF NOT EXISTS (SELECT FROM event_listeners WHERE workspace_id = NEW.workspace_id) THEN
        RETURN NULL;
    END IF;
    SELECT item_facts(items) INTO facts FROM items WHERE NEW.kind IN ('publish', 'finish') AND id = NEW.subject_id;
    IF NEW.state = 'held' THEN
        PERFORM write_event(NEW.workspace_id, 'item.needs_action', NEW.updated_at, NEW.subject_id,
                            facts || '{"reason": "reconnect"}');
    ELSE
        facts := coalesce(facts, '{}') || jsonb_build_object('job_id', NEW.id, 'kind', NEW.kind, 'error', NEW.error);
        PERFORM write_event(NEW.workspace_id, 'job.dead', NEW.updated_at, NEW.subject_id, facts);
    END IF;
"""
POSTS = """
    IF TG_OP = 'DELETE' THEN
        -- The deletion of a workspace deletes its posts, too, and has no listener.
        IF EXISTS (SELECT FROM workspaces WHERE id = OLD.workspace_id) THEN
            facts := jsonb_build_object(
                'post_id', OLD.id, 'scheduled_at', event_time(OLD.scheduled_at), 'version', OLD.version);
            PERFORM write_event(OLD.workspace_id, 'post.deleted', now(), OLD.id, facts);
        END IF;
        RETURN NULL;
    END IF;
    facts := jsonb_build_object(
        'post_id', NEW.id, 'scheduled_at', event_time(NEW.scheduled_at), 'version', NEW.version);
    IF TG_OP = 'INSERT' THEN
        PERFORM write_event(NEW.workspace_id, 'post.scheduled', NEW.updated_at, NEW.id, facts);
        RETURN NULL;
    END IF;
    IF NEW.version <> OLD.version THEN
        PERFORM write_event(NEW.workspace_id, 'post.updated', NEW.updated_at, NEW.id, facts);
    END IF;
    IF NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at AND NEW.scheduled_at IS NOT NULL THEN
        PERFORM write_event(NEW.workspace_id, 'post.scheduled', NEW.updated_at, NEW.id, facts);
    END IF;
"""
# An account that a person pauses or resumes in the app tells nobody.
CONNECTIONS = """
    reason := CASE WHEN NEW.removed_at IS NOT NULL THEN 'removed'
                   WHEN NEW.status = 'needs_reconnect' THEN 'needs_reconnect'
                   WHEN NEW.status = 'active' THEN 'connected' END;
    IF TG_OP = 'UPDATE' AND reason = 'connected' AND OLD.status = 'disabled' AND OLD.removed_at IS NULL THEN
        RETURN NULL;
    END IF;
    IF reason IS NOT NULL THEN
        PERFORM write_event(
            NEW.workspace_id, 'connection.' || reason, NEW.updated_at, NEW.id, jsonb_build_object(
                'connection_id', NEW.id, 'platform', NEW.platform, 'username', NEW.username, 'status', NEW.status,
                'reason', NEW.status_reason));
    END IF;
"""
RENDITIONS = """
    PERFORM write_event(
        workspace_id, 'render.' || NEW.status, coalesce(NEW.completed_at, now()), id, jsonb_build_object(
            'render_id', id, 'edit_setting_id', edit_setting_id, 'status', NEW.status, 'error', NEW.error))
    FROM renders WHERE rendition_id = NEW.id;
"""
# Its file exists already, or needs none. The file of a clip as it is tells nobody: its uploader has the response.
RENDERS = """
    PERFORM write_event(
        NEW.workspace_id, 'render.completed', now(), NEW.id, jsonb_build_object(
            'render_id', NEW.id, 'edit_setting_id', NEW.edit_setting_id, 'status', 'completed', 'error', NULL))
    WHERE NEW.rendition_id IS NULL AND NEW.status = 'completed'
       OR EXISTS (SELECT FROM renditions WHERE id = NEW.rendition_id AND status = 'completed');
"""
WEBHOOKS = """
    facts := jsonb_build_object(
        'webhook_id', NEW.id, 'description', NEW.description, 'host', substring(NEW.url FROM '^https?://([^/?#]+)'),
        'reason', NEW.disabled_reason, 'failing_since', event_time(NEW.failing_since), 'error', NEW.last_error);
    PERFORM write_event(
        NEW.workspace_id, CASE WHEN NEW.disabled_at IS NULL THEN 'webhook.failing' ELSE 'webhook.disabled' END,
        NEW.updated_at, NEW.id, facts);
"""
# Function, table, events and condition.
TRIGGERS = {
    "items": (ITEMS, {
        "write_events": (
            "UPDATE OF status, error",
            "NEW.status <> OLD.status AND NEW.status IN ('published', 'failed')"
            " OR NEW.error ->> 'code' = 'quota_spent' AND OLD.error ->> 'code' IS DISTINCT FROM 'quota_spent'",
        ),
    }),
    "jobs": (JOBS, {
        "write_events": (
            "UPDATE OF state, error",
            "NEW.state = 'held' AND OLD.state <> 'held'"
            " OR NEW.state = 'dead' AND NEW.error IS NOT NULL AND (OLD.state <> 'dead' OR OLD.error IS NULL)",
        ),
    }),
    "posts": (POSTS, {
        "write_event_of_new": ("INSERT", "NEW.scheduled_at IS NOT NULL"),
        "write_events": (
            "UPDATE OF version, scheduled_at",
            "NEW.version <> OLD.version OR NEW.scheduled_at IS DISTINCT FROM OLD.scheduled_at",
        ),
        "write_event_of_deleted": ("DELETE", "true"),
    }),
    "connections": (CONNECTIONS, {
        "write_event_of_new": ("INSERT", "NEW.status = 'active'"),
        "write_events": (
            "UPDATE OF status, removed_at",
            "NEW.status <> OLD.status OR NEW.removed_at IS DISTINCT FROM OLD.removed_at",
        ),
    }),
    "renditions": (RENDITIONS, {
        "write_events": ("UPDATE OF status", "NEW.status <> OLD.status AND NEW.status IN ('completed', 'failed')"),
    }),
    "renders": (RENDERS, {
        "write_event_of_new": ("INSERT", "NEW.key <> ''"),
        "write_events": (
            "UPDATE OF rendition_id", "NEW.key <> '' AND NEW.rendition_id IS DISTINCT FROM OLD.rendition_id"
        ),
    }),
    "webhooks": (WEBHOOKS, {
        "write_events": (
            "UPDATE OF warned_at, disabled_at",
            "NEW.warned_at IS NOT NULL AND OLD.warned_at IS NULL"
            " OR NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL AND NEW.disabled_reason <> 'by_person'",
        ),
    }),
}  # fmt: skip
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    lock(referenced="workspaces, items, jobs, posts, connections, renditions, renders")
    _create_tables()
    for statement in (WRITE_EVENT, SHOW_TIME, ITEM_FACTS):
        op.execute(statement)
    for table, (body, triggers) in TRIGGERS.items():
        op.execute(f"""
            CREATE FUNCTION write_events_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                facts jsonb;
                reason text;
            BEGIN
                {body}
                RETURN NULL;
            END $$
        """)
        for name, (events, condition) in triggers.items():
            op.execute(f"""
                CREATE TRIGGER {name} AFTER {events} ON {table} FOR EACH ROW WHEN ({condition})
                EXECUTE FUNCTION write_events_of_{table}()
            """)
    op.execute("""
        CREATE TRIGGER delete_jobs AFTER DELETE ON webhooks FOR EACH ROW EXECUTE FUNCTION delete_jobs_of_item()
    """)


def _create_tables() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{name}_id", sa.Uuid()) for name in ("post", "item", "connection", "render")),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("once", sa.String()),
        sa.Column("body", sa.String()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("routed_at", TIME),
    )
    _index("events", "ix_events_unrouted", ["sequence"], "routed_at IS NULL")
    _index("events", "ix_events_workspace_id_sequence", ["workspace_id", "sequence"])
    _index("events", "ix_events_ends", ["post_id", "sequence"], "type IN ('item.published', 'item.failed')")
    _index("events", "uq_events_once", ["workspace_id", "once"], "once IS NOT NULL", unique=True)
    _index("events", "ix_events_created_at", ["created_at"])
    op.create_table(
        "event_listeners",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.String())),
    )
    _index("event_listeners", "ix_event_listeners_workspace_id", ["workspace_id"])
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False, server_default=""),
        sa.Column("events", postgresql.ARRAY(sa.String())),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary()),
        sa.Column("former_until", TIME),
        sa.Column("disabled_at", TIME),
        sa.Column("disabled_reason", sa.String()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", TIME),
        sa.Column("paused_until", TIME),
        sa.Column("warned_at", TIME),
        sa.Column("last_error", sa.String()),
        sa.Column("last_success_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )
    _index("webhooks", "ix_webhooks_workspace_id_id", ["workspace_id", "id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("webhook_id", sa.Uuid(), sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False, server_default="pending"),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("tries", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.05"},
    )
    _index("deliveries", "uq_deliveries_webhook_id_event_id", ["webhook_id", "event_id"], unique=True)
    _index("deliveries", "ix_deliveries_webhook_id_sequence", ["webhook_id", "sequence"])
    _index("deliveries", "ix_deliveries_event_id", ["event_id"])
    _index("deliveries", "ix_deliveries_first", ["webhook_id", "sequence"], "status = 'pending' AND attempts = 0")
    _index("deliveries", "ix_deliveries_due", ["webhook_id", "due_at"], "status = 'pending'")


def _index(table: str, name: str, columns: list[str], where: str | None = None, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where) if where else None)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'deliver'")
    for table, (_, triggers) in TRIGGERS.items():
        for name in triggers:
            op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION write_events_of_{table}")
    for table in ("deliveries", "webhooks", "event_listeners", "events"):
        op.drop_table(table)
    op.execute("DROP FUNCTION item_facts")
    op.execute("DROP FUNCTION event_time")
    op.execute("DROP FUNCTION write_event")
