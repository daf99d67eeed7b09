"""The child process in which media files are read: `python -I -m clipcast.rendering.child`.

What it reads may be made to crash it or to take it over, so it has no secret, no file, no network and no privilege,
and little memory and time. It says `ready`, with the layers that hold it, and then the result of its one job.
"""

import os
import socket
import sys
import traceback
from typing import Any

from clipcast.rendering.channel import OUT_OF_MEMORY, Channel, SourceFile
from clipcast.rendering.confinement import Limits, drop_privileges, limit_resources, restrict_files


def main() -> int:
    channel = Channel(socket.socket(fileno=sys.stdin.fileno()))
    job = channel.job()
    layers = [*limit_resources(Limits(**job["limits"])), *drop_privileges(job["parent"])]
    from clipcast.rendering.jobs import JOBS  # only now: FFmpeg is loaded within the limits

    layers += restrict_files(path for path in sys.path if path)  # parts of libraries are imported when they are needed
    channel.send({"ready": layers})
    try:
        channel.send({"result": JOBS[job["kind"]](SourceFile(channel, job["size"]), job)})
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception:
        channel.send({"broken": traceback.format_exc()[-4000:]})
    return 0


if __name__ == "__main__":
    code: Any = main()
    sys.stdout.flush()
    # Not by way of FFmpeg's and Python's own ends, which a hostile file may have spoilt.
    os._exit(code)
