"""PostgreSQL servers and poolers for tests, reached over TCP."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from clipcast.database.embedded import SYSTEM_USER, EmbeddedServer, ensure_user_exists
from clipcast.testing.harness import free_port

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(not PGBOUNCER, reason="pgbouncer is not installed (Debian: apt install pgbouncer)")
PASSWORD = "not-a-secret"


def private_folder(path: Path) -> dict[str, Any]:
    """Make a folder for a server; what `subprocess` needs to run as the folder's owner, since servers refuse root."""
    path.mkdir()
    path.chmod(0o700)
    if os.geteuid():
        return {}
    ensure_user_exists(SYSTEM_USER)
    shutil.chown(path, SYSTEM_USER)
    return {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []}


@dataclass
class TcpServer:
    """A server of the wheel that listens at a port of the loopback address. Nothing of it is synced to disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    identity: dict[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgresql://clipcast:{PASSWORD}@{self.host}/postgres"

    async def run(self, program: str, *arguments: str) -> None:
        binary = EmbeddedServer(self.folder).bin / program
        log = self.folder / "log"
        process = await asyncio.create_subprocess_exec(
            str(binary), *arguments, cwd="/", start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=log.open("a"), stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C.UTF-8", "PGPASSWORD": PASSWORD}, **self.identity,
        )  # fmt: skip
        assert await process.wait() == 0, log.read_text()[-3000:]

    async def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        await self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/server.log", "-o", options, "start")

    async def stop(self, mode: str = "immediate") -> None:
        await self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "stop")

    async def promote(self) -> None:
        await self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "promote")

    async def standby(self, folder: Path) -> "TcpServer":
        """Start a standby of this server."""
        other = TcpServer(folder, identity=private_folder(folder))
        source = f"host=127.0.0.1 port={self.port} user=clipcast password={PASSWORD}"
        await other.run("pg_basebackup", "-D", f"{folder}/data", "-d", source, "-R", "-c", "fast", "--no-sync")
        await other.start()
        return other


async def new_server(folder: Path) -> TcpServer:
    server = TcpServer(folder, identity=private_folder(folder))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    await server.run(
        "initdb", "-D", f"{folder}/data", "-U", "clipcast", f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8",
        "--auth=scram-sha-256", "--no-sync",
    )  # fmt: skip
    await server.start()
    return server


@asynccontextmanager
async def pgbouncer(
    folder: Path, port_of_server: int, *, size: int = 3, tls: dict[str, str] | None = None
) -> AsyncIterator[int]:
    """Run PgBouncer in transaction mode, with `size` connections to a `TcpServer`, and yield its port."""
    assert PGBOUNCER
    identity, port = private_folder(folder), free_port()
    users = folder / "users.txt"
    users.write_text(f'"clipcast" "{PASSWORD}"\n')
    settings = {
        "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "", "auth_type": "scram-sha-256",
        "auth_file": users, "pool_mode": "transaction", "default_pool_size": size, "max_client_conn": 300,
    } | (tls or {})  # fmt: skip
    lines = ["[databases]", f"* = host=127.0.0.1 port={port_of_server}", "[pgbouncer]"]
    config = folder / "pgbouncer.ini"
    config.write_text("\n".join([*lines, *(f"{key} = {value}" for key, value in settings.items())]) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)
        if identity:
            shutil.chown(file, SYSTEM_USER)
    log = folder / "log"
    process = await asyncio.create_subprocess_exec(
        PGBOUNCER, str(config), stdout=log.open("w"), stderr=subprocess.STDOUT, **identity
    )
    try:
        await until_connects(f"postgresql://clipcast:{PASSWORD}@127.0.0.1:{port}/postgres", log)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def until_connects(url: str, log: Path) -> None:
    for _ in range(1200):
        try:
            connection = await asyncpg.connect(url, statement_cache_size=0)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            connection.terminate()
            return
    raise AssertionError(log.read_text())
