"""What the secret key has encrypted in the database, and its encryption with the first key after a rotation.

Signed links and addresses are not stored, so that they end with the key that signed them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    any_,
    bindparam,
    literal,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from clipcast.clock import clock
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.database.models.connections import ConnectAttempt, Connection
from clipcast.database.models.events import Webhook
from clipcast.database.models.installation import InstallationRow
from clipcast.database.models.jobs import Job, JournalEntry
from clipcast.database.models.notices import NoticeChannel, PushDevice, PushKey
from clipcast.database.models.posts import Item
from clipcast.database.models.requests import IdempotentResponseRow

log = structlog.get_logger()

# Rows that are read at a time.
AT_ONCE = 500
NOW: Any = bindparam("now", callable_=clock.now, type_=DateTime(timezone=True))


async def _rows(database: Database, sealed: "Sealed") -> AsyncIterator[Row[Any]]:
    """Yield the value and the primary key of each row."""
    keys = list(sealed.column.class_.__table__.primary_key)
    query = select(sealed.column, *keys).where(sealed.column.is_not(None))
    if sealed.needed is not None:
        query = query.where(sealed.needed)
    async for page in _pages(database, query, keys):
        for row in page:
            yield row


# The jobs that can go on: those that have not ended, and those of failed items, which a person may retry. The others
# are by far the most, so that the journal is read by these, each along its index (hence no parameters).
GOING_ON: Any = (
    (select(Job.id, Job.after_id, Job.kind, Job.subject_id).where(text("state <> 'done'")), (Job.kind, Job.subject_id)),
    (
        select(Item.id, null(), Item.workspace_id, Item.id)
        .join(Job, Job.id == Item.id)
        .where(text("items.status = 'failed' AND jobs.state = 'done'")),
        (Item.workspace_id, Item.id),
    ),
)


async def _journal_rows(database: Database, sealed: "Sealed") -> AsyncIterator[Row[Any]]:
    """Yield as `_rows` the entries that a job can still read: its own, and those of the job that it follows."""
    keys = list(JournalEntry.__table__.primary_key)
    for jobs, order in GOING_ON:
        async for page in _pages(database, jobs, order):
            ids = {id for row in page for id in row[:2] if id}
            entries = select(sealed.column, *keys).where(JournalEntry.job_id.in_(ids), sealed.column.is_not(None))
            async with database.session() as session:
                found = (await session.execute(entries)).all()
            for entry in found:
                yield entry


async def _pages(database: Database, query: Select[Any], keys: Sequence[Any]) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yield the rows in the order of `keys`, which are unique and their last columns."""
    query = query.order_by(*keys).limit(AT_ONCE)
    after = None
    while True:
        page = query if after is None else query.where(tuple_(*keys) > tuple_(*after))
        async with database.session() as session:
            rows = (await session.execute(page)).all()
        yield rows
        if len(rows) < AT_ONCE:
            return
        last: list[Any] = list(rows[-1][-len(keys) :])
        after = [literal(value, key.type) for key, value in zip(keys, last, strict=True)]


@dataclass(frozen=True)
class Sealed:
    """A column with encrypted values, or lists of them: what people call them, and which rows still need them."""

    name: str
    column: InstrumentedAttribute[Any]
    needed: ColumnElement[bool] | None = None
    # Yields the value and the primary key of each row that is needed.
    rows: Callable[[Database, "Sealed"], AsyncIterator[Row[Any]]] = _rows


# Every such column: a test compares them with the tables.
COLUMNS = (
    Sealed("accounts", Connection.tokens),
    Sealed("unfinished authorizations", ConnectAttempt.sealed, ConnectAttempt.expires_at > NOW),
    Sealed("webhooks", Webhook.secret),
    Sealed("former secrets of webhooks", Webhook.former_secret, Webhook.former_until > NOW),
    Sealed("former secrets of webhooks", Webhook.older_secrets, any_(Webhook.older_until) > NOW),
    Sealed("addresses of chats", NoticeChannel.address),
    Sealed("devices with push messages", PushDevice.subscription),
    Sealed("keys of push messages", PushKey.private),
    Sealed("saved responses", IdempotentResponseRow.sealed),
    Sealed("results of steps", JournalEntry.result, rows=_journal_rows),
)


