"""What a child process gives up before it reads a stranger's file.

Each layer holds by itself. Kernels and containers that lack one are told of, and the others go on: limits of memory
and CPU there are everywhere. On Linux, ctypes reaches what Python 3.11 does not offer; numbers are of its API, which
never change.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

# The names of all layers, in the order in which people are told of them.
LAYERS = ("memory", "cpu", "privileges", "parent", "network", "files")

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION = LANDLOCK_RULE_PATH_BENEATH = 1
# The rights over files that each version of Landlock knows, and from version 4 on those over TCP (bind and connect).
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
READ_RIGHTS = 1 << 2 | 1 << 3  # files, folders
TCP_RIGHTS = 0b11


@dataclass(frozen=True)
class Limits:
    """`memory` is of address space, in bytes; `cpu` in seconds."""

    memory: int
    cpu: int


def limit_resources(limits: Limits) -> Iterator[str]:
    """Bound memory and CPU, forbid files and core dumps, and step back behind everything else that runs here."""
    yield from _limit("memory", resource.RLIMIT_AS, limits.memory, limits.memory)
    yield from _limit("cpu", resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1)
    for kind, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 64)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    with suppress(OSError):
        os.nice(10)
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
    """Give up privileges and the network, and die with the process `parent`. Must run before there are threads."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        yield "privileges"
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0:
        yield "parent"
    if os.getppid() != parent:
        os._exit(1)  # it died while this process began
    # An empty network of its own: root may have one, others only together with a user namespace.
    if libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        yield "network"


def restrict_files(readable: Iterable[str]) -> Iterator[str]:
    """Give up TCP, and all files that are not open yet, but for reading those beneath the folders `readable`."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return
    rights = struct.pack("=Q", FILE_RIGHTS[max(known for known in FILE_RIGHTS if known <= version)])
    if version >= 4:
        rights += struct.pack("=Q", TCP_RIGHTS)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0)
    if rules < 0:
        return
    for path in readable:
        with suppress(OSError):
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            beneath = struct.pack("=Qi", READ_RIGHTS, folder)
            libc.syscall(LANDLOCK_ADD_RULE, ctypes.c_int(rules), LANDLOCK_RULE_PATH_BENEATH, beneath, 0)
            os.close(folder)
    if libc.syscall(LANDLOCK_RESTRICT_SELF, ctypes.c_int(rules), 0) == 0:
        yield "files"
    os.close(rules)
