"""First light in a harbour, and a city by a river at night."""

from __future__ import annotations

import math
import random

from PIL import Image

from clipcast.cli.scenes.drawing import (
    HEIGHT,
    WIDTH,
    Layer,
    drawn,
    glow,
    gradient,
    hills,
    layer,
    placed,
    ridge,
    soft,
)
from clipcast.cli.scenes.film import Sound

HORIZON = 720


def harbour() -> tuple[list[Layer], Sound]:
    """Return the sun rising behind boats."""
    sky = gradient(
        [
            (0, (34, 40, 92)),
            (0.3, (122, 82, 140)),
            (0.46, (238, 138, 112)),
            (0.56, (255, 214, 150)),
            (1, (255, 226, 170)),
        ]
    )
    sea = gradient(
        [(0, (250, 176, 128)), (0.12, (204, 120, 122)), (0.45, (92, 76, 132)), (1, (24, 34, 84))],
        height=HEIGHT - HORIZON,
    )
    water = Image.new("RGBA", (WIDTH, HEIGHT))
    water.paste(sea, (0, HORIZON))
    sun = placed(glow(360, (255, 214, 140), 0.85), 440, 700)
    with drawn() as (disc, pen):
        pen.oval(440, 700, 78, 78, (255, 244, 208))
    sun.alpha_composite(disc)
    rise = "-t*22"
    layers = [layer(sky.convert("RGBA")), layer(sun, y=rise)]
    layers += [
        layer(_clouds(3, 250, (255, 190, 170, 110)), x="-60+t*9"),
        layer(_clouds(8, 430, (255, 222, 190, 130)), x="-30+t*15"),
    ]
    far, near = ridge(5, HORIZON - 26, 60), ridge(11, HORIZON - 6, 34)
    layers += [layer(hills(far, (150, 100, 140), HORIZON)), layer(hills(near, (96, 70, 122), HORIZON), x="-200")]
    layers.append(layer(water))
    for number, (moved, colour) in enumerate(
        (("8*sin(t*1.7)", (255, 232, 180, 190)), ("-9*sin(t*1.3+1)", (255, 206, 150, 150)))
    ):
        layers.append(layer(_glitter(number, colour), x=moved))
    layers.append(layer(_ripples(21, (255, 255, 255, 26)), x="10*sin(t*0.9)", y="3*sin(t*1.1)"))
    layers.append(layer(_boat(200, 800, 0.45, (60, 44, 92)), x="t*12", y="2*sin(t*1.6)"))
    layers.append(layer(_boat(560, 752, 0.22, (104, 72, 118)), x="-t*5", y="sin(t*1.9)"))
    layers.append(layer(_boat(330, 1075, 1, (22, 22, 52)), x="-t*9", y="6*sin(t*1.3)"))
    for number in range(4):
        layers += _bird(
            90 + 62 * number,
            330 + 34 * (number * 7 % 4),
            f"t*{46 + 5 * number}",
            f"-t*{11 + number}+4*sin(t*2+{number})",
            number,
        )
    waves = "0.34*(random(0)*2-1)*(0.45+0.4*sin(1.6*t+{0})+0.15*sin(2.9*t))"
    pad = "0.055*(sin(2*PI*196*t)+sin(2*PI*293.66*t)+sin(2*PI*369.99*t))*(0.7+0.3*sin(1.1*t+{0}))"
    return layers, Sound.of((waves, pad), (0, 0.7), 1400)


def _clouds(seed: int, height: int, colour: tuple[int, int, int, int]) -> Image.Image:
    chance = random.Random(seed)
    with drawn(WIDTH + 120) as (picture, pen):
        for _ in range(5):
            x, y, size = chance.uniform(0, WIDTH), height + chance.uniform(-90, 90), chance.uniform(60, 150)
            for part in range(6):
                pen.oval(x + (part - 3) * size / 2.4, y + chance.uniform(-5, 5), size / 1.6, size / 11, colour)
    return soft(picture, 7)


def _glitter(seed: int, colour: tuple[int, int, int, int]) -> Image.Image:
    """Return the sun's path over the water."""
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for step in range(46):
            y = HORIZON + 6 + step**1.62 * 1.02
            wide = 20 + step * 2.1
            for _ in range(3):
                x = 440 + chance.gauss(0, wide)
                pen.oval(x, y + chance.uniform(-4, 4), chance.uniform(0.25, 0.8) * wide, 1.4 + step * 0.075, colour)
    return picture


