"""E-mail by SMTP."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiosmtplib

from clipcast.common.settings import SENDER_ADDRESS, Settings
from clipcast.common.smtp_address import SmtpAddress
from clipcast.common.storable import storable
from clipcast.notices.digest import NAME_MAX, Message, one_line
from clipcast.notices.outcome import Delayed, Refused
from clipcast.platforms.names import LOOKUPS

# Seconds for the connection, and for each command.
TIMEOUT = 20.0
# Codes with which a server rejects its client, not the message: sign-in needed or wrong, and too weak encryption.
OF_CLIENT = (530, 534, 535, 538)
REASON_MAX = 200


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header in ASCII that is neither folded nor encoded, whatever its length."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


# Mail programs read the address of an unsubscription and the id as they stand (RFC 8058, 2; RFC 5322, 3.6.4).
HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", _OneLine)
HEADERS.map_to_type("message-id", _OneLine)
POLICY = SMTP.clone(header_factory=HEADERS)


def write_mail(message: Message, to: str, name: str, settings: Settings, now: datetime) -> EmailMessage:
    """Return the e-mail of a message. Its Message-ID is the same at each repetition.

    Raise Refused for an address that an e-mail cannot have.
    """
    mail = EmailMessage(policy=POLICY)
    mail["To"] = Address(one_line(name, NAME_MAX), addr_spec=_mailable(to))
    mail["From"] = str(settings.mail_from)
    mail["Subject"] = message.subject
    mail["Date"] = now
    mail["Message-ID"] = f"<{message.id}@{_own_name(settings)}>"
    # No out-of-office replies.
    mail["Auto-Submitted"] = "auto-generated"
    if message.unsubscribe:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail


def _mailable(address: str) -> str:
    """Return an address in ASCII. Raise Refused if no header can hold it: sign-in accepts more than that."""
    local, _, domain = address.rpartition("@")
    with suppress(UnicodeError):
        found = f"{local}@{domain.encode('idna').decode()}"
        if re.fullmatch(SENDER_ADDRESS, found) and ".." not in f".{local}.":
            return found
    raise Refused("Mail servers do not accept this e-mail address.")


async def send_mail(mail: EmailMessage, settings: Settings) -> None:
    """Send an e-mail. Raise Refused if the server will never accept it, Delayed if it may accept it later."""
    sender, recipient = (mail[name].addresses[0].addr_spec for name in ("From", "To"))
    async with _connected(settings) as client:
        try:
            await client.send_message(mail, sender=sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _failure(error.recipients[0]) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _failure(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Delayed(f"The mail server ends the connection ({type(error).__name__}).") from error


async def check_server(settings: Settings) -> None:
    """Connect to the mail server and sign in. Raise Delayed."""
    async with _connected(settings):
        pass


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect, encrypt and sign in as the address says. Raise Delayed."""
    server = settings.smtp
    assert server is not None
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password if server.username else None,
        local_hostname=_own_name(settings),
        timeout=TIMEOUT,
        use_tls=server.tls == "implicit",
        start_tls=server.tls == "starttls",
        tls_context=_tls() if server.tls != "none" else None,
    )
    try:
        # First in threads for such hosts: aiosmtplib takes the event loop's few threads.
        await LOOKUPS.addresses(server.host)
        await client.connect()
    except aiosmtplib.SMTPResponseException as error:
        raise Delayed(f"The mail server {server} rejects Clipcast: {_quoted(error)}.") from error
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        raise Delayed(_unreachable(server, error)) from error
    try:
        yield client
    finally:
        client.close()


def _unreachable(server: SmtpAddress, error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The certificate of the mail server {server} is not valid for it: {cause.verify_message}."
    return f"The mail server {server} cannot be reached ({type(cause).__name__})."


def _failure(error: aiosmtplib.SMTPResponseException) -> Refused | Delayed:
    """Return the error of a response. A 5xx code is final (RFC 5321, 4.2.1), unless it concerns the sign-in."""
    reason = f"The mail server responds: {_quoted(error)}."
    return Refused(reason) if 500 <= error.code < 600 and error.code not in OF_CLIENT else Delayed(reason)


def _quoted(error: aiosmtplib.SMTPResponseException) -> str:
    words = " ".join(str(error.message).split())
    return storable(f"{error.code} {words}", REASON_MAX).rstrip(".")


def _own_name(settings: Settings) -> str:
    """Return the name of this installation for mail servers: the host of the public URL."""
    host = urlsplit(settings.public_base).hostname or "localhost"
    try:
        ip = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{ip}]" if ip.version == 6 else f"[{ip}]"


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
