"""The table of the installation."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.database import Base


class InstallationRow(Base):
    """The single row of the installation."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    # The fingerprint of the current key (`Vault.fingerprints`).
    key_fingerprint: Mapped[str]
    key_since: Mapped[datetime]
