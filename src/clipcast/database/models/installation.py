"""The tables of the installation."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.database import Base


class InstallationRow(Base):
    """The single row of the installation."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    # The fingerprint of the current key (`Vault.fingerprints`), and those of the keys before it, the newest last.
    key_fingerprint: Mapped[str]
    key_since: Mapped[datetime]
    former_fingerprints: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default="{}")
    # The fingerprint of the key that has encrypted all stored secrets, as a process with no other key found out. Null
    # since a rotation, until then.
    sealed_by: Mapped[str | None]


class StorageMark(Base):
    """The single row of what this database knows of the mark in its storage (installation/storage_mark.py)."""

    __tablename__ = "storage_marks"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    # Made once. A copy of the database has the same.
    installation_id: Mapped[UUID]
    # The mark, and the one before, which stands in the storage until the new one is written.
    mark: Mapped[str | None]
    former_mark: Mapped[str | None]
    renewed_at: Mapped[datetime | None]
    # Since when the storage has had a mark of this database.
    held_since: Mapped[datetime | None]
