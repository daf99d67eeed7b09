"""Tables: the installation as a whole."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clipcast.database import Base


class InstallationRow(Base):
    """The one row about the installation as a whole."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    # Of the first key of the process that started last; see `Vault.fingerprints`.
    key_fingerprint: Mapped[str]
    key_since: Mapped[datetime]
