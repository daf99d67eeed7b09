"""A watermark: a small picture over a corner of the canvas."""

from typing import IO, cast

from PIL import Image, UnidentifiedImageError

from clipcast.rendering.channel import SourceFile
from clipcast.rendering.encode.overlays import Placed
from clipcast.rendering.errors import WatermarkUnreadable
from clipcast.rendering.recipe import Picture, Watermark
from clipcast.rendering.structure import MAX_PIXELS

FORMATS = ("PNG", "WEBP")
MAX_BYTES = 32 * 1024 * 1024


def read_watermark(file: SourceFile, watermark: Watermark, picture: Picture) -> Placed:
    """Return a watermark at its place on the canvas. Raise WatermarkUnreadable."""
    if file.size > MAX_BYTES:
        raise WatermarkUnreadable(f"The watermark has {file.size:,} bytes, maximum {MAX_BYTES:,}.")
    try:
        with Image.open(cast(IO[bytes], file), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                message = (
                    f"The watermark is too large: {image.width}x{image.height} px, maximum {MAX_PIXELS:,} px in total. "
                    "Resize it."
                )
                raise WatermarkUnreadable(message)
            shown = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WatermarkUnreadable("The watermark cannot be read. Save it again as PNG.") from error
    width = max(1, min(picture.width, round(picture.width * watermark.width)))
    height = max(1, round(shown.height * width / shown.width))
    if height > picture.height:
        width, height = max(1, round(width * picture.height / height)), picture.height
    shown = shown.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
    shown.putalpha(shown.getchannel("A").point([round(value * watermark.opacity) for value in range(256)]))
    return Placed(shown, *_place(watermark, picture, width, height))


def _place(watermark: Watermark, picture: Picture, width: int, height: int) -> tuple[int, int]:
    margin = round(picture.width * watermark.margin)
    right, bottom = picture.width - width - margin, picture.height - height - margin
    places = {
        "top_left": (margin, margin),
        "top_right": (right, margin),
        "bottom_left": (margin, bottom),
        "bottom_right": (right, bottom),
        "center": ((picture.width - width) // 2, (picture.height - height) // 2),
    }
    left, top = places[watermark.position]
    return max(0, left) // 2 * 2, max(0, top) // 2 * 2
