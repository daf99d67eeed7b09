"""Alembic's entry: runs on the connection that migrate.upgrade hands over."""

from alembic import context

from clipcast.database.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
