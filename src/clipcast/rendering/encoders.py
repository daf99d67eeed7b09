"""The encoders of H.264 that an operator may choose, and the choice of one that works."""

from pathlib import Path

from clipcast.rendering.children import Bounds, ChildFailed, ChildJob, Children

SOFTWARE = "libx264"
# By encoder: the devices that it needs.
DEVICES: dict[str, tuple[Path, ...]] = {
    SOFTWARE: (),
    "h264_nvenc": tuple(map(Path, ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidia-modeset"))),
    "h264_qsv": (Path("/dev/dri"),),
    "h264_videotoolbox": (),
}
BOUNDS = Bounds(memory=4096 * 1024 * 1024, cpu=60, seconds=60)


async def working_encoder(children: Children, wanted: str) -> str:
    """Return the encoder `wanted` if it encodes a few frames on this machine, else the one in software.

    Raise ChildUnavailable.
    """
    if wanted == SOFTWARE:
        return SOFTWARE  # a part of Clipcast's own packages
    job = ChildJob("try_encoder", (), BOUNDS, {"encoder": wanted}, writable=DEVICES[wanted])
    try:
        outcome = await children.run_job(job)
    except ChildFailed:
        return SOFTWARE
    return wanted if outcome.result.get("works") is True else SOFTWARE