@dataclass
class Report:
    """How many stored secrets a key other than the first one has encrypted, by their names."""

    # Another configured key decrypts them.
    former: Counter[str] = field(default_factory=Counter)
    # No configured key does.
    lost: Counter[str] = field(default_factory=Counter)
    # The fingerprints of the installation's former keys that are not configured.
    missing_keys: list[str] = field(default_factory=list)


async def count_sealed(database: Database, vault: Vault) -> Report:
    """Count what keys other than the first one have encrypted. Raise DatabaseUnavailable."""
    report = Report()
    async for _ in _others(database, vault, report):
        pass
    return report


async def seal_again(database: Database, vault: Vault) -> Report:
    """Encrypt with the first key what another configured one has encrypted, and return what is left.

    Only a process whose first key is the installation's does so: during a rotation, others still have the old one
    first. Any number may do so. Log what no key decrypts. Raise DatabaseUnavailable.
    """
    report = Report()
    row = await _installation(database)
    is_current = row is not None and row.key_fingerprint == vault.fingerprints[0]
    number = 0
    async for sealed, found in _others(database, vault, report):
        if is_current and await _replace(database, vault, sealed, found):
            report.former[sealed.name] -= 1
            number += 1
    if number:
        log.info("sealed_again", number=number)
    if report.lost:
        log.error(
            "secret_key_missing", secrets=named(report.lost), former_keys=report.missing_keys,
            fix="Add the former key: CLIPCAST_SECRET_KEY=NEW,OLD",
        )  # fmt: skip
    elif is_current and not report.former.total():
        await _record(database, vault)
    return report


def named(numbers: Mapping[str, int]) -> str:
    """Return such as `accounts: 2, webhooks: 1`."""
    return ", ".join(f"{name}: {count}" for name, count in numbers.items() if count)


async def _others(database: Database, vault: Vault, report: Report) -> AsyncIterator[tuple[Sealed, Row[Any]]]:
    """Count in `report` what the first key does not decrypt, and yield what another one does."""
    row = await _installation(database)
    if row and [row.sealed_by] == vault.fingerprints:
        return
    former = row.former_fingerprints if row else []
    report.missing_keys = [one for one in former if one not in vault.fingerprints]
    for sealed in COLUMNS:
        async for found in sealed.rows(database, sealed):
            await asyncio.sleep(0)  # others go on between decryptions
            values = _values(found[0])
            if all(vault.is_of_first_key(one) for one in values):
                continue
            can_open = all(vault.can_open(one) for one in values)
            (report.former if can_open else report.lost)[sealed.name] += 1
            if can_open:
                yield sealed, found


async def _installation(database: Database) -> InstallationRow | None:
    async with database.session() as session:
        return await session.get(InstallationRow, 1)


async def _record(database: Database, vault: Vault) -> None:
    """Record that the only key has encrypted everything, so that nobody has to look again until a rotation.

    A process with several keys is in a rotation: others may still encrypt with the former one.
    """
    if len(vault.fingerprints) > 1:
        return
    [key] = vault.fingerprints
    query = update(InstallationRow).where(InstallationRow.key_fingerprint == key)
    async with database.begin() as session:
        await session.execute(query.where(InstallationRow.sealed_by.is_(None)).values(sealed_by=key))


async def _replace(database: Database, vault: Vault, sealed: Sealed, found: Row[Any]) -> bool:
    """Encrypt a value again, unless it has changed meanwhile. Return whether it was encrypted."""
    table = sealed.column.class_.__table__
    old = found[0]
    new: Any = [vault.seal_again(one) for one in old] if isinstance(old, list) else vault.seal_again(old)
    # Nothing that callers see changes, so that times of changes stay.
    kept = {column.name: column for column in table.c if column.onupdate is not None}
    values: list[Any] = list(found[1:])
    own = [column == value for column, value in zip(table.primary_key, values, strict=True)]
    statement = update(table).where(*own, sealed.column == old).values({sealed.column.key: new} | kept)
    async with database.begin() as session:
        return bool((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]


def _values(value: Any) -> list[bytes]:
    return value if isinstance(value, list) else [value]
