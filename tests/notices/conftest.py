"""A mail server on a real socket, members, and a worker that sends their notices step by step."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from clipcast.common.ids import new_id
from clipcast.common.settings import load
from clipcast.database.models.events import Event
from clipcast.database.models.people import Membership, User
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.jobs.kinds import NOTIFY, NOTIFY_QUEUE
from clipcast.jobs.worker import RunnersByKind, WorkerProcess
from clipcast.notices.fan_out import fan_out
from clipcast.notices.runner import NoticeRunner
from clipcast.platforms.transport import HttpClient
from tests.mail_server import MailServer

SENDER = "Clipcast <clipcast@example.org>"


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    server.stop()


@pytest.fixture
def posting(installation: Installation, mail_server: MailServer) -> Installation:
    """Return the installation with the mail server."""
    settings = load(
        {}, data_dir=installation.settings.data_dir, public_url="https://clips.example.org",
        smtp_url=f"smtp://clipcast:p%40ss%3Aword@127.0.0.1:{mail_server.port}?tls=none", mail_from=SENDER,
    )  # fmt: skip
    return replace(installation, settings=settings)


@dataclass
class Office:
    """A workspace with members, whose events are told."""

    installation: Installation
    # Makes the client for chats.
    client: Callable[[], HttpClient] = HttpClient
    workspaces: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)

    async def member(self, user: str = "owner", role: str = "owner", workspace: str = "Night Bakery") -> None:
        """Add a member, with the user and the workspace that are missing."""
        async with self.installation.database.begin() as session:
            if workspace not in self.workspaces:
                session.add(made := Workspace(id=new_id(), name=workspace))
                self.workspaces[workspace] = made.id
            if user not in self.users:
                address = user if "@" in user else f"{user}@example.org"
                session.add(person := User(id=new_id(), email=address, name=user.partition("@")[0], password_hash="-"))
                self.users[user] = person.id
            await session.flush()
            session.add(Membership(user_id=self.users[user], workspace_id=self.workspaces[workspace], role=role))

    async def tell(self, *types: str, workspace: str = "Night Bakery", **data: Any) -> None:
        """Have events of these types happen, each about another thing, and fan them out."""
        ids = [new_id() for _ in types]
        async with self.installation.database.begin() as session:
            for id, type in zip(ids, types, strict=True):
                subject = data.get("item_id") or new_id()
                references = {
                    name: UUID(str(data[name])) for name in ("item_id", "post_id", "connection_id") if name in data
                }
                session.add(
                    Event(
                        id=id, workspace_id=self.workspaces[workspace], type=type, subject_id=UUID(str(subject)),
                        data={"error": {"message": "The video is too long."}} | data, **references,
                    )
                )  # fmt: skip
        async with self.installation.database.hot_pool.transaction() as transaction:
            await fan_out(transaction, ids, self.installation.settings.smtp is not None)

    async def send(self, slots: int = 4) -> int:
        """Run the due jobs once, as a new worker. Return their number."""
        parts = self.installation
        runner = NoticeRunner(parts.settings, parts.database, parts.vault, self.client())
        process = WorkerProcess(
            parts.settings, parts.database, RunnersByKind({NOTIFY: runner}), {NOTIFY_QUEUE: slots}, {}
        )
        try:
            return await process.run_due()
        finally:
            await process.close()


@pytest.fixture
async def office(posting: Installation) -> Office:
    """Return a workspace with an owner."""
    made = Office(posting)
    await made.member()
    return made
