"""What members and keys see that are limited to some clients."""

from uuid import UUID

import pytest

from clipcast.database.hot_queries import Statement
from clipcast.database.limits import Limit
from clipcast.database.models import Base

LIMIT = Limit((UUID(int=1),), UUID(int=2))
# Rows that are read only by way of others: of an item, a post, a review, a webhook, a link, or a person.
REACHED = {
    "api_key_workspaces", "attempt_events", "attempt_logs", "attempts", "client_reviewers", "deliveries", "events",
    "found_clips", "journal", "memberships", "notice_channels", "notice_entries", "notice_habits", "post_labels",
    "push_devices", "renditions_ahead", "review_comments", "reviewers", "sign_in_sessions", "stored_plan_lines",
    "used_connect_links",
}  # fmt: skip
# What all members of a workspace share: clips have no client, and labels are names.
SHARED = {
    "assets", "bulk_downloads", "clips", "folders", "labels", "render_templates", "renders", "renditions",
    "submissions", "users", "workspaces",
}  # fmt: skip
# What only workers, owners or the process itself read.
INTERNAL = {
    "connect_attempts", "drained_workers", "ended_pauses", "event_listeners", "idempotent_answers", "installation",
    "invitations", "jobs", "known_programs", "pauses", "push_keys", "quotas", "rate_windows", "storage_marks",
    "unwanted_objects", "workers",
}  # fmt: skip


def test_every_table_is_limited_or_known_to_need_no_limit() -> None:
    """A new table that belongs to accounts, and is missing in `database/limits.py`, would show those of all clients."""
    limited = LIMIT.queries.keys()
    assert Base.metadata.tables.keys() == limited | REACHED | SHARED | INTERNAL
    assert not limited & (REACHED | SHARED | INTERNAL)


def test_statement_keeps_its_own_common_tables() -> None:
    """Only a WITH at its beginning is joined with those of the limit."""
    plain = "SELECT * FROM unnest(ARRAY(SELECT id FROM clients)) WITH ORDINALITY"
    narrowed = LIMIT.narrow(plain)
    assert narrowed.startswith("WITH clients AS NOT MATERIALIZED (")
    assert narrowed.endswith(f") {plain}")
    joined = LIMIT.narrow(" WITH one AS (SELECT 1) SELECT * FROM clients")
    assert joined.count("WITH ") == 1
    assert joined.endswith("),  one AS (SELECT 1) SELECT * FROM clients")
    with pytest.raises(ValueError, match="WITH RECURSIVE"):
        LIMIT.narrow("WITH RECURSIVE one AS (SELECT 1) SELECT * FROM clients")


def test_only_statements_that_say_so_see_all() -> None:
    sql = "SELECT id FROM posts"
    assert Statement(sql, sees_all=True).narrowed(LIMIT.narrow).sql == sql
    assert "their_accounts" in Statement(sql).narrowed(LIMIT.narrow).sql
