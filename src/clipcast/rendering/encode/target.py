"""The MP4 file that a conversion writes: the index first, no edit list, no tags."""

import os
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

# Without an edit list, times have to fit without it: composition offsets below 0, and a sound that starts at 0.
OPTIONS = {"movflags": "+faststart+negative_cts_offsets", "use_editlist": "0", "fflags": "+bitexact"}
# Players of Apple require this tag of HEVC.
TAGS = {"hevc": "hvc1"}
REPORT_EVERY = 0.25  # seconds
FREE_BOX_HEAD = 8


class Target:
    """The file in the making. `report` is called with the share of `duration` that is written."""

    def __init__(self, path: Path, report: Callable[[float], None]) -> None:
        self._path = path
        self._report = report
        self._reported = 0.0
        self._output = av.open(str(path), "w", format="mp4", options=OPTIONS)
        # Set before the first packet. In seconds.
        self.duration = Fraction(1)

    def add(self, codec: str, **arguments: Any) -> Any:
        """Add a track that is encoded. All tracks have to be added before the first packet."""
        return self._output.add_stream(codec, **arguments)

    def add_copy(self, template: Any) -> Any:
        """Add a track of packets of another file."""
        # The name of the decoder of AV1 is not that of an encoder, which PyAV otherwise looks for.
        is_av1 = template.codec_context.codec.canonical_name == "av1"
        stream: Any = self._output.add_stream_from_template(template, opaque=is_av1 or None)
        codec = stream.codec_context.codec.canonical_name
        stream.codec_context.codec_tag = TAGS.get(codec, "\0\0\0\0")
        stream.metadata.clear()
        return stream

    def write(self, packets: Iterable[Any]) -> None:
        """Write packets, each of which has its stream."""
        for packet in packets:
            self._output.mux(packet)

    def report(self, seconds: Fraction) -> None:
        """Report that the file is written up to this time."""
        now = time.monotonic()
        if now >= self._reported + REPORT_EVERY:
            self._reported = now
            self._report(min(1.0, max(0.0, float(seconds / self.duration))))

    def close(self, min_bytes: int = 0) -> None:
        """Finish the file, and fill it up to `min_bytes` bytes."""
        self._output.close()
        missing = min_bytes - os.path.getsize(self._path)
        if missing > 0:
            length = max(missing, FREE_BOX_HEAD)
            with self._path.open("ab") as file:
                file.write(length.to_bytes(4, "big") + b"free" + bytes(length - FREE_BOX_HEAD))
