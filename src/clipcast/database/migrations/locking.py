"""Locks of migrations, beside processes that use the tables."""

from alembic import op


def lock(*, referenced: str = "", changed: str = "") -> None:
    """Lock tables, named with commas: all at once, or none. Raise an error after 72 s.

    New foreign keys and triggers need the `referenced` tables without writes; other changes need `changed` ones alone.
    An attempt ends before PostgreSQL's `deadlock_timeout`, and lets the others' statements pass.
    """
    modes = {"SHARE ROW EXCLUSIVE": referenced, "ACCESS EXCLUSIVE": changed}
    locks = "\n".join(f"LOCK TABLE {tables} IN {mode} MODE;" for mode, tables in modes.items() if tables)
    op.execute(f"""
        DO $$
        BEGIN
            SET LOCAL lock_timeout = '500ms';
            FOR attempt IN 1..120 LOOP
                BEGIN
                    {locks}
                    SET LOCAL lock_timeout = 0;
                    RETURN;
                EXCEPTION WHEN lock_not_available THEN
                    PERFORM pg_sleep(0.1);
                END;
            END LOOP;
            RAISE EXCEPTION 'Other processes use the tables all the time. Stop them, and upgrade again.';
        END $$
    """)
