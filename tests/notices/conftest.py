"""A mail server on a real socket, members, and a worker that sends their notices step by step."""

import asyncio
import email
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from clipcast.common.ids import new_id
from clipcast.common.settings import load
from clipcast.database.models.events import Event
from clipcast.database.models.people import Membership, User
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.jobs.kinds import DELIVER_QUEUE, NOTIFY
from clipcast.jobs.worker import RunnersByKind, WorkerProcess
from clipcast.notices.fan_out import fan_out
from clipcast.notices.runner import NoticeRunner
from clipcast.platforms.transport import HttpClient

SENDER = "Clipcast <clipcast@example.org>"


@dataclass
class MailServer:
    """A server that keeps what it accepts. `replies` replaces its response to RCPT or DATA."""

    port: int = 0
    accepted: list[Envelope] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    sign_ins: list[tuple[bytes, bytes]] = field(default_factory=list)
    server: asyncio.Server | None = None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, to: str, _options: Any) -> str:
        if "RCPT" not in self.replies:
            envelope.rcpt_tos.append(to)
        return self.replies.get("RCPT", "250 OK")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if "DATA" not in self.replies:
            self.accepted.append(envelope)
        return self.replies.get("DATA", "250 OK")

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.sign_ins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss:word", handled=False)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"authenticator": self.authenticate, "auth_require_tls": False, "loop": loop}
        self.server = await loop.create_server(
            lambda: SMTP(self, hostname="mail.test", **options), "127.0.0.1", self.port
        )
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        assert self.server is not None
        self.server.close()

    @property
    def mails(self) -> list[EmailMessage]:
        """The accepted e-mails, as a mail program reads them."""
        found = []
        for envelope in self.accepted:
            assert isinstance(envelope.content, bytes)
            mail = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found


def plain(mail: EmailMessage) -> str:
    """Return the plain text of an e-mail, with line ends as in Python."""
    return _part(mail, "plain")


def html(mail: EmailMessage) -> str:
    return _part(mail, "html")


def _part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


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

    async def send(self) -> int:
        """Run the due jobs once, as a new worker. Return their number."""
        parts = self.installation
        runner = NoticeRunner(parts.settings, parts.database, parts.vault, self.client())
        process = WorkerProcess(parts.settings, parts.database, RunnersByKind({NOTIFY: runner}), {DELIVER_QUEUE: 4}, {})
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
