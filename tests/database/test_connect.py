"""SQLAlchemy and hot statements: both connect to the primary, on any host."""

import asyncio
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from clipcast.common.unavailable import DatabaseUnavailable
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.testing.loop_time import move_loop_time
from tests.database.servers import PASSWORD, TcpServer, needs_pgbouncer, pgbouncer

PORT = Statement("SELECT inet_server_port() AS port, current_setting('application_name') AS name")
WRITE = Statement("INSERT INTO seen (port) SELECT inet_server_port() RETURNING port")


async def write_by_both(database: Database) -> set[int]:
    """Write a row with SQLAlchemy and with a hot statement; return the ports of the servers."""
    [hot] = await database.hot_pool.fetch(WRITE, {})
    async with database.begin() as session:
        port = (await session.execute(text(WRITE.named))).scalar_one()
    return {hot["port"], port}


async def until_both_write_to(database: Database, port: int) -> None:
    """Wait until both write to this server alone: the servers take some time to change their roles."""
    async with asyncio.timeout(30):
        while True:
            with suppress(DatabaseUnavailable):
                if await write_by_both(database) == {port}:
                    return
            await asyncio.sleep(0.1)


async def test_sqlalchemy_and_hot_statements_follow_the_primary_after_a_failover(
    primary: TcpServer, folder: Path
) -> None:
    standby = await primary.standby(folder / "standby")
    try:
        database = Database(f"postgresql://clipcast:{PASSWORD}@{standby.host},{primary.host}/postgres")
        async with database.maintain() as connection:
            await connection.execute(text("CREATE TABLE seen (port int)"))
        # The first host is the standby, which takes no writes.
        assert await write_by_both(database) == {primary.port}
        await primary.stop()
        with pytest.raises(DatabaseUnavailable):
            await write_by_both(database)
        await standby.promote()
        await until_both_write_to(database, standby.port)
        notifications = await database.connect_for_notifications()
        assert await notifications.fetchval("SELECT inet_server_port()") == standby.port
        await notifications.close()
        await database.close()
        # Once more in the other form, and to a host that is gone.
        both = f"host=127.0.0.1,127.0.0.1&port={primary.port},{standby.port}"
        database = Database(f"postgresql://clipcast:{PASSWORD}@/postgres?{both}")
        assert await write_by_both(database) == {standby.port}
        await database.close()
    finally:
        await standby.stop()
        await primary.start()


async def test_connections_to_a_demoted_primary_are_replaced(primary: TcpServer, folder: Path) -> None:
    standby = await primary.standby(folder / "standby")
    try:
        database = Database(f"postgresql://clipcast:{PASSWORD}@{primary.host},{standby.host}/postgres")
        async with database.maintain() as connection:
            await connection.execute(text("CREATE TABLE seen (port int)"))
        await write_by_both(database)
        await standby.promote()
        # The old primary goes on but refuses writes, as one that is fenced does. New connections and old ones feel it.
        async with database.connect() as connection:
            await connection.execute(text("COMMIT"))
            await connection.execute(text("ALTER SYSTEM SET default_transaction_read_only = on"))
            await connection.execute(text("SELECT pg_reload_conf()"))
        await until_both_write_to(database, standby.port)
        await database.close()
    finally:
        await standby.stop()


async def test_address_of_standbys_alone_is_unavailable_and_names_them(primary: TcpServer, folder: Path) -> None:
    standby = await primary.standby(folder / "standby")
    nobody = 1
    try:
        url = f"postgresql://clipcast:{PASSWORD}@{standby.host},127.0.0.1:{nobody}/postgres"
        database = Database(url)
        with pytest.raises(DatabaseUnavailable) as caught:
            await database.hot_pool.fetch(PORT, {})
        assert f"127.0.0.1:{standby.port} accepts no writes (it is a standby); 127.0.0.1:{nobody}" in str(caught.value)
        await database.close()
        reading = Database(f"{url}?target_session_attrs=any&application_name=reader")
        [row] = await reading.hot_pool.fetch(PORT, {})
        assert tuple(row) == (standby.port, "reader")
        await reading.close()
    finally:
        await standby.stop()


