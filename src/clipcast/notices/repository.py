"""Statements about the notices that wait to be sent."""

from sqlalchemy import text

from clipcast.database.hot_queries import Statement

# The members' e-mail channels that have none yet: by default, members get e-mails.
ADD_MAIL_CHANNELS = Statement("""
    INSERT INTO notice_channels (id, user_id, workspace_id, channel, created_at)
    SELECT gen_random_uuid(), user_id, workspace_id, 'email', :now FROM memberships
    WHERE workspace_id IN (SELECT workspace_id FROM events WHERE id = ANY(:ids)) AND role = ANY(:default_roles)
    ON CONFLICT (user_id, workspace_id, channel) DO NOTHING
""")
# The same for one member, with no events chosen: in one workspace, or in all.
ADD_SILENT_CHANNELS = text("""
    INSERT INTO notice_channels (id, user_id, workspace_id, channel, events, created_at)
    SELECT gen_random_uuid(), user_id, workspace_id, 'email', '{}', :now FROM memberships
    WHERE user_id = :user_id AND (CAST(:workspace_id AS uuid) IS NULL OR workspace_id = :workspace_id)
    ON CONFLICT (user_id, workspace_id, channel) DO NOTHING
""")
# A chat without an address gets nothing.
ADD_ENTRIES = Statement("""
    INSERT INTO notice_entries (id, channel_id, event_id, created_at)
    SELECT gen_random_uuid(), notice_channels.id, events.id, :now
    FROM events
    JOIN notice_channels ON notice_channels.workspace_id = events.workspace_id
    JOIN memberships ON memberships.user_id = notice_channels.user_id
                    AND memberships.workspace_id = notice_channels.workspace_id
    WHERE events.id = ANY(:ids)
      AND (notice_channels.channel = 'email' AND :has_mail OR notice_channels.address IS NOT NULL)
      AND (memberships.role = 'owner' OR events.type <> ALL(:owners_only))
      AND events.type = ANY(coalesce(
          notice_channels.events,
          CASE memberships.role WHEN 'owner' THEN CAST(:of_owner AS varchar[])
                                WHEN 'editor' THEN CAST(:of_editor AS varchar[]) END))
    ON CONFLICT (channel_id, event_id) DO NOTHING
    RETURNING channel_id
""")
# The update locks an unfinished job, so that its end sees the new entries. It changes nothing unless somebody waits for
# the message: then a repetition starts earlier.
ADD_JOBS = Statement("""
    INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
    SELECT gen_random_uuid(), workspace_id, :kind, id, :queue, :priority, 'waiting', :due_at, :now, :now
    FROM notice_channels WHERE id = ANY(:channels) ORDER BY id
    ON CONFLICT (kind, subject_id) WHERE state <> 'done' DO UPDATE SET
        due_at = CASE WHEN :hurry AND jobs.state = 'waiting' THEN least(jobs.due_at, excluded.due_at)
                      ELSE jobs.due_at END
""")

# The channels that one message is for: all e-mails of a person, or one chat. Locked, so that one run at a time chooses
# what its message holds.
LOCK = Statement("""
    SELECT id, user_id, workspace_id, channel, address, attempted_at FROM notice_channels
    WHERE id IN (
        SELECT same.id FROM notice_channels AS own JOIN notice_channels AS same USING (user_id, channel)
        WHERE own.id = :id AND (same.id = own.id OR own.channel = 'email')
    )
    ORDER BY id FOR NO KEY UPDATE
""")
# The entries of a message whose sending has begun, or else all, oldest first.
CHOOSE = Statement("""
    WITH begun AS (
        SELECT message_id FROM notice_entries
        WHERE channel_id = ANY(:channels) AND message_id IS NOT NULL ORDER BY message_id LIMIT 1
    )
    UPDATE notice_entries SET message_id = coalesce((SELECT message_id FROM begun), :message_id)
    WHERE channel_id = ANY(:channels)
      AND message_id IS NOT DISTINCT FROM (SELECT message_id FROM begun)
    RETURNING id, message_id, created_at
""")
ATTEMPT = Statement("UPDATE notice_channels SET attempted_at = :now WHERE id = ANY(:channels)")
# The columns of posts and items are empty if these were deleted.
PENDING = Statement("""
    SELECT notice_channels.workspace_id, workspaces.name AS workspace,
           users.email, users.name,
           events.id AS event_id, events.type, events.subject_id, events.post_id, events.item_id, events.connection_id,
           events.data, named.details, coalesce(connections.platform, named.platform) AS platform,
           connections.username, clips.id AS clip_id, clips.file_name
    FROM notice_entries
    JOIN notice_channels ON notice_channels.id = notice_entries.channel_id
    JOIN workspaces ON workspaces.id = notice_channels.workspace_id
    JOIN users ON users.id = notice_channels.user_id
    LEFT JOIN events ON events.id = notice_entries.event_id
    LEFT JOIN connections ON connections.id = events.connection_id
    LEFT JOIN renders ON renders.id = events.render_id
    LEFT JOIN clips ON clips.id = renders.clip_id
    LEFT JOIN LATERAL (
        SELECT items.details, items.platform FROM items
        WHERE items.id = events.item_id OR (events.item_id IS NULL AND items.post_id = events.post_id)
        ORDER BY items.position LIMIT 1
    ) AS named ON true
    WHERE notice_entries.message_id = :message_id
    ORDER BY lower(workspaces.name), events.sequence
""")
SENT = Statement("""
    WITH sent AS (DELETE FROM notice_entries WHERE message_id = :message_id RETURNING channel_id)
    UPDATE notice_channels SET
        sent_at = CASE WHEN CAST(:error AS text) IS NULL THEN :now ELSE sent_at END,
        failing_since = NULL, error = CAST(:error AS text)
    WHERE id IN (SELECT channel_id FROM sent)
""")
FAILED = Statement("""
    UPDATE notice_channels SET failing_since = coalesce(failing_since, :now), error = :error
    WHERE id IN (SELECT channel_id FROM notice_entries WHERE message_id = :message_id)
""")
# Every transaction locks channels before jobs, in this order.
LOCK_CHANNELS = Statement("SELECT FROM notice_channels WHERE id = ANY(:channels) ORDER BY id FOR NO KEY UPDATE")
DELETE_JOB = Statement("DELETE FROM jobs WHERE id = :job_id AND fence = :fence AND state = 'running' RETURNING id")
WAITING = Statement("SELECT FROM notice_entries WHERE channel_id = ANY(:channels) LIMIT 1")
