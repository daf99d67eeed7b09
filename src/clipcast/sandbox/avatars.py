"""Pictures of simulated accounts: light, a landscape or a letter, drawn by code.

An account always has the same picture. The accounts with one name have different ones of about one colour.
"""

import colorsys
import io
import math
import random
from datetime import datetime
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

# Pixels of a side. Pictures are drawn in double size and reduced, which smooths their edges.
EDGE, FINE = 200, 2
WIDE = EDGE * FINE
KEPT = 500
Colour = tuple[int, int, int]


def has_expired(until: str, now: datetime) -> bool:
    """Return whether an address with this `expires` no longer works. One without it always does."""
    return bool(until) and not (until.isascii() and until.isdigit() and int(until[:12]) > now.timestamp())


@lru_cache(KEPT)
def draw_avatar(host: str, name: str) -> bytes:
    """Return the picture of the account with this name at this host, as JPEG."""
    chance, hue = random.Random(f"{host} {name}"), random.Random(name).random()  # noqa: S311 - no secrets
    hue += chance.uniform(-0.05, 0.05)
    picture = chance.choice((_light, _landscape, _letter))(chance, hue, name)
    content = io.BytesIO()
    picture.reduce(FINE).save(content, "JPEG", quality=85)
    return content.getvalue()


def _light(chance: random.Random, hue: float, _: str) -> Image.Image:
    """Draw a few lights in the dark."""
    picture = _gradient(_colour(hue, 0.6, 0.15), _colour(hue + 0.1, 0.7, 0.35))
    # Nothing at the middle of each side, where the gradient is 180.
    glow = Image.radial_gradient("L").point([max(180 - shade, 0) for shade in range(256)])
    for _number in range(5):
        size = chance.randrange(WIDE // 4, WIDE)
        colour = _colour(hue + chance.uniform(-0.12, 0.2), 0.55, 1)
        place = chance.randrange(-size // 4, WIDE - size // 2), chance.randrange(-size // 4, WIDE - size // 2)
        picture.paste(colour, place, glow.resize((size, size)))
    return picture


def _landscape(chance: random.Random, hue: float, _: str) -> Image.Image:
    """Draw hills below a sun."""
    picture = _gradient(_colour(hue, 0.45, 0.95), _colour(hue + 0.12, 0.3, 1))
    pen = ImageDraw.Draw(picture)
    radius, x, y = WIDE // 9, chance.randrange(WIDE // 4, WIDE * 3 // 4), chance.randrange(WIDE // 5, WIDE // 2)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), _colour(hue + 0.15, 0.15, 1))
    for row in range(3):
        phase, height = chance.uniform(0, math.tau), WIDE * (0.5 + 0.14 * row)
        top: list[tuple[float, float]] = [
            (x, height + math.sin(phase + x / WIDE * (4 + row)) * WIDE * 0.08) for x in range(0, WIDE + 1, 8)
        ]
        pen.polygon([*top, (WIDE, WIDE), (0, WIDE)], _colour(hue + 0.3, 0.55, 0.65 - 0.17 * row))
    return picture


def _letter(_: random.Random, hue: float, name: str) -> Image.Image:
    """Draw the first letter of the name."""
    picture = _gradient(_colour(hue, 0.7, 0.75), _colour(hue + 0.08, 0.8, 0.5))
    letter = next(filter(str.isalnum, name), "?").upper()
    font = ImageFont.load_default(WIDE * 0.6)
    ImageDraw.Draw(picture).text((WIDE / 2, WIDE / 2), letter, "white", font, anchor="mm")
    return picture


def _gradient(above: Colour, below: Colour) -> Image.Image:
    shades = Image.linear_gradient("L").resize((WIDE, WIDE))
    return ImageOps.colorize(shades, above, below)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(one * 255) for one in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue
