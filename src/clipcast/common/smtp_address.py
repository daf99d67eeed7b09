"""The value of CLIPCAST_SMTP_URL: the server that sends e-mail, and how Clipcast signs in there."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote

EXAMPLE = "smtp://user:password@mail.example.org:587?tls=starttls"
ADDRESS = re.compile(
    r"(?P<scheme>smtps?)://(?:(?P<user>[^:@/?#\s]*)(?::(?P<password>[^@/?#\s]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?/?(?:\?(?P<query>[^#\s]*))?"
)
# The usual port of each kind of connection.
PORTS = {"starttls": 587, "implicit": 465, "none": 25}
# The values of `tls` by scheme, the default first.
MODES = {"smtp": ("starttls", "none"), "smtps": ("implicit",)}


class SmtpAddressError(ValueError):
    """An invalid address. The message is one line with the fix, and shows no part of the address."""


@dataclass(frozen=True)
class SmtpAddress:
    """A mail server. `tls` is `starttls`, `implicit` (from the first byte) or `none`."""

    host: str
    port: int
    tls: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_smtp(text: str) -> SmtpAddress:
    """Parse `smtp://user:password@host:587?tls=starttls` or `smtps://...`. Raise SmtpAddressError."""
    match = ADDRESS.fullmatch(text.strip())
    if match is None:
        raise SmtpAddressError(
            f"give an address such as {EXAMPLE}. In the user name and the password, write @ as %40, : as %3A, / as %2F"
        )
    query = dict(parse_qsl(match["query"] or "", keep_blank_values=True))
    if set(query) - {"tls"}:
        raise SmtpAddressError("the address has an unknown parameter. The only one is tls")
    modes = MODES[match["scheme"]]
    tls = query.get("tls", modes[0])
    if tls not in modes:
        raise SmtpAddressError(
            "write tls=starttls or tls=none" if match["scheme"] == "smtp" else "remove tls: smtps always uses TLS"
        )
    port = int(match["port"]) if match["port"] else PORTS[tls]
    if not 1 <= port <= 65_535:
        raise SmtpAddressError("the port must be a number from 1 to 65535")
    host = match["host"].strip("[]")
    username, password = (unquote(part) if part is not None else None for part in (match["user"], match["password"]))
    if tls == "none" and password and not _is_this_machine(host):
        raise SmtpAddressError("tls=none would send the password unencrypted. Use tls=starttls or smtps")
    return SmtpAddress(host, port, tls, username or None, password)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
