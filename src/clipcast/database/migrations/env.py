"""Alembic's entry point. It uses the connection that `migrate.upgrade` passes."""

from alembic import context

from clipcast.database.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
