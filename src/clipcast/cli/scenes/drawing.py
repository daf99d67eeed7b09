"""The parts of a scene: pictures that Pillow draws once, and how each moves."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 720, 1280
# Shapes are drawn in double size and reduced, which smooths their edges.
FINE = 2
# Red, green and blue, and the opacity if it is not whole.
Colour = tuple[int, ...]
Point = tuple[float, float]


@dataclass(frozen=True)
class Layer:
    """A picture over those before it. `x` and `y` are FFmpeg expressions of `t`, added to its place.

    `turn` is an angle in radians as an expression. `shown` is an expression that is 0 while the picture is hidden.
    """

    picture: Image.Image
    x: str = "0"
    y: str = "0"
    turn: str = ""
    shown: str = ""
    left: int = 0
    top: int = 0


def layer(picture: Image.Image, x: str = "0", y: str = "0", shown: str = "") -> Layer:
    """Return a layer without the empty borders of its picture, which cost time in each frame."""
    left, top, right, bottom = picture.getbbox() or (0, 0, 2, 2)
    left, top = left - left % 2, top - top % 2  # the colours have half the resolution
    return Layer(picture.crop((left, top, right, bottom)), x, y, shown=shown, left=left, top=top)


def gradient(stops: Sequence[tuple[float, Colour]], width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Return a vertical gradient through colours at shares of the height. A fine grain hides its steps."""
    column = Image.new("RGB", (1, height))
    for y in range(height):
        share = y / (height - 1)
        after = next((one for one, stop in enumerate(stops) if stop[0] >= share), len(stops) - 1)
        low, high = stops[max(after - 1, 0)], stops[after]
        part = (share - low[0]) / (high[0] - low[0] or 1)
        column.putpixel((0, y), tuple(round(a + (b - a) * part) for a, b in zip(low[1], high[1], strict=True)))
    picture = column.resize((width, height))
    grain = Image.frombytes("L", (width, height), random.Random(1).randbytes(width * height))
    # 128 is the middle of the grain, which is at most 2 of 255 steps.
    soft = grain.point([126 + step // 64 for step in range(256)])
    return ImageChops.add(picture, Image.merge("RGB", [soft] * 3), offset=-127)


@contextmanager
def drawn(width: int = WIDTH, height: int = HEIGHT) -> Iterator[tuple[Image.Image, Pen]]:
    """Give a transparent picture and its pen. The picture has its final size after the block."""
    fine = Image.new("RGBA", (width * FINE, height * FINE))
    picture = Image.new("RGBA", (width, height))
    yield picture, Pen(ImageDraw.Draw(fine, "RGBA"))
    picture.paste(fine.reduce(FINE))


class Pen:
    """A drawing in the coordinates of the finished picture."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        self._draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        self._draw.line([(x * FINE, y * FINE) for x, y in points], colour, round(width * FINE), joint="curve")

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """Fill an ellipse around a point."""
        box = [(x - across) * FINE, (y - down) * FINE, (x + across) * FINE, (y + down) * FINE]
        self._draw.ellipse(box, fill=colour)

    def box(self, x: float, y: float, width: float, height: float, colour: Colour, radius: float = 0) -> None:
        right, bottom = (x + width) * FINE - 1, (y + height) * FINE - 1
        self._draw.rounded_rectangle([x * FINE, y * FINE, right, bottom], radius * FINE, fill=colour)


def glow(radius: int, colour: Colour, strength: float = 1, fall: float = 2) -> Image.Image:
    """Return a round light that fades out towards its edge."""
    fading = [round(255 * strength * max(0.0, 1 - step / 180) ** fall) for step in range(256)]
    light = Image.new("RGBA", (radius * 2, radius * 2), (*colour[:3], 0))
    light.putalpha(Image.radial_gradient("L").resize((radius * 2, radius * 2)).point(fading))
    return light


def placed(picture: Image.Image, x: int, y: int, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Return a transparent picture with this one around a point."""
    whole = Image.new("RGBA", (width, height))
    whole.alpha_composite(_within(picture, x, y), (max(x - picture.width // 2, 0), max(y - picture.height // 2, 0)))
    return whole


def _within(picture: Image.Image, x: int, y: int) -> Image.Image:
    left, top = max(picture.width // 2 - x, 0), max(picture.height // 2 - y, 0)
    return picture.crop((left, top, picture.width, picture.height))


def soft(picture: Image.Image, radius: float) -> Image.Image:
    """Return the picture blurred, without dark edges: the colour stays, the opacity is blurred."""
    return picture.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")


def ridge(seed: int, base: float, height: float, width: int = WIDTH, rough: int = 5) -> list[Point]:
    """Return the outline of hills that repeats after `width`."""
    chance = random.Random(seed)
    waves: list[tuple[int, float, float]] = [
        (number, height / number**1.1, chance.uniform(0, math.tau)) for number in (1, 2, 3, 5, 8, 13, 21)[:rough]
    ]

    def y(x: float) -> float:
        turns = x / width * math.tau
        return base - math.fsum(size * math.sin(number * turns + phase) for number, size, phase in waves) / 2

    return [(x, y(x)) for x in range(-4, 2 * width + 8, 4)]


def hills(outline: list[Point], colour: Colour, bottom: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    """Return hills of twice the width, for a view that moves along them."""
    with drawn(2 * width) as (picture, pen):
        pen.shape([*outline, (2 * width + 8, bottom), (-8, bottom)], colour)
    return picture


def along(speed: float, width: int = WIDTH) -> str:
    """Return the `x` of a view that moves along a picture of twice the width, in pixels per second."""
    return f"-mod(t*{speed},{width})"
