"""Statements about the notices that wait to be sent."""

from sqlalchemy import text

from clipcast.database.hot_queries import Statement

# The members' channels that they have by default, and have not yet.
ADD_CHANNELS = Statement("""
    INSERT INTO notice_channels (id, user_id, workspace_id, channel, created_at)
    SELECT gen_random_uuid(), user_id, workspace_id, by_default.channel, :now
    FROM memberships CROSS JOIN unnest(CAST(:by_default AS varchar[])) AS by_default (channel)
    WHERE workspace_id IN (SELECT workspace_id FROM events WHERE id = ANY(:ids)) AND role = ANY(:default_roles)
    ON CONFLICT (user_id, workspace_id, channel) DO NOTHING
""")
# An e-mail channel for one member, with no events chosen: in one workspace, or in all.
ADD_SILENT_CHANNELS = text("""
    INSERT INTO notice_channels (id, user_id, workspace_id, channel, events, created_at)
    SELECT gen_random_uuid(), user_id, workspace_id, 'email', '{}', :now FROM memberships
    WHERE user_id = :user_id AND (CAST(:workspace_id AS uuid) IS NULL OR workspace_id = :workspace_id)
    ON CONFLICT (user_id, workspace_id, channel) DO NOTHING
""")
# Whether a member who sees some clients only sees what the event is about: a post whose accounts are all of these
# clients, or an account of one.
SEES_EVENT = """
    (memberships.client_ids IS NULL OR CASE
        WHEN events.post_id IS NULL THEN EXISTS (
            SELECT FROM connections
            WHERE connections.id = events.connection_id AND connections.client_id = ANY(memberships.client_ids))
        ELSE EXISTS (SELECT FROM items WHERE items.post_id = events.post_id) AND NOT EXISTS (
            SELECT FROM items JOIN connections ON connections.id = items.connection_id
            WHERE items.post_id = events.post_id
              AND (connections.client_id IS NULL OR connections.client_id <> ALL(memberships.client_ids)))
        END)
"""
# The channels that want the events, with their people's habits. A chat without an address gets nothing. Locked, so that
# no channel is deleted before its entries are added.
WANTED = Statement(f"""
    SELECT notice_channels.id AS channel_id, notice_channels.channel, events.id AS event_id, events.type,
           events.subject_id, events.post_id, users.zone AS own_zone, notice_habits.*
    FROM events
    JOIN notice_channels ON notice_channels.workspace_id = events.workspace_id
    JOIN memberships ON memberships.user_id = notice_channels.user_id
                    AND memberships.workspace_id = notice_channels.workspace_id
    JOIN users ON users.id = notice_channels.user_id
    LEFT JOIN notice_habits ON notice_habits.user_id = notice_channels.user_id
    WHERE events.id = ANY(:ids)
      AND (notice_channels.channel = 'app' OR notice_channels.channel = 'email' AND :has_mail
           OR notice_channels.address IS NOT NULL
           OR notice_channels.channel = 'push'
              AND EXISTS (SELECT FROM push_devices WHERE push_devices.user_id = notice_channels.user_id))
      AND (memberships.role = 'owner' OR events.type <> ALL(:owners_only))
      AND {SEES_EVENT}
      AND events.type = ANY(coalesce(
          notice_channels.events,
          CASE memberships.role || ' ' || (notice_channels.channel = 'push')
              WHEN 'owner false' THEN CAST(:of_owner AS varchar[])
              WHEN 'owner true' THEN CAST(:pushed_to_owner AS varchar[])
              WHEN 'editor false' THEN CAST(:of_editor AS varchar[])
              WHEN 'editor true' THEN CAST(:pushed_to_editor AS varchar[])
              WHEN 'reviewer false' THEN CAST(:of_reviewer AS varchar[])
              WHEN 'reviewer true' THEN CAST(:pushed_to_reviewer AS varchar[]) END))
    ORDER BY notice_channels.id, events.sequence FOR KEY SHARE OF notice_channels
""")
ADD_ENTRIES = Statement("""
    INSERT INTO notice_entries (id, channel_id, event_id, urgent, due_at, created_at)
    SELECT gen_random_uuid(), channel_id, event_id, urgent, due_at, :now
    FROM unnest(CAST(:channels AS uuid[]), CAST(:events AS uuid[]), CAST(:urgent AS boolean[]),
                CAST(:due AS timestamptz[])) AS wanted (channel_id, event_id, urgent, due_at)
    ON CONFLICT (channel_id, event_id) DO NOTHING
    RETURNING channel_id, due_at
""")
# What was read begins anew. An item that fails again is the same thing. A notice of a former release has a number
# without the items that it counts.
ADD_TO_INBOX = Statement("""
    INSERT INTO inbox_notices (id, channel_id, type, about_id, event_id, number, subjects, changed_at)
    SELECT gen_random_uuid(), channel_id, type, about_id, event_id, number, CAST(subjects AS uuid[]), :now
    FROM unnest(CAST(:channels AS uuid[]), CAST(:types AS varchar[]), CAST(:about AS uuid[]),
                CAST(:events AS uuid[]), CAST(:numbers AS int[]), CAST(:subjects AS text[]))
        AS wanted (channel_id, type, about_id, event_id, number, subjects)
    ORDER BY channel_id, type, about_id
    ON CONFLICT (channel_id, type, about_id) DO UPDATE SET
        number = CASE
            WHEN inbox_notices.read_at IS NOT NULL THEN excluded.number
            WHEN excluded.type = :counted THEN inbox_notices.number + excluded.number
            WHEN starts_with(excluded.type, 'item.') THEN greatest(
                inbox_notices.number,
                (SELECT count(DISTINCT one) FROM unnest(inbox_notices.subjects || excluded.subjects) AS one))
            ELSE 1
        END,
        subjects = CASE
            WHEN inbox_notices.read_at IS NOT NULL THEN excluded.subjects
            ELSE ARRAY(SELECT DISTINCT one FROM unnest(inbox_notices.subjects || excluded.subjects) AS one)
        END,
        event_id = excluded.event_id, changed_at = excluded.changed_at, read_at = NULL
""")
# The update locks an unfinished job, so that its end sees the new entries. A job that waits for a later time starts
# earlier; a repetition does so only if somebody waits for the message.
ADD_JOBS = Statement("""
    INSERT INTO jobs (id, workspace_id, kind, subject_id, queue, priority, state, due_at, created_at, updated_at)
    SELECT gen_random_uuid(), workspace_id, :kind, id, :queue, :priority, 'waiting', wanted.due_at, :now, :now
    FROM unnest(CAST(:channels AS uuid[]), CAST(:due AS timestamptz[])) AS wanted (channel_id, due_at)
    JOIN notice_channels ON id = channel_id ORDER BY id
    ON CONFLICT (kind, subject_id) WHERE state <> 'done' DO UPDATE SET
        due_at = CASE WHEN jobs.state = 'waiting' AND (:hurry OR jobs.failures = 0)
                      THEN least(jobs.due_at, excluded.due_at) ELSE jobs.due_at END
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
HABITS = Statement("""
    SELECT users.zone AS own_zone, notice_habits.* FROM users
    LEFT JOIN notice_habits ON notice_habits.user_id = users.id WHERE users.id = :user_id
""")
# What became due before the quiet hours, while no worker ran.
POSTPONE = Statement("""
    UPDATE notice_entries SET due_at = :until
    WHERE channel_id = ANY(:channels) AND NOT urgent AND message_id IS NULL AND due_at < :until
""")
# The entries of a message whose sending has begun, or else all that are due soon.
CHOOSE = Statement("""
    WITH begun AS (
        SELECT message_id FROM notice_entries
        WHERE channel_id = ANY(:channels) AND message_id IS NOT NULL ORDER BY message_id LIMIT 1
    )
    UPDATE notice_entries SET message_id = coalesce((SELECT message_id FROM begun), :message_id)
    WHERE channel_id = ANY(:channels)
      AND message_id IS NOT DISTINCT FROM (SELECT message_id FROM begun)
      AND (message_id IS NOT NULL OR due_at <= :soon)
    RETURNING id, message_id, created_at
""")
ATTEMPT = Statement("UPDATE notice_channels SET attempted_at = :now WHERE id = ANY(:channels)")
# What notices say about an event. The columns of posts and items are empty if these were deleted.
FACTS = """
    events.id AS event_id, events.type, events.subject_id, events.post_id, events.item_id, events.connection_id,
    events.data, named.details, coalesce(connections.platform, named.platform) AS platform,
    connections.username, clips.id AS clip_id, clips.file_name
"""
TABLES_OF_FACTS = """
    LEFT JOIN connections ON connections.id = events.connection_id
    LEFT JOIN renders ON renders.id = events.render_id
    LEFT JOIN clips ON clips.id = renders.clip_id
    LEFT JOIN LATERAL (
        SELECT items.details, items.platform FROM items
        WHERE items.id = events.item_id OR (events.item_id IS NULL AND items.post_id = events.post_id)
        ORDER BY items.position LIMIT 1
    ) AS named ON true
"""
# What a message holds, without what the member may no longer see.
PENDING = Statement(f"""
    SELECT notice_channels.workspace_id, workspaces.name AS workspace, users.email, users.name, {FACTS}
    FROM notice_entries
    JOIN notice_channels ON notice_channels.id = notice_entries.channel_id
    JOIN workspaces ON workspaces.id = notice_channels.workspace_id
    JOIN users ON users.id = notice_channels.user_id
    JOIN memberships ON memberships.user_id = notice_channels.user_id
                    AND memberships.workspace_id = notice_channels.workspace_id
    LEFT JOIN events ON events.id = notice_entries.event_id
    {TABLES_OF_FACTS}
    WHERE notice_entries.message_id = :message_id
      AND (notice_entries.event_id IS NULL
           OR (memberships.role = 'owner' OR events.type <> ALL(:owners_only)) AND {SEES_EVENT})
    ORDER BY lower(workspaces.name), events.sequence
""")
# The newest notices in the app, before one of them, or else the newest of all.
INBOX = text(f"""
    SELECT notice.id, notice.number, notice.changed_at, notice.read_at, events.workspace_id, '' AS workspace, {FACTS}
    FROM (
        SELECT * FROM inbox_notices
        WHERE channel_id = :channel_id AND (read_at IS NULL OR NOT :unread)
          AND (CAST(:before AS uuid) IS NULL
               OR (changed_at, id) < (SELECT changed_at, id FROM inbox_notices WHERE id = :before))
        ORDER BY changed_at DESC, id DESC LIMIT :limit
    ) AS notice
    JOIN events ON events.id = notice.event_id
    {TABLES_OF_FACTS}
    ORDER BY notice.changed_at DESC, notice.id DESC
""")
SENT = Statement("""
    WITH sent AS (DELETE FROM notice_entries WHERE message_id = :message_id RETURNING channel_id)
    UPDATE notice_channels SET
        sent_at = CASE WHEN CAST(:error AS text) IS NULL THEN :now ELSE sent_at END,
        failing_since = NULL, error = CAST(:error AS text)
    WHERE id IN (SELECT channel_id FROM sent)
""")
DROP = Statement("DELETE FROM notice_entries WHERE message_id = :message_id")
FAILED = Statement("""
    UPDATE notice_channels SET failing_since = coalesce(failing_since, :now), error = :error
    WHERE id IN (SELECT channel_id FROM notice_entries WHERE message_id = :message_id)
""")
# Every transaction locks channels before jobs, in this order.
LOCK_CHANNELS = Statement("SELECT FROM notice_channels WHERE id = ANY(:channels) ORDER BY id FOR NO KEY UPDATE")
WAITING = Statement("SELECT min(due_at) AS due_at FROM notice_entries WHERE channel_id = ANY(:channels)")

# The devices of a person, and whether they have got this message already.
DEVICES = Statement("""
    SELECT id, subscription, message_id IS NOT DISTINCT FROM CAST(:message_id AS uuid) AS has_it FROM push_devices
    WHERE user_id = :user_id ORDER BY id
""")
PUSHED = Statement("UPDATE push_devices SET message_id = :message_id, sent_at = :now, error = NULL WHERE id = :id")
NOT_PUSHED = Statement("UPDATE push_devices SET error = :error WHERE id = :id")
DEVICE_GONE = Statement("DELETE FROM push_devices WHERE id = :id")
