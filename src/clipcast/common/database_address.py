"""PostgreSQL addresses, parsed once by libpq's rules for every connection of a process.

See "Connection Strings" and "Parameter Key Words" in the chapter on libpq of PostgreSQL's manual. Clipcast differs in
three rules, because it writes and must not hang: `connect_timeout` is 5 s by default, TCP keepalives start earlier,
and connections use only servers that accept writes.
"""

import configparser
import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

DEFAULT_PORT = 5432
# Addresses of a local server: the sockets of Debian's packages and of a build from source, and the loopback address.
LOCAL = ("/var/run/postgresql", "/tmp", "localhost")  # noqa: S108 - a socket's folder, Clipcast writes nothing there

TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# Parameters with a fixed set of values. Clipcast does not support libpq's other values.
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": TLS_VERSIONS,
    "ssl_max_protocol_version": TLS_VERSIONS,
    "target_session_attrs": ("any", "read-write", "primary"),
    "load_balance_hosts": ("disable", "random"),
    "keepalives": ("0", "1"),
    "gsslib": ("gssapi", "sspi"),
    "gssencmode": ("disable", "prefer"),
    "channel_binding": ("disable", "prefer"),
    "client_encoding": ("auto", "utf8", "UTF8", "UTF-8"),
    "sslcompression": ("0", "1"),
    "sslsni": ("0", "1"),
}
# Whole numbers with their minimum and maximum, in seconds (tcp_user_timeout: milliseconds).
NUMBERS = {
    "connect_timeout": (1, 600),
    "keepalives_idle": (0, 32_767),
    "keepalives_interval": (0, 32_767),
    "keepalives_count": (0, 127),
    "tcp_user_timeout": (0, 3_600_000),
}
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
TEXTS = (
    "host", "port", "dbname", "user", "password", "passfile", "service", "servicefile", "application_name",
    "fallback_application_name", "options", "sslpassword", "krbsrvname", *FILES,
)  # fmt: skip
KNOWN = (*CHOICES, *NUMBERS, *TEXTS)
TLS = ("sslmode", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "sslpassword", *FILES)
# Parameters of libpq or of other drivers that Clipcast does not support, with a fix.
UNSUPPORTED = {
    "hostaddr": "give the address as host",
    "replication": "leave it out",
    "requirepeer": "leave it out",
    "require_auth": "leave it out",
    "sslcertmode": "leave it out",
    "sslcrldir": "give one file as sslcrl",
    "prepared_statement_cache_size": "set CLIPCAST_DATABASE_POOLER=transaction for a pooler in transaction mode",
    "statement_cache_size": "set CLIPCAST_DATABASE_POOLER=transaction for a pooler in transaction mode",
    "pgbouncer": "set CLIPCAST_DATABASE_POOLER=transaction for a pooler in transaction mode",
}
ALIASES = {"database": "dbname"}
ENVIRONMENT = {
    "PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user", "PGPASSWORD": "password",
    "PGPASSFILE": "passfile", "PGSERVICE": "service", "PGSERVICEFILE": "servicefile", "PGOPTIONS": "options",
    "PGAPPNAME": "application_name", "PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert", "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey", "PGSSLCRL": "sslcrl", "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version", "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGCONNECT_TIMEOUT": "connect_timeout", "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts", "PGKRBSRVNAME": "krbsrvname", "PGGSSLIB": "gsslib",
}  # fmt: skip
ENCODE = "Percent-encode these characters in the user name, password and database name: : / ? # [ ] @ %"
URI = re.compile(r"^(?:postgresql|postgres)(?:\+\w+)?://", re.IGNORECASE)
# `name = value` or `name = 'quoted value'`, as in libpq's key word strings.
KEYWORD = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)", re.DOTALL)


class AddressError(ValueError):
    """An invalid database address. The message is one line without the password."""


