"""Processes that are forked from one which has imported the modules of Clipcast, so that each starts at once."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Seconds; less than the limit of a test.
LONGEST = 150
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        "tests.forked",
        "tests.crash.processes",
        "clipcast.cli",
        "clipcast.installation",
        "clipcast.server.app",
        "clipcast.server.worker",
        "clipcast.jobs.engines.temporal.engine",
    ]
)


def run_command(*arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of Clipcast in a process of its own, with these variables and no others."""
    with tempfile.TemporaryDirectory() as folder:
        written = [str(Path(folder, name)) for name in ("out", "err")]
        process = context.Process(target=_run, args=(arguments, dict(environ), _umask(), written))
        process.start()
        process.join(LONGEST)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"clipcast {' '.join(arguments)} did not end within {LONGEST} s.")
        out, err = (Path(name).read_text() for name in written)
        return subprocess.CompletedProcess(["clipcast", *arguments], process.exitcode, out, err)


def _umask() -> int:
    os.umask(found := os.umask(0))
    return found


def _run(arguments: tuple[str, ...], environ: dict[str, str], umask: int, written: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    for number, name in enumerate(written, 1):  # standard output and error
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.umask(umask)
    sys.argv = ["clipcast", *arguments]
    from clipcast.__main__ import main

    main()
