"""Small pictures of a thumbnail, logos and pictures of accounts, made in a child."""

import base64
import io
from collections.abc import Iterable
from typing import Any

from PIL import Image, ImageOps

# At this quality, a picture 72 pixels wide has about 2 KB.
QUALITY = 72


def make_pictures(file: Any, widths: Iterable[int]) -> dict[str, str]:
    """Return the picture in each of these widths, as WebP in base64. A narrower picture keeps its width."""
    made = {}
    with Image.open(file, formats=("JPEG",)) as picture:
        whole = picture.convert("RGB")
    for width in widths:
        size = (min(width, whole.width), max(1, round(whole.height * min(width, whole.width) / whole.width)))
        content = io.BytesIO()
        whole.resize(size, Image.Resampling.LANCZOS).save(content, "WEBP", quality=QUALITY, method=6)
        made[str(width)] = base64.b64encode(content.getvalue()).decode()
    return made


def make_logo(file: Any, edge: int, pixels_max: int, square: bool) -> dict[str, str]:
    """Return a picture with at most `edge` pixels a side, as WebP in base64; or why it is rejected.

    With `square`, it is the middle of the picture with exactly `edge` pixels a side, on white.
    """
    try:
        with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as picture:
            # Known from the head of the file, before its pixels are read.
            if picture.width * picture.height > pixels_max:
                return {"rejected": "too_many_pixels"}
            whole = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError:
        return {"rejected": "too_many_pixels"}
    if square:
        middle = ImageOps.fit(whole, (edge, edge), Image.Resampling.LANCZOS)
        whole = Image.alpha_composite(Image.new("RGBA", middle.size, "white"), middle).convert("RGB")
    else:
        whole.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    whole.save(content, "WEBP", quality=QUALITY, method=6)
    return {"logo": base64.b64encode(content.getvalue()).decode()}
