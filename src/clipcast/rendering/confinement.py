"""The confinement of a child process before it reads an uploaded file.

The layers are independent. If a kernel or container lacks one, Clipcast reports it and uses the others; limits of
memory and CPU exist everywhere. Python 3.11 has no functions for some of Linux's calls: these use ctypes and the
numbers of the kernel's API, which never change.
"""

import ctypes
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

# The names of all layers, in the order of `clipcast doctor`.
LAYERS = ("memory", "cpu", "privileges", "parent", "network", "files")

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION = LANDLOCK_RULE_PATH_BENEATH = 1
# The file rights of each version of Landlock, and the TCP rights (bind and connect) of versions 4 and later.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
READ_RIGHTS = 1 << 2 | 1 << 3  # files, folders
# To write, remove, create and truncate files, and to control devices.
WRITE_RIGHTS = READ_RIGHTS | 1 << 1 | 1 << 5 | 1 << 8 | 1 << 14 | 1 << 15
# Those that a file or a device has by itself. A rule with others would be refused.
RIGHTS_OF_A_FILE = 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
TCP_RIGHTS = 0b11

# The most open files.
FILES, FILES_OF_DRIVERS = 64, 256


@dataclass(frozen=True)
class Limits:
    """The limits of a process.

    `memory` is in bytes, `cpu` is in seconds, `written` is the size of each file in bytes. `reserved` bytes of address
    space may be reserved beside the memory: drivers do that, and open many devices.
    """

    memory: int
    cpu: int
    written: int = 0
    reserved: int = 0


def limit_resources(limits: Limits) -> Iterator[str]:
    """Limit memory, CPU and files, forbid core dumps, and lower the priority below all other processes."""
    space = limits.memory + limits.reserved
    yield from _limit("memory", resource.RLIMIT_AS, space, space)
    yield from _limit("cpu", resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1)
    files = FILES_OF_DRIVERS if limits.reserved else FILES
    rest = [(resource.RLIMIT_FSIZE, limits.written), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, files)]
    if limits.reserved:
        rest.append((resource.RLIMIT_DATA, limits.memory))
    for kind, most in rest:
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    with suppress(OSError):
        os.nice(10)
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            # A thread that wakes up does not preempt other processes, such as a worker that begins a post.
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def _limit(name: str, kind: int, soft: int, hard: int) -> Iterator[str]:
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, hard))
        yield name


def drop_privileges(parent: int) -> Iterator[str]:
    """Drop privileges and the network, and end with the process `parent`. Call it before threads start."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        yield "privileges"
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0:
        yield "parent"
    if os.getppid() != parent:
        os._exit(1)  # the parent died while this process started
    # An empty network namespace. Root may create one; others need a user namespace with it.
    if libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        yield "network"


def restrict_files(readable: Iterable[str], writable: Iterable[str] = ()) -> Iterator[str]:
    """Forbid TCP and the opening of files, except these files and devices, and those beneath these folders."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return
    handled = FILE_RIGHTS[max(supported for supported in FILE_RIGHTS if supported <= version)]
    rights = struct.pack("=Q", handled)
    if version >= 4:
        rights += struct.pack("=Q", TCP_RIGHTS)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0)
    if rules < 0:
        return
    allowed = [*((path, READ_RIGHTS) for path in readable), *((path, WRITE_RIGHTS) for path in writable)]
    for path, allowed_rights in allowed:
        with suppress(OSError):
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not stat.S_ISDIR(os.fstat(opened).st_mode):
                allowed_rights &= RIGHTS_OF_A_FILE
            beneath = struct.pack("=Qi", allowed_rights & handled, opened)
            libc.syscall(LANDLOCK_ADD_RULE, ctypes.c_int(rules), LANDLOCK_RULE_PATH_BENEATH, beneath, 0)
            os.close(opened)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), 0) == 0:
        yield "files"
    os.close(rules)
