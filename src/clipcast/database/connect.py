"""Open PostgreSQL connections, the same way for SQLAlchemy, for hot statements and for LISTEN."""

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

# What keeps from one host, and not from the next. A refused user or password is the same everywhere.
NEXT_HOST = (
    OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, asyncpg.ClientConfigurationError,
)  # fmt: skip
# How a pooler in front of PostgreSQL shares its connections; `auto` finds out.
POOLERS = ("auto", "none", "session", "transaction")


class DatabaseUnreachable(ConnectionError):
    """No host of the address lets a connection be opened; the message says why for each."""


class Connector:
    """Opens connections to the first host that accepts writes, beginning with the one that did last."""

    def __init__(self, address: DatabaseAddress, pooler: str = "auto") -> None:
        assert pooler in POOLERS
        self.address = address
        self._pooler = pooler
        self._last = 0
        self._detecting = asyncio.Lock()

    async def shares_sessions(self) -> bool:
        """Return whether consecutive transactions of a connection may run in different sessions of the server.

        That is what PgBouncer does in transaction mode. There, prepared statements, SET and LISTEN do not last.
        Asks the server, once, when the pooler is `auto`.
        """
        async with self._detecting:
            if self._pooler == "auto":
                connection = await self._open(True, {})
                try:
                    # PgBouncer, like other poolers, gives each client a made-up process id, for cancelling.
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

        `session` are settings of the server, which a pooler in transaction mode does not take. `command_timeout` is in
        seconds, for each statement; `pool` are the arguments that asyncpg's pool adds.

        Raises DatabaseUnreachable when no host can be reached or accepts writes, and PostgresError when one refuses
        the user, the password or the database.
        """
        shared = await self.shares_sessions()
        return await self._open(shared, {} if shared else session or {}, command_timeout=command_timeout, **pool)

    async def _open(self, shared: bool, session: dict[str, str], **options: Any) -> Any:
        address = self.address
        if shared:
            # asyncpg then sends each statement whole, without a name. SQLAlchemy may keep its own cache: what it holds
            # is sent whole, too.
            options["statement_cache_size"] = 0
        failures: list[str] = []
        for number in self._order():
            host = address.hosts[number]
            try:
                connection = await self._open_at(host, session, options)
            except TimeoutError:
                failures.append(f"{host} did not answer within {address.connect_timeout} s")
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
            # The certificates' files can be named in an address only; everything else is given here.
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
            # What the operator's own options set, stays.
            server_settings={
                **address.session,
                **{name: value for name, value in session.items() if name not in address.session.get("options", "")},
            },
            **address.kerberos,
            **options,
        )
        if not host.name.startswith("/"):
            _notice_silence(connection, address)
        return connection


def _system_tls(address: DatabaseAddress) -> ssl.SSLContext:
    """A context that trusts what this machine trusts, and checks the host's name."""
    context = ssl.create_default_context()
    if certificate := address.tls.get("sslcert"):
        context.load_cert_chain(certificate, address.tls.get("sslkey"), address.tls.get("sslpassword"))
    return context


def _notice_silence(connection: Any, address: DatabaseAddress) -> None:
    """Have the kernel end the connection within seconds when its other end is gone without a word.

    Without this, a host that lost its power or its network holds a statement for 15 minutes and longer.
    """
    # asyncpg has no option for its socket.
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
