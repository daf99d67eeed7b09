"""What members and API keys see that are limited to some clients: the door of all queries that are sent for them.

A `Limit` narrows every statement that reads: those of sessions by a condition of each table, and others by queries
that take the tables' names. So services and pages need no conditions of their own, and what they do not find, they
cannot change.

Accounts are limited, and what belongs to them. A post is seen if each of its items goes to an account that is seen.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    TextClause,
    Uuid,
    all_,
    and_,
    any_,
    case,
    cast,
    event,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from clipcast.common.problems import AppError
from clipcast.database import Base, Database
from clipcast.database.changes import TellingSession
from clipcast.database.hot_queries import AsyncpgPool, Follower, Statement, Transaction
from clipcast.database.models.account_sets import AccountSet
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.clients import Client, HashtagSet, PausedDays, PostingTimeRow
from clipcast.database.models.connections import ClientLink, Connection, ConnectLink
from clipcast.database.models.events import Event, Webhook
from clipcast.database.models.lists import SavedView
from clipcast.database.models.notices import InboxNotice
from clipcast.database.models.plans import StoredPlan
from clipcast.database.models.post_templates import PostTemplate
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.database.models.requests import LoggedRequest
from clipcast.database.models.reviews import Review, ReviewLink
from clipcast.database.models.workspaces import ApiKey

# The option of a statement that must read everything, such as whether a name is taken.
SEES_ALL = {"sees_all": True}
# Statements that change or lock rows. Services find these rows before.
CHANGING = re.compile(r"\b(INSERT|UPDATE|DELETE)\b|\bFOR (NO KEY )?(UPDATE|SHARE)\b")
WITH = re.compile(r"\s*WITH\b(\s+RECURSIVE\b)?", re.IGNORECASE)
EMPTY: ColumnElement[Any] = literal_column("CAST('[]' AS jsonb)", JSONB)


@dataclass(frozen=True)
class Limit:
    """The clients that somebody sees: a member, by the user's id, an API key, or the people of a review link."""

    client_ids: tuple[UUID, ...]
    person_id: UUID

    @cached_property
    def options(self) -> list[Any]:
        """The conditions, as options of a statement."""
        clients: ColumnElement[Any] = literal(list(self.client_ids), ARRAY(Uuid()))
        found = _conditions(clients, literal(self.person_id, Uuid()))
        return [with_loader_criteria(table, condition, include_aliases=True) for table, condition in found.items()]

    @cached_property
    def queries(self) -> dict[str, str]:
        """The queries that take the names of tables, without parameters."""
        clients: ColumnElement[Any] = literal_column(
            "CAST(ARRAY[" + ", ".join(f"'{UUID(str(id))}'" for id in self.client_ids) + "] AS uuid[])"
        )
        person: ColumnElement[Any] = literal_column(f"CAST('{UUID(str(self.person_id))}' AS uuid)")
        found = {}
        for model, condition in _conditions(clients, person).items():
            query: Select[Any] = select(literal_column("*")).select_from(model.__table__).where(condition)
            found[model.__tablename__] = str(query.compile(dialect=dialect()))  # type: ignore[no-untyped-call]
        return found

    def narrow(self, sql: str) -> str:
        """Return a statement that reads only what is seen. One that changes or locks rows stays as it is.

        Raise ValueError for one that begins WITH RECURSIVE: it would read everything.
        """
        if CHANGING.search(sql):
            return sql
        named = [(name, query) for name, query in self.queries.items() if re.search(rf"\b{name}\b", sql)]
        if not named:
            return sql
        queries = ", ".join(f"{name} AS NOT MATERIALIZED ({query})" for name, query in named)
        begin = WITH.match(sql)
        if begin is None:
            return f"WITH {queries} {sql}"
        if begin[1]:
            raise ValueError(f"WITH RECURSIVE cannot be limited to clients: {sql}")
        return f"WITH {queries}, {sql[begin.end() :]}"


@lru_cache(maxsize=256)
def limit_to(client_ids: tuple[UUID, ...], person_id: UUID) -> Limit:
    """Return the limit to some clients. Requests of the same person share it, with what it has compiled."""
    return Limit(client_ids, person_id)


