"""The demo's scenes: every platform takes them, they move and sound, and each run draws the same."""

import hashlib
from array import array
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import pytest
from PIL import ImageChops, ImageStat

from clipcast.cli.scenes import SCENES, film
from clipcast.rendering.probe import probe
from clipcast.web.fits import by_platform

SIZE = (720, 1280)


@pytest.mark.parametrize("name", SCENES)
def test_scene_is_a_vertical_film_that_moves_and_sounds(name: str, tmp_path: Path) -> None:
    assert 4 <= SCENES[name].seconds <= 8
    # The first seconds say it all, and are sooner made.
    path = replace(SCENES[name], seconds=4).make(tmp_path)
    assert path.stat().st_size < 800_000
    with path.open("rb") as file:
        media = probe(file, path.stat().st_size).media
    assert (media.width, media.height) == SIZE
    assert round(media.duration) == 4
    assert {one.verdict for one in by_platform(media).values()} == {"fits"}
    with av.open(path) as opened:
        frames = list(islice(opened.decode(video=0), 36))
    early, late = frames[10].to_image(), frames[35].to_image()
    # Within a second some of the picture changes, and not all of it.
    assert 0.2 < ImageStat.Stat(ImageChops.difference(early, late).convert("L")).mean[0] < 40
    # A test card has few colours.
    assert len(early.getcolors(SIZE[0] * SIZE[1]) or []) > 3000
    with av.open(path) as opened:
        loudest = max(max(map(abs, array("f", bytes(one.planes[0])))) for one in opened.decode(audio=0))
    assert 0.05 < loudest < 1


def drawn(name: str) -> str:
    """Return a digest of the pictures and the sound of a scene's first second, as the encoders get them.

    Encoders promise less: on a busy machine, x264 now and then decides otherwise about the same pictures.
    """
    layers, sound = SCENES[name].draw()
    pictures = [one.to_image().tobytes() for one in film._pulled(film._pictures(layers, 1))]
    assert len(pictures) == film.FRAMES_PER_SECOND
    samples = [bytes(plane)[: 4 * one.samples] for one in film._pulled(film._sounds(sound, 1)) for plane in one.planes]
    return hashlib.sha256(b"".join([*pictures, *samples])).hexdigest()


def test_every_run_draws_the_same() -> None:
    assert drawn("leaves") == drawn("leaves") != drawn("rain")