def _ripples(seed: int, colour: tuple[int, int, int, int]) -> Image.Image:
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for _ in range(120):
            share = chance.random() ** 1.5
            y = HORIZON + 10 + share * (HEIGHT - HORIZON - 20)
            pen.oval(chance.uniform(-40, WIDTH + 40), y, 16 + share * 90, 1 + share * 3, colour)
    return picture


def _boat(x: float, y: float, size: float, colour: tuple[int, int, int]) -> Image.Image:
    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + dx * size, y + dy * size) for dx, dy in points]

    pale = tuple(min(255, round(part * 1.5 + 24)) for part in colour)
    with drawn() as (picture, pen):
        pen.shape(at((-150, 0), (150, -6), (112, 44), (-104, 46)), colour)
        pen.line(at((-10, 0), (-6, -330)), colour, max(7 * size, 1.5))
        pen.shape(at((4, -318), (14, -180), (118, -26), (4, -22)), pale)
        pen.shape(at((-18, -296), (-60, -150), (-124, -22), (-18, -20)), colour)
        for step in range(5):
            wide = (130 - step * 20) * size
            pen.oval(
                x + (step % 2 * 16 - 8) * size, y + (62 + step * 20) * size, wide, 5 * size, (*colour, 120 - step * 20)
            )
    return picture


def _bird(x: float, y: float, along_x: str, along_y: str, number: int) -> list[Layer]:
    """Return the two pictures of a bird that beats its wings."""
    found = []
    for up in (0, 1):
        lift = -9 if up else 6
        with drawn() as (picture, pen):
            pen.line([(x - 19, y + lift), (x - 8, y - 3), (x, y)], (60, 40, 84), 3)
            pen.line([(x, y), (x + 8, y - 3), (x + 19, y + lift)], (60, 40, 84), 3)
        shown = f"{'lt' if up else 'gte'}(mod(t*1.7+{number}*0.37,1),0.5)"
        found.append(layer(picture, along_x, along_y, shown))
    return found


