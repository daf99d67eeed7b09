"""The command `clipcast`, and `python -m clipcast`."""

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line. Ctrl-C before a command begins ends it with a word and the exit code 130."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    from clipcast.cli import app

    # The application calls `obj` when a command begins.
    app(obj=_begin)


def _begin() -> None:
    """Leave Ctrl-C to the command, which ends what it has begun."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(number: int, frame: FrameType | None) -> None:
    # Nothing has begun. An exception would be one of a module that is half imported.
    os.write(2, b"Stopped.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
