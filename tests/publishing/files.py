"""Clips that platforms do not accept as they are, and posts of them."""

from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import av
from sqlalchemy import select, update

from clipcast.clips.sample import _source
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.testing.harness import Stage


def in_mov(clip: Path) -> Path:
    """Copy the streams of a clip into a QuickTime file, which LinkedIn does not accept."""
    path = clip.with_suffix(".mov")
    if not path.exists():
        with av.open(clip) as source, av.open(path, "w") as output:
            streams = {stream: output.add_stream_from_template(stream) for stream in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream]
                    output.mux(packet)
    return path


def as_mpeg4(clip: Path, seconds: float = 4.2, width: int = 360, height: int = 640) -> Path:
    """Write an AVI file with MPEG-4 and MP3, which only YouTube accepts."""
    path = clip.with_suffix(".avi")
    if not path.exists():
        with av.open(path, "w") as output:
            video: Any = output.add_stream("mpeg4", rate=30)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            sound: Any = output.add_stream("mp3", rate=48_000)
            sound.layout = "stereo"
            for frame in _source("testsrc2", f"size={width}x{height}:rate=30:duration={seconds}", "buffersink"):
                picture = frame.reformat(format="yuv420p")
                picture.pts, picture.time_base = frame.pts, Fraction(1, 30)
                output.mux(video.encode(picture))
            options = f"frequency=440:sample_rate=48000:samples_per_frame=1152:duration={seconds}"
            for frame in _source("sine", options, "abuffersink"):
                output.mux(sound.encode(frame))
            output.mux(video.encode(None))
            output.mux(sound.encode(None))
    return path


async def posted(stage: Stage, connection: str, platform: str, metadata: dict[str, Any], file: Path) -> str:
    """Post a file. Its conversion is not ordered yet."""
    edit = await stage.caller.upload(file, file.name)
    post_id = await stage.post(connection, platform, metadata)
    await stage.installation.database.hot_pool.following.close()
    async with stage.installation.database.begin() as session:
        of_post = Item.post_id == UUID(post_id)
        await session.execute(update(Item).where(of_post).values(edit_id=UUID(edit), rendition_id=None))
    return post_id


async def renditions(stage: Stage) -> list[Rendition]:
    async with stage.installation.database.session() as session:
        return list(await session.scalars(select(Rendition).order_by(Rendition.id)))
