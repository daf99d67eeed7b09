"""Links with which the people of a client connect its accounts, and connect them again, without a sign-in to Clipcast.

A link works any number of times until it ends or is revoked, while its maker may connect accounts. Its token has 256
random bits, and only its digest is stored. Each authorization that it opens is a link of links.py.
"""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.connections.links import MAKERS, make_link
from clipcast.database.limits import count_all
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import ClientLink, Connection
from clipcast.database.models.people import Membership
from clipcast.installation import Installation
from clipcast.workspaces.service import digest_of

# The days for which a link can be open. The middle one is offered first.
LIFETIMES = (1, 7, 30)
OPEN_MAX = 200
# Within the address of the page: `/connect/for/TOKEN`.
PATH = "/connect/for/"


async def make_client_link(
    installation: Installation, session: AsyncSession, workspace_id: UUID, client_id: UUID, days: int,
    maker: tuple[UUID, str],
) -> str:  # fmt: skip
    """Return the address of a new link. Raise AppError 409 if the workspace has too many open ones."""
    if await count_all(session, _open(workspace_id)) >= OPEN_MAX:
        message = f"The workspace has {OPEN_MAX} open links for clients, the maximum. Revoke one that is over."
        raise AppError(409, "too_many_links", message)
    token = secrets.token_urlsafe(32)
    session.add(
        ClientLink(
            workspace_id=workspace_id,
            client_id=client_id,
            digest=digest_of(token),
            maker_id=maker[0],
            maker_name=maker[1],
            expires_at=clock.now() + timedelta(days=days),
        )
    )
    return f"{installation.settings.public_base}{PATH}{token}"


async def find_client_link(session: AsyncSession, token: str) -> tuple[ClientLink, Client] | None:
    """Return the open link of a token, and its client; None without one.

    The look-up is by digest, so that its time tells nothing about tokens.
    """
    query = select(ClientLink, Client).join(Client, Client.id == ClientLink.client_id)
    query = query.where(
        ClientLink.digest == digest_of(token), ClientLink.expires_at > clock.now(), _maker_may_connect()
    )
    found = (await session.execute(query)).one_or_none()
    return (found[0], found[1]) if found else None


async def list_client_links(session: AsyncSession, workspace_id: UUID) -> list[ClientLink]:
    """Return the open links of a workspace, newest first."""
    return list(await session.scalars(_open(workspace_id).order_by(ClientLink.id.desc()).limit(OPEN_MAX)))


def _open(workspace_id: UUID) -> Select[ClientLink]:
    return select(ClientLink).where(
        ClientLink.workspace_id == workspace_id, ClientLink.expires_at > clock.now(), _maker_may_connect()
    )


async def revoke_client_link(session: AsyncSession, workspace_id: UUID, link_id: str) -> ClientLink:
    """Revoke a link. An authorization that it has opened cannot end well. Raise NotFound."""
    query = select(ClientLink).where(ClientLink.workspace_id == workspace_id, ClientLink.id == parse_id(link_id))
    link = (await session.scalars(query.with_for_update())).one_or_none()
    if link is None:
        raise NotFound("open link", link_id)
    await session.delete(link)
    return link


def open_authorization(
    installation: Installation, link: ClientLink, platform: str, sign_in_method: str | None, expects: Connection | None
) -> str:
    """Return the address that starts one authorization: of a new account, or of the expected one."""
    return make_link(
        installation,
        link.workspace_id,
        platform,
        sign_in_method,
        (str(link.maker_id), link.maker_name),
        expects=str(expects.id) if expects else None,
        client=str(link.client_id),
        through=str(link.id),
    )


async def note_used(session: AsyncSession, link_id: UUID) -> None:
    """Note that an account was connected with the link."""
    await session.execute(update(ClientLink).where(ClientLink.id == link_id).values(used_at=clock.now()))


def _maker_may_connect() -> ColumnElement[bool]:
    return exists().where(
        Membership.user_id == ClientLink.maker_id,
        Membership.workspace_id == ClientLink.workspace_id,
        Membership.role.in_(MAKERS),
        Membership.client_ids.is_(None) | (ClientLink.client_id == any_(Membership.client_ids)),
    )
