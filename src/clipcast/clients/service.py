"""Clients of a workspace, for the API and the app. Callers of these functions commit."""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.audit.service import Actor, record
from clipcast.clients import repository, review_rules
from clipcast.clients.logos import logo_url
from clipcast.clients.schemas import COLORS, ClientDetail, CreateClient, UpdateClient
from clipcast.clients.words import set_signature
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.names import name_key
from clipcast.common.problems import AppError, NotFound, Problem, ValidationFailed
from clipcast.database.limits import require_client, require_whole
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.database.models.reviews import ReviewLink
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS

CLIENTS_MAX = 500


async def create_client(session: AsyncSession, workspace_id: UUID, body: CreateClient, actor: Actor) -> Client:
    """Create a client. Raise ValidationFailed, or AppError 409 if the workspace has too many."""
    require_whole(session, "create clients")
    await _hold_names(session, workspace_id)
    taken = await repository.colors_of(session, workspace_id)
    if len(taken) >= CLIENTS_MAX:
        message = f"The workspace has {len(taken)} clients, the maximum is {CLIENTS_MAX}. Delete one that is over."
        raise AppError(409, "too_many_clients", message)
    await _require_new_name(session, workspace_id, body.name)
    client = Client(
        id=new_id(),
        workspace_id=workspace_id,
        name=body.name,
        name_key=name_key(body.name),
        color=body.color or _rarest_color(taken),
        timezone=body.timezone,
    )
    session.add(client)
    await session.flush()
    _record(session, client, actor, "client.created")
    if body.review:
        await review_rules.set_rule(session, client, body.review, actor)
    return client


async def update_client(session: AsyncSession, workspace_id: UUID, id: str, body: UpdateClient, actor: Actor) -> Client:
    """Change a client. Raise NotFound or ValidationFailed."""
    await _hold_names(session, workspace_id)
    client = await repository.get_client(session, workspace_id, id, lock=True)
    given = body.model_dump(exclude_none=True, exclude={"review"})
    if body.review:
        await review_rules.set_rule(session, client, body.review, actor)
    changed = {name: value for name, value in given.items() if getattr(client, name) != value}
    if "name" in changed:
        await _require_new_name(session, workspace_id, changed["name"], client.id)
        client.name_key = name_key(changed["name"])
    if "signature" in changed:
        await set_signature(session, workspace_id, id, changed.pop("signature"), actor)
    for name, value in changed.items():
        setattr(client, name, value)
    if changed:
        client.updated_at = clock.now()
        _record(session, client, actor, "client.changed", **changed)
    return client


async def delete_client(session: AsyncSession, workspace_id: UUID, id: str, actor: Actor) -> None:
    """Delete a client. Its accounts and posts stay; its review links are revoked.

    Raise NotFound, or AppError 403 if its posts need an approval and the actor may not publish without one.
    """
    require_whole(session, "delete clients")
    client = await repository.get_client(session, workspace_id, id, lock=True)
    review_rules.require_may_release(client, actor)
    _record(session, client, actor, "client.deleted")
    # Without its client, a link would show the posts of all.
    links = update(ReviewLink).where(ReviewLink.client_id == client.id, ReviewLink.revoked_at.is_(None))
    await session.execute(links.values(revoked_at=clock.now()))
    await session.delete(client)


async def assign_accounts(
    session: AsyncSession, workspace_id: UUID, client_id: str | None, account_ids: Collection[str], actor: Actor
) -> list[Connection]:
    """Give accounts to a client, or to none. Return those that changed, in the order of their ids.

    Raise NotFound if the workspace does not have the client or one of the accounts, or AppError 403 if the posts of an
    account's client need an approval and the actor may not publish without one; then nothing may be committed.
    """
    client = await repository.get_client(session, workspace_id, client_id, lock=True) if client_id else None
    require_client(session, client.id if client else None, "move accounts to it")
    ids = {id for text in account_ids if (id := parse_id(text))}
    query = select(Connection).where(
        Connection.workspace_id == workspace_id, Connection.id.in_(ids), Connection.removed_at.is_(None)
    )
    # In one order, so that two transactions do not wait for each other.
    found = list(await session.scalars(query.order_by(Connection.id).with_for_update(key_share=True)))
    known = {str(account.id) for account in found}
    if missing := [text for text in account_ids if str(parse_id(text)) not in known]:
        raise NotFound("connection", missing[0])
    target = client.id if client else None
    changed = [account for account in found if account.client_id != target]
    for former in await session.scalars(select(Client).where(Client.id.in_({one.client_id for one in changed}))):
        review_rules.require_may_release(former, actor)
    for account in changed:
        account.client_id = target
        subject = f"{PLATFORMS[account.platform].title} @{account.username}"
        to = client.name if client else None
        record(session, workspace_id, actor, "connection.assigned", subject, account.id, client=to)
    return changed


async def show_clients(
    installation: Installation, session: AsyncSession, clients: Collection[Client]
) -> list[ClientDetail]:
    """Return clients as the API shows them."""
    counts = await repository.count_accounts(session, [client.id for client in clients])
    asked = await review_rules.list_choices(session, [client.id for client in clients], asked_only=True)
    names = ClientDetail.model_fields.keys() - {"account_count", "logo_url", "review"}
    return [
        ClientDetail.model_validate(
            {name: getattr(client, name) for name in names}
            | {"account_count": counts.get(client.id, 0), "logo_url": logo_url(installation, client)}
            | {"review": review_rules.review_of(client, asked[client.id])}
        )
        for client in clients
    ]


async def show_client(installation: Installation, session: AsyncSession, client: Client) -> ClientDetail:
    """Return a client as the API shows it."""
    [shown] = await show_clients(installation, session, [client])
    return shown


async def _hold_names(session: AsyncSession, workspace_id: UUID) -> None:
    """Hold the workspace until the end of the transaction, so that no other one adds a client or a name."""
    await session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


async def _require_new_name(session: AsyncSession, workspace_id: UUID, name: str, own: UUID | None = None) -> None:
    """Raise ValidationFailed if another client has the name."""
    other = await repository.find_client(session, workspace_id, name_key(name))
    if other is not None and other.id != own:
        message = f"Another client is called '{other.name}'. Choose another name."
        raise ValidationFailed([Problem("/name", "not_unique", message)])


def _rarest_color(taken: list[int]) -> int:
    counted = Counter(taken)
    return min(range(1, COLORS + 1), key=lambda color: counted[color])


def _record(session: AsyncSession, client: Client, actor: Actor, action: str, **details: Any) -> None:
    record(session, client.workspace_id, actor, action, client.name, client.id, **details)
