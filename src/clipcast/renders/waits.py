"""What the jobs of a renderer show while they wait. `work` is what waits, such as "conversion"."""

from clipcast.platforms.errors import InternalError, TransientError


def storage_away(work: str) -> TransientError:
    """Return the error of a job whose storage does not respond."""
    return TransientError(
        "storage_unavailable", f"The storage does not respond now. The {work} continues when it does.",
        actor="operator", fix=f"Check the storage: run `clipcast doctor`. The {work} needs nothing else.",
    )  # fmt: skip


def no_child(work: str) -> InternalError:
    """Return the error of a job for which no child process can be started."""
    return InternalError(
        "media_unavailable", f"Clipcast cannot start a process for this {work} now. It tries again.",
        fix="Check that Clipcast may start processes, and the free memory: run `clipcast doctor`.",
    )  # fmt: skip