@dataclass(frozen=True)
class Host:
    """A server: a host name, an IP address or the folder of its Unix socket."""

    name: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return self.name if self.name.startswith("/") else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class DatabaseAddress:
    """The address of a database. A connection tries `hosts` in order."""

    hosts: tuple[Host, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    passfile: str | None = None
    # In seconds, for each host.
    connect_timeout: int = 5
    # Whether connections skip a server that rejects writes (a standby, a demoted primary).
    needs_writes: bool = True
    load_balance: bool = False
    # TLS parameters by libpq's names.
    tls: Mapping[str, str] = field(default_factory=dict, repr=False)
    kerberos: Mapping[str, str] = field(default_factory=dict)
    # Settings of the session: application_name, options.
    session: Mapping[str, str] = field(default_factory=dict)
    # Keepalives, in seconds since the last received byte. 0 keeps the system's value.
    keepalives: bool = True
    keepalives_idle: int = 5
    keepalives_interval: int = 2
    keepalives_count: int = 3
    # Milliseconds for which sent data may remain unacknowledged.
    tcp_user_timeout: int = 10_000

    def __str__(self) -> str:
        return ", ".join(map(str, self.hosts))


def parse_address(text: str, environ: Mapping[str, str] = os.environ) -> DatabaseAddress:
    """Parse a URI (postgresql://...) or a keyword string (`host=... dbname=...`).

    Values that `text` omits come from its `service`, then from libpq's environment variables (PGUSER, ...).

    Raises AddressError with one line that names the parameter and the fix.
    """
    given = _checked_names(_from_uri(text) if URI.match(text) else _from_keywords(text))
    environment = {key: environ[name] for name, key in ENVIRONMENT.items() if environ.get(name)}
    if service := given.get("service") or environment.get("service"):
        path = given.get("servicefile") or environment.get("servicefile")
        given = _checked_names(_from_service(service, path, environ)) | given
    values = environment | given
    _check_values(values, environ)
    numbers = {name: int(values[name]) for name in NUMBERS if name in values}
    name = values.get("application_name") or values.get("fallback_application_name") or "clipcast"
    return DatabaseAddress(
        hosts=_hosts(values),
        user=values.get("user"),
        password=values.get("password"),
        database=values.get("dbname"),
        passfile=values.get("passfile"),
        needs_writes=values.get("target_session_attrs") != "any",
        load_balance=values.get("load_balance_hosts") == "random",
        tls={"sslmode": "prefer"} | {key: values[key] for key in TLS if key in values},
        kerberos={key: values[key] for key in ("krbsrvname", "gsslib") if key in values},
        session={"application_name": name} | {key: values[key] for key in ("options",) if key in values},
        keepalives=values.get("keepalives") != "0",
        **numbers,
    )


def _from_uri(text: str) -> dict[str, str]:
    rest = URI.sub("", text, count=1)
    credentials, at, after = rest.partition("@")
    values: dict[str, str] = {}
    if at and "/" not in credentials and "?" not in credentials:
        user, _, password = credentials.partition(":")
        values = {"user": _decoded(user, "user"), "password": _decoded(password, "password")}
        rest = after
    rest, _, query = rest.partition("?")
    hosts, _, database = rest.partition("/")
    if "@" in hosts or "@" in database:
        raise AddressError(f"there is more than one @. {ENCODE}")
    names, ports = [], []
    for one in hosts.split(","):
        match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([^:]*))?", one)
        if match is None:
            raise AddressError(f"a host is invalid. Write IPv6 addresses in brackets. {ENCODE}")
        names.append(_decoded(match[1].strip("[]"), "host"))
        ports.append(_decoded(match[2] or "", "port"))
    values |= {"host": ",".join(names), "port": ",".join(ports), "dbname": _decoded(database, "database")}
    values = {key: value for key, value in values.items() if value.strip(",")}
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise AddressError(f"the parameter {key!r} has no value. Write {key}=VALUE")
        key = _decoded(key, "parameter")
        if (key, value) == ("ssl", "true"):
            key, value = "sslmode", "require"
        key, value = ALIASES.get(key, key), _decoded(value, key)
        # SQLAlchemy repeats the parameter to name several hosts.
        repeated = key in ("host", "port") and f"&{key}=" in f"&{query}".partition(pair)[0]
        values[key] = f"{values[key]},{value}" if repeated else value
    return values


def _from_keywords(text: str) -> dict[str, str]:
    values, at = {}, 0
    while text[at:].strip():
        match = KEYWORD.match(text, at)
        if match is None:
            raise AddressError("give an address such as postgresql://user:password@host:5432/clipcast")
        value = match[2][1:-1] if match[2].startswith("'") else match[2]
        values[ALIASES.get(match[1], match[1])] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        at = match.end()
    if not values:
        raise AddressError("give an address such as postgresql://user:password@host:5432/clipcast")
    return values


