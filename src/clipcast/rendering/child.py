"""The child process that reads media files: `python -I -m clipcast.rendering.child`.

A hostile file may crash or take over the process. It therefore has no secrets, network or privileges, no files but
those of its work folder, and limited memory and time. It sends `ready` with its layers of confinement, its progress,
and then the result of its one job.
"""

import os
import socket
import sys
import traceback
from typing import Any

from clipcast.rendering.channel import OUT_OF_MEMORY, Channel, SourceFile
from clipcast.rendering.confinement import Limits, drop_privileges, limit_resources, restrict_files
from clipcast.rendering.task import Task


def main() -> int:
    channel = Channel(socket.socket(fileno=sys.stdin.fileno()))
    job = channel.job()
    layers = [*limit_resources(Limits(**job["limits"])), *drop_privileges(job["parent"])]
    from clipcast.rendering.jobs import JOBS, load_libraries  # imported late, so that FFmpeg loads within the limits

    load_libraries(job["kind"])
    # Libraries import some of their parts later.
    layers += restrict_files([*filter(None, sys.path), *job["readable"]], job["writable"])
    channel.send({"ready": layers})
    sources = tuple(SourceFile(channel, number, size) for number, size in enumerate(job["sizes"]))
    try:
        task = Task(sources, job["arguments"], lambda share: channel.send({"progress": share}))
        channel.send({"result": JOBS[job["kind"]](task)})
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception:
        channel.send({"broken": traceback.format_exc()[-4000:]})
    return 0


if __name__ == "__main__":
    code: Any = main()
    sys.stdout.flush()
    # Skip the cleanup of FFmpeg and Python, which a hostile file may have corrupted.
    os._exit(code)
