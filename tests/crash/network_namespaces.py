"""A second machine: a network namespace with one link to the database and one to the platforms.

Links can be cut or silenced, so that packets vanish without an error, as in a broken network.
"""

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from clipcast.testing.harness import Stage

numbers = itertools.count()
Opener = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def can_make_machines() -> bool:
    """Return whether this machine allows namespaces: this needs Linux, root and iproute2."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    name = f"clipcast-try-{os.getpid()}"
    try:
        ip("netns", "add", name)
        ip("netns", "del", name)
    except subprocess.CalledProcessError:
        return False
    return True


@dataclass
class Link:
    """A network link. `near` is this machine's device, `address` is this machine's address on the link."""

    near: str
    address: str
    # Both devices, each with its namespace; "" is this machine's.
    ends: tuple[tuple[str, str], ...] = ()

    def cut(self) -> None:
        ip("link", "set", self.near, "down")

    def restore(self) -> None:
        ip("link", "set", self.near, "up")

    def silence(self) -> None:
        """Drop every packet in both directions without an error. The device stays up, so all routes remain."""
        for namespace, device in self.ends:
            run("tc", *(("-n", namespace) if namespace else ()), "qdisc", "replace", "dev", device, "root", "blackhole")

    def unsilence(self) -> None:
        for namespace, device in self.ends:
            run("tc", *(("-n", namespace) if namespace else ()), "qdisc", "del", "dev", device, "root")


@dataclass
class Machine:
    """A machine with its links and the environment of its workers."""

    namespace: str
    database: Link
    world: Link
    environ: dict[str, str]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run `clipcast worker` on that machine."""
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", self.namespace, sys.executable, "-m", "clipcast", "worker",
            env=self.environ, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def second_machine(stage: Stage) -> AsyncIterator[Machine]:
    """Yield a machine that shares the stage's database and storage, and reaches its sandbox."""
    number = next(numbers)
    namespace = f"clipcast-{os.getpid()}-{number}"
    # Of its own for each process of a test run, and most likely for each run.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    net = f"10.{200 + (os.getppid() + worker) % 50}.{number % 250}"
    address, settings = stage.installation.database.connector.address, stage.installation.settings
    async with AsyncExitStack() as stack:
        ip("netns", "add", namespace)
        stack.callback(ip, "netns", "del", namespace)
        database = _link(namespace, f"cd{os.getpid() % 10**6}n{number}", f"{net}.1", f"{net}.2")
        world = _link(namespace, f"cw{os.getpid() % 10**6}n{number}", f"{net}.5", f"{net}.6")
        socket = f"{address.hosts[0].name}/.s.PGSQL.5432"
        port = int(stage.sandbox.url.rpartition(":")[2])
        database_port = await stack.enter_async_context(
            _forwarded(database.address, lambda: asyncio.open_unix_connection(socket))
        )
        sandbox_port = await stack.enter_async_context(
            _forwarded(world.address, lambda: asyncio.open_connection("127.0.0.1", port))
        )
        database_url = f"{address.user}:{address.password}@{database.address}:{database_port}/{address.database}"
        environ = os.environ | {
            "CLIPCAST_DATA_DIR": str(settings.data_dir),
            "CLIPCAST_DATABASE_URL": f"postgresql://{database_url}",
            "CLIPCAST_SANDBOX_URL": f"http://{world.address}:{sandbox_port}",
            "CLIPCAST_PUBLIC_URL": settings.public_base,
            "CLIPCAST_SECRET_KEY": "k" * 32,
        }
        yield Machine(namespace, database, world, environ)


def _link(namespace: str, name: str, near_address: str, far_address: str) -> Link:
    near, far = f"{name}a", f"{name}b"
    ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", namespace)
    ip("addr", "add", f"{near_address}/30", "dev", near)
    ip("link", "set", near, "up")
    ip("-n", namespace, "addr", "add", f"{far_address}/30", "dev", far)
    ip("-n", namespace, "link", "set", far, "up")
    return Link(near, near_address, (("", near), (namespace, far)))


@asynccontextmanager
async def _forwarded(address: str, opened: Opener) -> AsyncIterator[int]:
    """Listen at this machine's end of a link, forward each connection, and yield the port."""
    carrying: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await opened()
        for pair in ((reader, other_writer), (other_reader, writer)):
            task = asyncio.create_task(carry(*pair))
            carrying.add(task)
            task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(accept, address, 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(carrying):
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
