"""The encoders of H.264 that an operator may choose, and the choice of one that works."""

from dataclasses import dataclass, replace
from pathlib import Path

from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children

SOFTWARE = "libx264"
# The libraries of drivers, which are loaded when an encoder starts, and what they ask the kernel.
LIBRARIES = ("/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/nvidia")
KERNEL = ("/sys", "/proc/devices", "/proc/driver/nvidia")
NVIDIA = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", *(f"nvidia{number}" for number in range(16)))
# Bytes of address space that drivers reserve, not memory.
RESERVED = 2**40


@dataclass(frozen=True)
class Encoder:
    """What an encoder needs beside memory: devices, files that it reads, and bytes of address space."""

    devices: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    reserved: int = 0

    def within(self, bounds: Bounds) -> Bounds:
        """Return the bounds of a job that uses this encoder."""
        return replace(bounds, reserved=self.reserved)


def _hardware(*devices: str) -> Encoder:
    return Encoder(tuple(map(Path, devices)), tuple(map(Path, (*LIBRARIES, *KERNEL))), RESERVED)


ENCODERS: dict[str, Encoder] = {
    SOFTWARE: Encoder(),
    "h264_nvenc": _hardware(*(f"/dev/{name}" for name in NVIDIA)),
    "h264_qsv": _hardware("/dev/dri"),
    "h264_videotoolbox": Encoder(),
}
BOUNDS = Bounds(memory=4096 * 1024 * 1024, cpu=60, seconds=60)


async def working_encoder(children: Children, wanted: str) -> str:
    """Return the encoder `wanted` if it encodes a few frames on this machine, else the one in software.

    Raise ChildUnavailable.
    """
    if wanted == SOFTWARE:
        return SOFTWARE  # a part of Clipcast's own packages
    needs = ENCODERS[wanted]
    job = ChildJob(
        "try_encoder", (), needs.within(BOUNDS), {"encoder": wanted}, readable=needs.readable, writable=needs.devices
    )
    try:
        outcome = await children.run_job(job)
    except ChildFailed:
        return SOFTWARE
    return wanted if outcome.result.get("works") is True else SOFTWARE