def _from_service(service: str, path: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a service from the user's or the system's service file."""
    home = Path(environ.get("HOME") or "/")
    system = Path(environ.get("PGSYSCONFDIR") or "/etc/postgresql-common") / "pg_service.conf"
    files = [Path(path) if path else home / ".pg_service.conf", system]
    for file in files:
        parser = configparser.ConfigParser(
            interpolation=None, default_section="", delimiters=("=",), comment_prefixes=("#",)
        )
        try:
            parser.read_string(file.read_text())
        except FileNotFoundError:
            continue
        except (OSError, ValueError, configparser.Error) as error:
            reason = str(error).splitlines()[0]
            raise AddressError(f"cannot read the service file {file}: {reason}") from None
        if parser.has_section(service):
            return dict(parser[service])
    raise AddressError(f"there is no service {service!r} in {' or '.join(map(str, files))}")


def _checked_names(values: dict[str, str]) -> dict[str, str]:
    for key in values:
        if key in UNSUPPORTED:
            raise AddressError(f"Clipcast does not support the parameter {key}: {UNSUPPORTED[key]}")
        if key not in KNOWN:
            near = difflib.get_close_matches(key[:40], KNOWN, 1)
            hint = f"Did you mean {near[0]}?" if near else "See the connection parameters of libpq."
            raise AddressError(f"there is no connection parameter {key[:40]!r}. {hint}")
    return values


def _check_values(values: Mapping[str, str], environ: Mapping[str, str]) -> None:
    for key, value in values.items():
        if "\x00" in value:
            raise AddressError(f"{key} contains the character U+0000. Remove it")
        if key in CHOICES and value not in CHOICES[key]:
            raise AddressError(f"{key} is {value[:40]!r}. Clipcast supports: {', '.join(CHOICES[key])}")
        if key in NUMBERS:
            least, most = NUMBERS[key]
            if not re.fullmatch(r"\d{1,9}", value) or not least <= int(value) <= most:
                raise AddressError(f"{key} is {value[:40]!r}. Use a whole number from {least} to {most}")
        if key in FILES and value and not (key == "sslrootcert" and value == "system") and not _is_readable(value):
            raise AddressError(f"{key} is {value[:200]!r}. Clipcast's user cannot read this file, or it does not exist")
    if values.get("sslrootcert") == "system" and values.get("sslmode", "verify-full") != "verify-full":
        raise AddressError("sslrootcert=system needs sslmode=verify-full. Set it too")
    if values.get("sslmode") in ("verify-ca", "verify-full") and not values.get("sslrootcert"):
        root = Path(environ.get("HOME") or "/") / ".postgresql" / "root.crt"
        if not _is_readable(str(root)):
            raise AddressError(
                f"sslmode={values['sslmode']} needs a certificate authority. Set sslrootcert to its file, or to "
                "`system` for the authorities that this machine trusts"
            )


def _hosts(values: Mapping[str, str]) -> tuple[Host, ...]:
    names = [name or LOCAL[0] for name in values["host"].split(",")] if values.get("host") else list(LOCAL)
    ports = values.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        raise AddressError(f"there are {len(names)} hosts but {len(ports)} ports. Use one port, or one for each host")
    return tuple(_host(name, port) for name, port in zip(names, ports, strict=True))


def _host(name: str, port: str) -> Host:
    # SQLAlchemy and asyncpg accept `host=name:port`, libpq does not. An IPv6 address has more colons.
    if match := re.fullmatch(r"([^:/]+):(\d+)", name):
        name, port = match.groups()
    return Host(name, _port(port))


def _port(text: str) -> int:
    # The message omits the text: it can be part of a password that contains a / or a :.
    if text and not (re.fullmatch(r"\d{1,5}", text) and 1 <= int(text) <= 65_535):
        raise AddressError(f"a port is not a number from 1 to 65535. {ENCODE}")
    return int(text) if text else DEFAULT_PORT


def _decoded(text: str, part: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise AddressError(f"the {part} has a % without two hexadecimal digits after it. Write %25 for %")
    return unquote(text)


def _is_readable(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.R_OK)