def city() -> tuple[list[Layer], Sound]:
    """Return a skyline whose windows light up over a river, with a train on its bridge."""
    shore = 900
    sky = gradient(
        [(0, (8, 10, 38)), (0.35, (22, 28, 84)), (0.6, (72, 58, 128)), (0.72, (180, 100, 130)), (1, (180, 100, 130))]
    )
    river = gradient([(0, (88, 60, 118)), (0.25, (40, 38, 98)), (1, (8, 10, 34))], height=HEIGHT - shore)
    water = Image.new("RGBA", (WIDTH, HEIGHT))
    water.paste(river, (0, shore))
    moon = placed(glow(190, (214, 220, 255), 0.6), 540, 230)
    with drawn() as (disc, pen):
        pen.oval(540, 230, 58, 58, (240, 242, 255))
        for dx, dy, size in ((-18, -14, 13), (16, 8, 17), (-8, 24, 9), (24, -24, 8)):
            pen.oval(540 + dx, 230 + dy, size, size, (218, 222, 246))
    moon.alpha_composite(disc)
    layers = [layer(sky.convert("RGBA"))]
    layers += [
        layer(_stars(seed), shown=shown)
        for seed, shown in ((1, ""), (2, "gt(sin(t*2.3),-0.4)"), (3, "gt(sin(t*3.1+2),-0.2)"))
    ]
    layers.append(layer(moon, y="t*3"))
    far, _ = _towers(4, shore, (330, 560), (52, 44, 104), 58, 0)
    near, windows = _towers(9, shore, (150, 470), (20, 20, 56), 84, 3)
    layers.append(layer(far, x="-40+t*4"))
    layers.append(layer(near))
    layers.append(layer(windows[0]))
    layers.append(layer(windows[1], shown="gt(t,1.1)"))
    layers.append(layer(windows[2], shown="gt(t,2.6)"))
    mirrored = near.copy()
    for one in windows:
        mirrored.alpha_composite(one)
    flipped = mirrored.crop((0, shore - 380, WIDTH, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirror = Image.new("RGBA", (WIDTH, HEIGHT))
    mirror.paste(soft(flipped, 5), (0, shore))
    mirror.putalpha(mirror.getchannel("A").point([step * 6 // 10 for step in range(256)]))
    layers += [layer(water), layer(mirror, x="3*sin(t*1.6)")]
    layers.append(layer(_lights(5, shore), x="7*sin(t*1.4)"))
    layers.append(layer(_lights(6, shore), x="-6*sin(t*1.1+1)"))
    layers.append(layer(_train(shore - 60), x="-760+t*250"))
    layers.append(layer(_bridge(shore - 40, shore + 44)))
    hum = "0.1*sin(2*PI*110*t)*(0.8+0.2*sin(t))+0.12*(random(0)*2-1)*(0.5+0.3*sin(0.9*t+{0}))"
    keys = "0.2*exp(-2.6*mod(t,0.5))*sin(2*PI*t*220*pow(2,(mod(7*mod(floor(t/0.5)+{0},5),12)+12)/12))"
    return layers, Sound.of((hum, keys), (0, 2), 2200)


def _stars(seed: int) -> Image.Image:
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for _ in range(60):
            size = chance.choice((1, 1, 1.4, 2))
            pen.oval(
                chance.uniform(0, WIDTH),
                chance.uniform(0, 620) ** 0.98,
                size,
                size,
                (255, 255, 255, chance.randint(110, 240)),
            )
    return picture


def _towers(
    seed: int, ground: int, heights: tuple[int, int], colour: tuple[int, int, int], wide: int, groups: int
) -> tuple[Image.Image, list[Image.Image]]:
    """Return houses, and their windows in groups that light up one after another."""
    chance = random.Random(seed)
    lit: list[list[tuple[float, float, tuple[int, int, int]]]] = [[] for _ in range(groups)]
    with drawn(WIDTH + 80) as (picture, pen):
        x = -20.0
        while x < WIDTH + 80:
            across, tall = wide * chance.uniform(0.7, 1.3), chance.uniform(*heights)
            top = ground - tall
            shade = tuple(part + chance.randint(-5, 7) for part in colour)
            pen.box(x, top, across, tall, shade)
            if chance.random() < 0.35:
                pen.box(x + across * 0.2, top - 34, across * 0.6, 36, shade)
            if chance.random() < 0.3:
                pen.line([(x + across / 2, top - 80), (x + across / 2, top)], shade, 3)
            for row in range(int(tall / 26) - 1):
                for column in range(int(across / 20) - 1):
                    if groups and chance.random() < 0.5:
                        warm = chance.choice(((255, 214, 130), (255, 190, 100), (255, 236, 190), (160, 210, 255)))
                        chance.choice(lit).append((x + 12 + column * 20, top + 16 + row * 26, warm))
            x += across + chance.choice((0, 2, 4))
    found = []
    for group in lit:
        with drawn() as (windows, pen):
            for left, top, warm in group:
                pen.box(left, top, 9, 13, warm)
        found.append(windows)
    return picture.crop((0, 0, WIDTH + 80 if not groups else WIDTH, HEIGHT)), found


def _lights(seed: int, shore: int) -> Image.Image:
    """Return long reflections of lamps."""
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for _ in range(16):
            x, warm = chance.uniform(0, WIDTH), chance.choice(((255, 200, 110), (255, 170, 90), (150, 200, 255)))
            for step in range(chance.randint(8, 18)):
                wide = chance.uniform(5, 17)
                pen.oval(x + chance.uniform(-6, 6), shore + 60 + step * 16, wide, 3, (*warm, max(150 - step * 9, 16)))
    return soft(picture, 1)


def _train(y: int) -> Image.Image:
    with drawn(WIDTH + 40) as (picture, pen):
        for wagon in range(4):
            x = 20 + wagon * 176
            pen.box(x, y - 26, 170, 46, (38, 40, 84), 10)
            for window in range(6):
                pen.box(x + 12 + window * 25, y - 15, 18, 17, (255, 226, 150), 3)
    return picture


def _bridge(top: int, bottom: int) -> Image.Image:
    with drawn() as (picture, pen):
        pen.box(-10, top, WIDTH + 20, 16, (12, 12, 36))
        for x in range(-60, WIDTH + 60, 180):
            pen.box(x, top, 26, bottom - top + 60, (12, 12, 36))
            arch = [(x + 13 + 180 * part / 24, bottom - 58 * math.sin(math.pi * part / 24)) for part in range(25)]
            pen.line(arch, (12, 12, 36), 8)
    return picture
