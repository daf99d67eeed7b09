"""Links with which accounts are connected: signed, short-lived, and good for one sign-in that works out.

A link works only as long as whoever made it may connect accounts. Those that were handed out are listed, and can be
withdrawn: that uses them up.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import NotFound
from clipcast.database.models.connections import ConnectLink, UsedConnectLink
from clipcast.database.models.people import Membership
from clipcast.installation import Installation
from clipcast.people.repository import role_of
from clipcast.platforms.registry import PLATFORMS

LINK_LIFETIME = timedelta(hours=24)
# The roles that may connect accounts.
MAKERS = ("editor", "owner")
# What is shown as the maker of a link that was made on the command line.
OPERATOR = "clipcast connect"
LISTED = 100


@dataclass(frozen=True)
class Link:
    """What a link says. Everything in it is JSON, so that a sign-in under way can keep it."""

    id: str
    platform: str
    workspace_id: str
    # One of the platform's other sign-in methods.
    sign_in_method: str | None = None
    # Who made it: a user's id and name. None: an operator, on the command line.
    maker: tuple[str, str] | None = None
    # The sign-in was started in the app, and goes back there.
    in_app: bool = False
    # The connection that is to be made active again.
    expects: str | None = None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Link":
        """Read what `as_json` returned."""
        return cls(sign_in_method=stored.pop("way", None), **stored)

    def as_json(self) -> dict[str, Any]:
        """Return the link as it is signed and stored. Links of earlier releases call the sign-in method `way`."""
        fields = asdict(self)
        return {"way": fields.pop("sign_in_method")} | fields

    @property
    def expires_at(self) -> datetime:
        """The latest at which it can still be used."""
        return clock.now() + LINK_LIFETIME


def make_link(
    installation: Installation,
    workspace_id: UUID,
    platform: str,
    sign_in_method: str | None = None,
    maker: tuple[str, str] | None = None,
    in_app: bool = False,
    expects: str | None = None,
) -> str:
    """An address that lets whoever has it connect accounts of `platform` to the workspace, once, within a day."""
    return _address(
        installation, Link(str(new_id()), platform, str(workspace_id), sign_in_method, maker, in_app, expects)
    )


async def hand_out_link(
    installation: Installation,
    session: AsyncSession,
    workspace_id: UUID,
    platform: str,
    sign_in_method: str | None,
    maker: tuple[str, str] | None,
) -> str:
    """Make a link for somebody else; it is listed until it is used, withdrawn or expired."""
    link = Link(str(new_id()), platform, str(workspace_id), sign_in_method, maker)
    session.add(
        ConnectLink(
            id=UUID(link.id),
            workspace_id=workspace_id,
            platform=platform,
            sign_in_method=sign_in_method,
            maker_id=UUID(maker[0]) if maker else None,
            maker_name=maker[1] if maker else OPERATOR,
            expires_at=link.expires_at,
        )
    )
    return _address(installation, link)


async def read_link(installation: Installation, token: str) -> Link | None:
    """None for a link that is wrong, expired, used up, withdrawn, or made by somebody who may no longer make it."""
    claim = installation.vault.verify(token) or {}
    if "connect" not in claim:
        return None
    link = Link.from_json(claim["connect"])
    async with installation.database.session() as session:
        used = await session.get(UsedConnectLink, UUID(link.id))
        good = used is None and link.platform in PLATFORMS and await _maker_may_connect(session, link)
    return link if good else None


async def use_up(session: AsyncSession, link: Link) -> bool:
    """Whether the link was still good; from now on it is not."""
    return await _maker_may_connect(session, link) and await _end(session, UUID(link.id), link.expires_at)


async def list_links(session: AsyncSession, workspace_id: UUID) -> list[ConnectLink]:
    """The links that were handed out and still connect, the newest first."""
    maker = exists().where(
        Membership.user_id == ConnectLink.maker_id,
        Membership.workspace_id == ConnectLink.workspace_id,
        Membership.role.in_(MAKERS),
    )
    query = select(ConnectLink).where(
        ConnectLink.workspace_id == workspace_id,
        ConnectLink.expires_at > clock.now(),
        ConnectLink.maker_id.is_(None) | maker,
    )
    return list(await session.scalars(query.order_by(ConnectLink.id.desc()).limit(LISTED)))


async def withdraw_link(session: AsyncSession, workspace_id: UUID, link_id: str) -> ConnectLink:
    """Make a link useless. Raises NotFound for one that is not open, or of another workspace."""
    id = parse_id(link_id)
    link = await session.get(ConnectLink, id, with_for_update=True) if id else None
    if link is None or link.workspace_id != workspace_id:
        raise NotFound("open link", link_id)
    await _end(session, link.id, link.expires_at)
    return link


def _address(installation: Installation, link: Link) -> str:
    token = installation.vault.sign({"connect": link.as_json()}, LINK_LIFETIME)
    return f"{installation.settings.public_base}/connect/{token}"


async def _maker_may_connect(session: AsyncSession, link: Link) -> bool:
    if link.maker is None:
        return True
    return await role_of(session, UUID(link.maker[0]), UUID(link.workspace_id)) in MAKERS


async def _end(session: AsyncSession, link_id: UUID, expires_at: datetime) -> bool:
    """Whether this ended the link, and not somebody before."""
    row: dict[str, Any] = {"id": link_id, "expires_at": expires_at}
    statement = insert(UsedConnectLink).values(row).on_conflict_do_nothing().returning(UsedConnectLink.id)
    ended = (await session.execute(statement)).first() is not None
    await session.execute(delete(ConnectLink).where(ConnectLink.id == link_id))
    return ended
