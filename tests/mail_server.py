"""A mail server on a real socket."""

import asyncio
import email
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope


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