async def test_wrong_password_does_not_try_the_next_host(primary: TcpServer) -> None:
    database = Database(
        primary.url.replace(PASSWORD, "guessed").replace(primary.host, f"{primary.host},{primary.host}")
    )
    with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
        await database.hot_pool.fetch(PORT, {})
    with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
        async with database.connect():
            pass
    await database.close()


async def test_silent_first_host_costs_one_connect_timeout(primary: TcpServer) -> None:
    connections = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        move_loop_time(30)
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    url = (
        f"postgresql://clipcast:{PASSWORD}@127.0.0.1:{port},{primary.host}/postgres?connect_timeout=30&sslmode=disable"
    )
    database = Database(url)
    for _ in range(3):
        [row] = await database.hot_pool.fetch(PORT, {})
        assert row["port"] == primary.port
        async with database.connect() as connection:
            await connection.execute(text("SELECT 1"))
    assert connections == 1
    await database.close()
    silent.close()


async def test_sessions_have_server_timeouts(primary: TcpServer) -> None:
    shown = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    wanted = ", ".join(f"current_setting('{name}') AS {name}" for name in shown)
    database = Database(primary.url)
    [hot] = await database.hot_pool.fetch(Statement(f"SELECT {wanted}"), {})
    assert tuple(hot) == ("10s", "3s", "15s")
    async with database.connect() as connection:
        assert tuple((await connection.execute(text(f"SELECT {wanted}"))).one()) == ("30s", "10s", "15s")
    async with database.maintain() as connection:
        assert tuple((await connection.execute(text(f"SELECT {wanted}"))).one()) == ("0", "0", "0")
    await database.close()
    own = Database(f"{primary.url}?options=-c%20statement_timeout%3D4s")
    [hot] = await own.hot_pool.fetch(Statement(f"SELECT {wanted}"), {})
    assert tuple(hot) == ("4s", "3s", "15s")
    await own.close()


async def test_statement_that_times_out_closes_its_connection(primary: TcpServer) -> None:
    database = Database(primary.url, hot_pool_size=1)
    which = Statement("SELECT pg_backend_pid() AS pid")
    [before] = await database.hot_pool.fetch(which, {})
    with pytest.raises(DatabaseUnavailable):
        await database.hot_pool.fetch(Statement("SELECT pg_sleep(30)", timeout=0.2), {})
    [after] = await asyncio.wait_for(database.hot_pool.fetch(which, {}), 60)
    assert after["pid"] != before["pid"]
    with pytest.raises(DatabaseUnavailable):
        async with database.hot_pool.transaction() as transaction:
            await transaction.fetch(Statement("SELECT pg_sleep(30)", timeout=0.2), {})
    await database.hot_pool.fetch(which, {})
    await database.close()


@needs_pgbouncer
@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed (Debian: apt install openssl)")
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_tls_is_used_and_verified(primary: TcpServer, folder: Path, mode: str) -> None:
    """Connect through PgBouncer, which supports TLS; the embedded server does not."""
    key, certificate = folder / "server.key", folder / "server.crt"
    name = "localhost" if mode == "verify-full" else "elsewhere.invalid"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName=DNS:{name}"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o644)
    folder.chmod(0o755)
    tls = {"client_tls_sslmode": "require", "client_tls_key_file": str(key), "client_tls_cert_file": str(certificate)}
    async with pgbouncer(folder / "pgbouncer", primary.port, tls=tls) as port:
        url = f"postgresql://clipcast:{PASSWORD}@localhost:{port}/postgres?sslmode={mode}"
        database = Database(url if mode == "require" else f"{url}&sslrootcert={certificate}")
        assert (await database.hot_pool.fetch(PORT, {}))[0]["name"] == "clipcast"
        async with database.connect() as connection:
            await connection.execute(text("SELECT 1"))
        await database.close()
        plain = Database(url.replace(mode, "disable"))
        with pytest.raises(DatabaseUnavailable):
            await plain.hot_pool.fetch(PORT, {})
        await plain.close()
        if mode == "verify-ca":
            strict = Database(f"{url}&sslrootcert={certificate}".replace(mode, "verify-full"))
            with pytest.raises(DatabaseUnavailable, match="Hostname mismatch"):
                await strict.hot_pool.fetch(PORT, {})
            await strict.close()
