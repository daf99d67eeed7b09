"""Links with which accounts are connected: signed, short-lived, and good for one sign-in that works out."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.connections.models import UsedConnectLink
from clipcast.ids import new_id
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS

LINK_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Link:
    """What a link says. Everything in it is JSON, so that a sign-in under way can keep it."""

    id: str
    platform: str
    workspace_id: str
    # One of the platform's other ways to sign in.
    way: str | None = None
    # Who made it: a user's id and name. None: an operator, on the command line.
    maker: tuple[str, str] | None = None
    # The sign-in was started in the app, and goes back there.
    in_app: bool = False
    # The connection that is to be made active again.
    expects: str | None = None

    @property
    def expires_at(self) -> datetime:
        """The latest at which it can still be used."""
        return clock.now() + LINK_LIFETIME


def make_link(
    here: Installation,
    workspace_id: UUID,
    platform: str,
    way: str | None = None,
    maker: tuple[str, str] | None = None,
    in_app: bool = False,
    expects: str | None = None,
) -> str:
    """An address that lets whoever has it connect accounts of `platform` to the workspace, once, within a day."""
    link = Link(str(new_id()), platform, str(workspace_id), way, maker, in_app, expects)
    return f"{here.settings.public_base}/connect/{here.vault.sign({'connect': asdict(link)}, LINK_LIFETIME)}"


async def read_link(here: Installation, token: str) -> Link | None:
    """None for a link that is wrong, expired or used up."""
    claim = here.vault.verify(token) or {}
    if "connect" not in claim:
        return None
    link = Link(**claim["connect"])
    async with here.database.session() as session:
        used = await session.get(UsedConnectLink, UUID(link.id))
    return link if used is None and link.platform in PLATFORMS else None


async def use_up(session: AsyncSession, link: Link) -> bool:
    """Whether nobody has used the link before."""
    row: dict[str, Any] = {"id": UUID(link.id), "expires_at": link.expires_at}
    statement = insert(UsedConnectLink).values(row).on_conflict_do_nothing().returning(UsedConnectLink.id)
    return (await session.execute(statement)).first() is not None
