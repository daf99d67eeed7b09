"""Links that connect accounts. They are signed, expire, and work for one successful authorization.

A link works only while its maker may connect accounts. Links for other people are listed, and can be withdrawn, which
uses them up.
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
from clipcast.database.models.connections import ClientLink, Connection, ConnectLink, UsedConnectLink
from clipcast.database.models.people import Membership
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS

LINK_LIFETIME = timedelta(hours=24)
# The roles that may connect accounts.
MAKERS = ("editor", "owner")
# The displayed maker of a link from the command line.
OPERATOR = "clipcast connect"
LISTED = 100


@dataclass(frozen=True)
class Link:
    """The content of a link. Every value is JSON, so that an attempt can store it."""

    id: str
    platform: str
    workspace_id: str
    # One of the platform's other sign-in methods; None for the default.
    sign_in_method: str | None = None
    # The id and name of the user who made it; None for the operator on the command line.
    maker: tuple[str, str] | None = None
    # Whether the authorization starts and ends in the app.
    in_app: bool = False
    # The id of the connection to reconnect.
    expects: str | None = None
    # The id of the client that gets a new account.
    client: str | None = None
    # The id of the client's link (client_links.py) through which this one was opened.
    through: str | None = None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Link":
        """Return the link that `as_json` stored."""
        return cls(sign_in_method=stored.pop("way", None), **stored)

    def as_json(self) -> dict[str, Any]:
        """Return the link as it is signed and stored. Links of earlier releases call the sign-in method `way`."""
        fields = asdict(self)
        # Earlier releases do not know these.
        added = {name: value for name in ("client", "through") if (value := fields.pop(name))}
        return {"way": fields.pop("sign_in_method")} | fields | added

    @property
    def expires_at(self) -> datetime:
        """The latest time at which the link can be used."""
        return clock.now() + LINK_LIFETIME


def make_link(
    installation: Installation,
    workspace_id: UUID,
    platform: str,
    sign_in_method: str | None = None,
    maker: tuple[str, str] | None = None,
    in_app: bool = False,
    expects: str | None = None,
    client: str | None = None,
    through: str | None = None,
) -> str:
    """Return a URL that connects accounts of `platform` to the workspace. It works once, within 24 h."""
    id, workspace = str(new_id()), str(workspace_id)
    return _address(
        installation, Link(id, platform, workspace, sign_in_method, maker, in_app, expects, client, through)
    )


async def hand_out_link(
    installation: Installation,
    session: AsyncSession,
    workspace_id: UUID,
    platform: str,
    sign_in_method: str | None,
    maker: tuple[str, str] | None,
) -> str:
    """Make a link for another person. It is listed until it is used, withdrawn or expired."""
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
    """Return the link of a token, or None.

    A link is invalid if it is expired, used or withdrawn, or if its maker may no longer connect accounts.
    """
    claim = installation.vault.verify(token) or {}
    if "connect" not in claim:
        return None
    link = Link.from_json(claim["connect"])
    async with installation.database.session() as session:
        used = await session.get(UsedConnectLink, UUID(link.id))
        good = used is None and link.platform in PLATFORMS and await _may_connect(session, link)
    return link if good else None


async def use_up(session: AsyncSession, link: Link) -> bool:
    """Use up the link. Return whether it was valid before."""
    return await _may_connect(session, link, hold=True) and await _end(session, UUID(link.id), link.expires_at)


async def list_links(session: AsyncSession, workspace_id: UUID) -> list[ConnectLink]:
    """Return the open links that were made for other people, newest first."""
    maker = exists().where(
        Membership.user_id == ConnectLink.maker_id,
        Membership.workspace_id == ConnectLink.workspace_id,
        Membership.role.in_(MAKERS),
        # Such a link has no client.
        Membership.client_ids.is_(None),
    )
    query = select(ConnectLink).where(
        ConnectLink.workspace_id == workspace_id,
        ConnectLink.expires_at > clock.now(),
        ConnectLink.maker_id.is_(None) | maker,
    )
    return list(await session.scalars(query.order_by(ConnectLink.id.desc()).limit(LISTED)))


async def withdraw_link(session: AsyncSession, workspace_id: UUID, link_id: str) -> ConnectLink:
    """Withdraw a link. Raises NotFound if it is not open or belongs to another workspace."""
    id = parse_id(link_id)
    link = await session.get(ConnectLink, id, with_for_update=True) if id else None
    if link is None or link.workspace_id != workspace_id:
        raise NotFound("open link", link_id)
    await _end(session, link.id, link.expires_at)
    return link


def _address(installation: Installation, link: Link) -> str:
    token = installation.vault.sign({"connect": link.as_json()}, LINK_LIFETIME)
    return f"{installation.settings.public_base}/connect/{token}"


async def _may_connect(session: AsyncSession, link: Link, hold: bool = False) -> bool:
    """Return whether the link's maker may connect accounts, and the client's link is open if there is one.

    With `hold`, the client's link is not revoked before the transaction ends.
    """
    if link.through:
        query = select(ClientLink.id).where(ClientLink.id == UUID(link.through), ClientLink.expires_at > clock.now())
        if (await session.execute(query.with_for_update(key_share=True) if hold else query)).first() is None:
            return False
    if link.maker is None:
        return True
    member = await session.get(Membership, (UUID(link.maker[0]), UUID(link.workspace_id)))
    if member is None or member.role not in MAKERS:
        return False
    if member.client_ids is None:
        return True
    # The maker sees some clients only.
    expected = await session.get(Connection, UUID(link.expects)) if link.expects else None
    client_id = expected.client_id if expected else UUID(link.client) if link.client else None
    return client_id in member.client_ids


async def _end(session: AsyncSession, link_id: UUID, expires_at: datetime) -> bool:
    """End the link. Return False if it had ended before."""
    row: dict[str, Any] = {"id": link_id, "expires_at": expires_at}
    statement = insert(UsedConnectLink).values(row).on_conflict_do_nothing().returning(UsedConnectLink.id)
    ended = (await session.execute(statement)).first() is not None
    await session.execute(delete(ConnectLink).where(ConnectLink.id == link_id))
    return ended
