"""The embedded PostgreSQL: private, shared, and restarted."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from clipcast.common.database_address import parse_address
from clipcast.common.settings import load
from clipcast.database import embedded
from clipcast.database.embedded import EmbeddedServer, EmbeddedServerError
from clipcast.installation import open_installation

HOLD = """
import sys, time
from pathlib import Path
from clipcast.common.database_address import parse_address
from clipcast.database.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.acquire()
print(server.pid(), flush=True)
sys.stdin.read()
server.release()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start another process that holds the server; its first line is the server's process id."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def pid_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


async def works(server: EmbeddedServer) -> bool:
    url = server.acquire()
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_first_holder_starts_the_server_and_the_last_stops_it(data_dir: Path) -> None:
    first, second = EmbeddedServer(data_dir), EmbeddedServer(data_dir)
    first.acquire()
    second.acquire()
    pid = first.pid()
    assert pid is not None
    assert await works(first)
    first.release()
    assert second.pid() == pid
    second.release()
    assert not is_alive(pid)


async def test_processes_share_the_server_and_killed_ones_do_not_hold_it(data_dir: Path) -> None:
    other = holder(data_dir)
    pid = pid_of(other)
    server = EmbeddedServer(data_dir)
    server.acquire()
    assert server.pid() == pid
    other.kill()
    other.wait()
    assert await works(server)
    server.release()
    assert not is_alive(pid)


async def test_server_of_killed_processes_is_adopted(data_dir: Path) -> None:
    other = holder(data_dir)
    pid = pid_of(other)
    other.kill()
    other.wait()
    assert is_alive(pid)
    server = EmbeddedServer(data_dir)
    server.acquire()
    assert server.pid() == pid
    server.release()
    assert not is_alive(pid)


async def test_killed_server_is_restarted(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.acquire()
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server.pid() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    server.ensure_running()
    assert server.pid() not in (None, pid)
    assert await works(server)
    server.release()


async def test_long_data_directory_uses_a_short_socket_path(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / ("long" * 20) / ("path" * 20))
    try:
        assert await works(server)
    finally:
        server.release()


async def test_connection_without_the_password_is_rejected(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    url = server.acquire()
    try:
        wrong = url.replace(parse_address(url).password or "", "guessed")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
        for name in ("postgres.password", "postgres.lock"):
            assert (data_dir / name).stat().st_mode & 0o077 == 0
    finally:
        server.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_connection_of_another_local_user_is_rejected(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    url = server.acquire()
    try:
        nobody = pwd.getpwnam("nobody")
        psql = server.bin / "psql"
        tried = subprocess.run(
            [str(psql), "-h", parse_address(url).hosts[0].name, "-U", "clipcast", "-w", "-c", "SELECT 1", "postgres"],
            user=nobody.pw_uid, group=nobody.pw_gid, capture_output=True, text=True, cwd="/",
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert tried.returncode != 0
        read = subprocess.run(
            ["cat", str(data_dir / "postgres.password")], user=nobody.pw_uid, group=nobody.pw_gid, capture_output=True
        )
        assert read.returncode != 0
    finally:
        server.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that the server's user cannot reach")
def test_start_below_a_private_folder_fails_with_its_name_and_keeps_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match=f"{home} is private.*CLIPCAST_DATA_DIR"):
        EmbeddedServer(home / ".local" / "clipcast").acquire()
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
async def test_programs_in_a_private_folder_are_copied_for_the_servers_user(data_dir: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = EmbeddedServer(data_dir)
    package = server.bin.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    closed = home / package.name / server.bin.parent.name / "bin"
    server.bin = closed
    try:
        assert await works(server)
    finally:
        server.release()
    assert server.bin.is_relative_to(data_dir)
    assert home.stat().st_mode & 0o777 == 0o700
    again = EmbeddedServer(data_dir)
    again.bin = closed
    try:
        assert await works(again)
    finally:
        again.release()
    assert len(list((data_dir / "postgres").glob("programs-*"))) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act on another user's data")
@pytest.mark.parametrize(
    ("owner", "words"),
    [
        (pwd.getpwnam("nobody").pw_uid, "the user nobody. Run the command as that user: su nobody -s /bin/sh -c '...'"),
        (0, "the user root. Give "),
        (54_321, "the user 54321, whom this machine does not know. Give "),
    ],
)
async def test_root_changes_nothing_in_the_data_of_another_user(data_dir: Path, owner: int, words: str) -> None:
    (data_dir / "postgres" / "data").mkdir(parents=True, mode=0o700)
    (data_dir / "postgres" / "socket").mkdir(mode=0o700)
    for path in (data_dir, *data_dir.rglob("*")):
        path.chmod(0o700)
        os.chown(path, owner, owner)

    def facts() -> dict[Path, tuple[int, int, int]]:
        return {
            path: (status.st_uid, status.st_gid, status.st_mode)
            for path in (data_dir, *data_dir.rglob("*"))
            for status in [path.stat()]
        }

    before = facts()
    with pytest.raises(EmbeddedServerError, match=re.escape(words)):
        EmbeddedServer(data_dir).acquire()
    with pytest.raises(EmbeddedServerError, match=re.escape(words)):
        async with open_installation(load({}, data_dir=data_dir)):
            pass
    assert facts() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")
def test_two_installations_that_start_together_create_the_user_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = threading.Semaphore(1)
    overlaps: list[str] = []

    def slow(name: str) -> pwd.struct_passwd:
        if not inside.acquire(blocking=False):
            overlaps.append(name)
        time.sleep(0.1)
        inside.release()
        return pwd.getpwuid(0)

    monkeypatch.setattr(embedded, "ensure_user_exists", slow)
    servers = [EmbeddedServer(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(EmbeddedServer._become_ordinary, servers))
    assert not overlaps


def test_import_with_a_temporary_folder_without_sticky_bit_succeeds(tmp_path: Path) -> None:
    open_to_all = tmp_path / "tmp"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    environ = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", "import clipcast.database.embedded"],
        env=environ | {"TMPDIR": str(open_to_all)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
