"""Connections to PostgreSQL, opened in the same way for SQLAlchemy, for hot statements and for LISTEN."""

import asyncio
import random
import socket
import ssl
from typing import Any
from urllib.parse import urlencode

import asyncpg
import structlog

from clipcast.common.database_address import DatabaseAddress, Host

log = structlog.get_logger()

# Errors after which the next host is tried. A rejected user or password would be rejected by every host.
NEXT_HOST = (
    OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, asyncpg.ClientConfigurationError,
)  # fmt: skip
# How a pooler in front of PostgreSQL shares its connections; `auto` detects it.
POOLERS = ("auto", "none", "session", "transaction")


class DatabaseUnreachable(ConnectionError):
    """No host of the address accepts a connection. The message holds each host's reason."""


class Connector:
    """An opener of connections to the first host that accepts writes. It starts with the last used host."""

    def __init__(self, address: DatabaseAddress, pooler: str = "auto") -> None:
        assert pooler in POOLERS
        self.address = address
        self._pooler = pooler
        self._last = 0
        self._detecting = asyncio.Lock()

    async def shares_sessions(self) -> bool:
        """Return whether consecutive transactions of a connection may run in different sessions of the server.

        PgBouncer's transaction mode does this. Prepared statements, SET and LISTEN do not last there. With `auto`, the
        first call detects the mode by asking the server.
        """
        async with self._detecting:
            if self._pooler == "auto":
                connection = await self._open(True, {})
                try:
                    # PgBouncer and other poolers give each client an invented process id, for cancel requests.
                    direct = await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
                finally:
                    connection.terminate()
                self._pooler = "none" if direct else "transaction"
                if not direct:
                    log.info("pooler_found", assumed="transaction mode")
        return self._pooler == "transaction"

    async def connect(
        self,
        *,
        session: dict[str, str] | None = None,
        command_timeout: float | None = None,
        **pool: Any,
    ) -> Any:
        """Open a connection.

        `session` holds settings of the server, which a pooler in transaction mode rejects. `command_timeout` is the
        limit of each statement in seconds; `pool` holds the arguments that asyncpg's pool adds.

        Raise DatabaseUnreachable if no host is reachable and accepts writes. Raise PostgresError if a host rejects the
        user, the password or the database.
        """
        shared = await self.shares_sessions()
        return await self._open(shared, {} if shared else session or {}, command_timeout=command_timeout, **pool)

    async def _open(self, shared: bool, session: dict[str, str], **options: Any) -> Any:
        address = self.address
        if shared:
            # asyncpg then sends each statement unprepared. SQLAlchemy may keep its own cache: its statements are sent
            # unprepared, too.
            options["statement_cache_size"] = 0
        failures: list[str] = []
        for number in self._order():
            host = address.hosts[number]
            try:
                connection = await self._open_at(host, session, options)
            except TimeoutError:
                failures.append(f"{host} did not respond within {address.connect_timeout} s")
            except asyncpg.TargetServerAttributeNotMatched:
                failures.append(f"{host} accepts no writes (it is a standby)")
            except NEXT_HOST as error:
                failures.append(f"{host}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            else:
                self._last = number
                return connection
        raise DatabaseUnreachable("; ".join(failures))

    def _order(self) -> list[int]:
        every = list(range(len(self.address.hosts)))
        if self.address.load_balance:
            random.shuffle(every)
            return every
        return [self._last, *(number for number in every if number != self._last)]

    async def _open_at(self, host: Host, session: dict[str, str], options: dict[str, Any]) -> Any:
        address = self.address
        connection = await asyncpg.connect(
            # asyncpg accepts the certificates' files in a URL only; all other parts are arguments.
            "postgresql://?" + urlencode({key: value for key, value in address.tls.items() if value != "system"}),
            ssl=_system_tls(address) if address.tls.get("sslrootcert") == "system" else None,
            host=host.name,
            port=host.port,
            user=address.user,
            password=address.password,
            database=address.database,
            passfile=address.passfile,
            timeout=address.connect_timeout,
            target_session_attrs="read-write" if address.needs_writes else "any",
            # The settings of the operator's URL take precedence.
            server_settings={
                **address.session,
                **{name: value for name, value in session.items() if name not in address.session.get("options", "")},
            },
            **address.kerberos,
            **options,
        )
        if not host.name.startswith("/"):
            _set_keepalives(connection, address)
        return connection


def _system_tls(address: DatabaseAddress) -> ssl.SSLContext:
    """Return a TLS context with this machine's certificate authorities that checks the host's name."""
    context = ssl.create_default_context()
    if certificate := address.tls.get("sslcert"):
        context.load_cert_chain(certificate, address.tls.get("sslkey"), address.tls.get("sslpassword"))
    return context


def _set_keepalives(connection: Any, address: DatabaseAddress) -> None:
    """Have the kernel close the connection within seconds if its other end disappears.

    Without this, a host that lost power or network blocks a statement for 15 minutes or longer.
    """
    # asyncpg has no option for the settings of its socket.
    its_socket = connection._transport.get_extra_info("socket")
    values = {
        (socket.SOL_SOCKET, "SO_KEEPALIVE"): int(address.keepalives),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): address.keepalives_idle,
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): address.keepalives_interval,
        (socket.IPPROTO_TCP, "TCP_KEEPCNT"): address.keepalives_count,
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): address.tcp_user_timeout,
    }
    for (level, name), value in values.items():
        if value and (option := getattr(socket, name, None)) is not None:
            its_socket.setsockopt(level, option, value)
