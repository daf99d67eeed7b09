"""What platforms and other servers say about the accounts and the linked files of a plan. Each is asked once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from clipcast.common.problems import AppError, Problem
from clipcast.connections.options import options_of, quotas_of
from clipcast.connections.repository import connections_by_id
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.quotas import QuotaOut
from clipcast.platforms.files import FileRules
from clipcast.posts.account_checks import AT_ONCE, check_accounts
from clipcast.posts.linked_files import MOST, FileFindings, check_file, check_files
from clipcast.posts.preflight import Checked

T = TypeVar("T")


class Asking:
    """The responses for one plan, by account and by file."""

    def __init__(self, installation: Installation, connections: Mapping[UUID, Connection]) -> None:
        self._installation = installation
        self._connections = connections
        self._found: dict[Hashable, Any] = {}
        # Those that are checked.
        self._files: set[tuple[str, FileRules]] = set()

    @classmethod
    async def of(cls, installation: Installation, workspace_id: UUID, connection_ids: Collection[UUID]) -> "Asking":
        """Ask for the options of these accounts, several at a time."""
        async with installation.database.session() as session:
            connections = await connections_by_id(session, workspace_id, list(connection_ids))
        made, gate = cls(installation, connections), asyncio.Semaphore(AT_ONCE)

        async def ask(connection: Connection) -> None:
            async with gate:
                with suppress(AppError):  # the rows of the account get it
                    await made._options(installation, connection)

        await asyncio.gather(*(ask(one) for one in connections.values() if one.status == "active"))
        return made

    async def check(self, checked: Checked) -> None:
        """Add to `checked` what POST /posts/validate would add."""
        await check_accounts(self._installation, checked, self._connections, self._options, self._quotas)
        await check_files(self._installation, checked, self._file)

    async def _options(self, installation: Installation, connection: Connection) -> dict[str, Any]:
        return await self._once(("options", connection.id), lambda: options_of(installation, connection))

    async def _quotas(self, installation: Installation, connection: Connection) -> list[QuotaOut]:
        return await self._once(("quotas", connection.id), lambda: quotas_of(installation, connection))

    async def _file(self, installation: Installation, url: str, rules: FileRules) -> FileFindings:
        if len(self._files) < MOST:
            self._files.add((url, rules))
        if (url, rules) in self._files:
            return await self._once((url, rules), lambda: check_file(installation, url, rules))
        message = f"Clipcast checks only {MOST} files of a plan. It has not checked this one."
        return FileFindings(warnings=(Problem("", "not_looked_at", message),))

    async def _once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the response of before, or ask. Raise the AppError of the first time."""
        if key not in self._found:
            try:
                self._found[key] = await ask()
            except AppError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, AppError):
            raise found
        return found  # type: ignore[no-any-return]