def _conditions(clients: ColumnElement[Any], person_id: ColumnElement[Any]) -> dict[type[Base], ColumnElement[bool]]:
    """Return the condition of each table that is limited. A query comes before those of the tables that it names."""
    of_clients = any_(clients)
    # Core tables, so that the conditions are not narrowed themselves.
    others, accounts = Item.__table__.alias("others"), Connection.__table__.alias("their_accounts")
    elsewhere = or_(accounts.c.client_id.is_(None), accounts.c.client_id != all_(clients))
    seen = select(accounts.c.id).where(accounts.c.client_id == of_clients)
    names = select(func.jsonb_agg(cast(accounts.c.id, String()))).where(accounts.c.client_id == of_clients)

    def is_seen(post_id: Any) -> ColumnElement[bool]:
        items: Select[Any] = select(literal_column("1")).select_from(
            others.join(accounts, accounts.c.id == others.c.connection_id)
        )
        return ~items.where(others.c.post_id == post_id, elsewhere).exists()

    def is_own(table: type[Draft | PostTemplate]) -> ColumnElement[bool]:
        """Return whether all accounts of a draft or template are seen; without any, whether the person saved it."""
        found = func.jsonb_extract_path(table.content, literal_column("'accounts'"), type_=JSONB)
        named = func.coalesce(found, EMPTY, type_=JSONB)
        known = func.coalesce(names.scalar_subquery(), EMPTY)
        return and_(named.bool_op("<@")(known), or_(named != EMPTY, table.saved_by_id == person_id))

    def is_told(event_id: Any) -> ColumnElement[bool]:
        """Return whether an event is about a post or an account that is seen."""
        told, of_post = Event.__table__.alias("told"), Item.__table__.alias("of_post")
        exists: Select[Any] = (
            select(literal_column("1")).select_from(of_post).where(of_post.c.post_id == told.c.post_id)
        )
        about = case(
            (told.c.post_id.is_not(None), and_(exists.exists(), is_seen(told.c.post_id))),
            else_=func.coalesce(told.c.connection_id.in_(seen), false()),
        )
        found: Select[Any] = select(literal_column("1")).select_from(told).where(told.c.id == event_id, about)
        return found.exists()

    return {
        InboxNotice: is_told(InboxNotice.event_id),
        Post: is_seen(Post.id),
        Review: is_seen(Review.post_id),
        Item: is_seen(Item.post_id),
        Draft: is_own(Draft),
        PostTemplate: is_own(PostTemplate),
        AccountSet: AccountSet.connection_ids.bool_op("<@")(func.array(seen.scalar_subquery())),
        PostingTimeRow: or_(PostingTimeRow.client_id == of_clients, PostingTimeRow.connection_id.in_(seen)),
        PausedDays: PausedDays.client_id == of_clients,
        HashtagSet: HashtagSet.client_id == of_clients,
        ReviewLink: ReviewLink.client_id == of_clients,
        ClientLink: ClientLink.client_id == of_clients,
        ConnectLink: ConnectLink.maker_id == person_id,
        SavedView: SavedView.user_id == person_id,
        StoredPlan: StoredPlan.saved_by_id == person_id,
        AuditEntry: AuditEntry.actor_id == person_id,
        LoggedRequest: LoggedRequest.key_id == person_id,
        ApiKey: ApiKey.id == person_id,
        # They get the events of all clients.
        Webhook: false(),
        Connection: Connection.client_id == of_clients,
        Client: Client.id == of_clients,
    }


class LimitedSession(TellingSession):
    """A session that reads what its `limit` allows."""


@event.listens_for(LimitedSession, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> Any:
    limit: Limit = state.session.info["limit"]
    if state.execution_options.get("sees_all"):
        return None
    if isinstance(state.statement, TextClause):
        narrowed = text(limit.narrow(state.statement.text)).bindparams(*state.statement._bindparams.values())
        return state.invoke_statement(narrowed)
    # What a loaded row refers to is narrowed as the row was.
    if (state.is_select or state.is_update or state.is_delete) and not (
        state.is_column_load or state.is_relationship_load
    ):
        state.statement = state.statement.options(*limit.options)
    return None


class LimitedPool(AsyncpgPool):
    """The pool of another one, whose statements read what a limit allows."""

    def __init__(self, pool: AsyncpgPool, limit: Limit) -> None:
        self._whole = pool
        self._limit = limit

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        return await self._whole.fetch(statement.narrowed(self._limit.narrow), values)

    def after_commit(self, statement: Follower, values: Mapping[str, Any]) -> None:
        self._whole.after_commit(statement, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._whole.transaction() as transaction:
            yield transaction.narrowed(self._limit.narrow)


def limited(database: Database, limit: Limit) -> Database:
    """Return the database as somebody sees it who has this limit. It uses the same connections."""
    seen = copy(database)
    seen.hot_pool = LimitedPool(database.hot_pool, limit)
    following = {"after_commit": database.hot_pool.following, "limit": limit}
    seen._sessions = async_sessionmaker(
        database.engine, expire_on_commit=False, info=following, sync_session_class=LimitedSession
    )
    return seen


def limit_of(session: AsyncSession) -> Limit | None:
    """Return the limit of a session; None if it sees everything."""
    found: Limit | None = session.info.get("limit")
    return found


def saver_of(session: AsyncSession) -> UUID | None:
    """Return what tells a limited session that a row without an account is its own; None if it sees everything."""
    limit = limit_of(session)
    return limit.person_id if limit else None


async def count_all(session: AsyncSession, rows: Select[Any]) -> int:
    """Return the number of these rows in the whole workspace, of which the session may see some: for a maximum."""
    query = select(func.count()).select_from(rows.order_by(None).subquery())
    return (await session.execute(query.execution_options(**SEES_ALL))).scalar_one()


def require_whole(session: AsyncSession, what: str) -> None:
    """Raise AppError 403 unless the session sees the whole workspace. `what` names the action: "create clients"."""
    if limit_of(session):
        raise AppError(403, "limited_to_clients", f"You see some clients only, so you cannot {what}. Ask an owner.")


def require_client(session: AsyncSession, client_id: UUID | None, what: str) -> None:
    """Raise AppError 403 if the session sees some clients only, and not this one; None is no client."""
    limit = limit_of(session)
    if limit and client_id not in limit.client_ids:
        raise AppError(403, "limited_to_clients", f"You see some clients only: choose one of them to {what}.")
