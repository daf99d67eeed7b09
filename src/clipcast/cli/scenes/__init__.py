"""Short moving scenes with sound, which code draws for the demo's workspace. Every run makes the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipcast.cli.scenes import green, warm, water
from clipcast.cli.scenes.drawing import Layer
from clipcast.cli.scenes.film import Sound, encode, record

# The length of a recording in seconds. Some platforms take nothing shorter.
RECORDED = 4


@dataclass(frozen=True)
class Scene:
    """A scene, the name of its file, and its length in seconds."""

    file_name: str
    draw: Callable[[], tuple[list[Layer], Sound]]
    seconds: float

    def make(self, folder: Path) -> Path:
        """Write the scene to the folder, and return the file's path."""
        return encode(folder / self.file_name, *self.draw(), self.seconds)

    def record(self, folder: Path) -> Path:
        """Write its first seconds to the folder as a browser's recording, in a format that few platforms accept."""
        return record((folder / self.file_name).with_suffix(".webm"), *self.draw(), RECORDED)


SCENES = {
    "harbour": Scene("First light in the harbour.mp4", water.harbour, 6),
    "leaves": Scene("Leaves after rain.mp4", green.leaves, 5),
    "coffee": Scene("Flat white, slowly.mp4", warm.coffee, 5),
    "city": Scene("Last train over the river.mp4", water.city, 5),
    "morning": Scene("Morning over the hills.mp4", green.morning, 6),
    "rain": Scene("Rain on the window seat.mp4", warm.rain, 5),
}
