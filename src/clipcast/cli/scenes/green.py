"""Leaves after rain, and a morning over hills."""

from __future__ import annotations

import math
import random

from PIL import Image

from clipcast.cli.scenes.drawing import (
    HEIGHT,
    WIDTH,
    Colour,
    Layer,
    Point,
    along,
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


def leaves() -> tuple[list[Layer], Sound]:
    """Return leaves that sway before a window of light."""
    ground = gradient([(0, (20, 66, 54)), (0.4, (12, 48, 42)), (1, (5, 24, 26))])
    layers = [
        layer(ground.convert("RGBA")),
        layer(placed(glow(520, (196, 226, 150), 0.5), 600, 120), x="14*sin(t*0.7)"),
    ]
    layers.append(layer(_rays(), x="26*sin(t*0.5)"))
    for number, (x, y, length, angle, shade) in enumerate(_PLACES):
        # Leaves in front sway further.
        sway = 4 + number * 1.1
        leaf = soft(_leaf(x, y, length, angle, shade), 3 - number) if number < 3 else _leaf(x, y, length, angle, shade)
        layers.append(layer(leaf, x=f"{sway}*sin(t*1.15+{number * 0.9})", y=f"{sway * 0.5}*cos(t*0.95+{number * 1.3})"))
    layers += [layer(_motes(seed), x=f"12*sin(t*0.8+{seed})", y=f"-t*{16 + 9 * seed}") for seed in (1, 2)]
    for number, (x, delay) in enumerate(((300, 0.4), (505, 1.9), (160, 3.1))):
        fall = f"if(lt(t,{delay}),0,900*(t-{delay})*(t-{delay}))"
        layers.append(layer(_drop(x, 520 + 90 * number), y=fall))
    air = "0.09*(random(0)*2-1)*(0.6+0.4*sin(0.8*t+{0}))"
    bells = "0.2*exp(-1.9*mod(t+{0},0.8))*sin(2*PI*t*523.25*pow(2,(mod(7*mod(floor((t+{0})/0.8),5),12)-12)/12))"
    drone = "0.06*(sin(2*PI*130.81*t)+sin(2*PI*196*t))"
    return layers, Sound.of((air, bells, drone), (0, 0.4), 3000)


# x and y of the stem's end, length, the angle of the blade in degrees, and the shade: the farthest first.
_PLACES: tuple[tuple[int, int, int, int, Colour], ...] = (
    (640, 330, 420, 118, (24, 92, 70)),
    (60, 300, 440, 62, (20, 84, 66)),
    (420, 700, 480, 95, (26, 100, 74)),
    (700, 700, 520, 140, (42, 138, 96)),
    (10, 760, 560, 48, (36, 126, 88)),
    (360, 1130, 620, 100, (64, 166, 112)),
    (720, 1240, 560, 128, (86, 184, 122)),
    (0, 1270, 560, 50, (54, 152, 104)),
)


def _leaf(x: float, y: float, length: float, angle: float, shade: Colour) -> Image.Image:
    """Return a leaf from its stem's end upwards: two halves of different light, with veins."""
    turn = math.radians(angle)
    straight, side = (math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))

    def at(forward: float, across: float) -> Point:
        bend = 0.16 * length * (forward / length) ** 2
        return (
            x + straight[0] * forward + side[0] * (across + bend),
            y + straight[1] * forward + side[1] * (across + bend),
        )

    def half(way: int) -> list[Point]:
        steps = range(41)
        wide = [0.27 * length * math.sin(math.pi * (step / 40) ** 0.8) ** 0.9 for step in steps]
        edge = [at(length * step / 40, way * (one + 3 * math.sin(step))) for step, one in zip(steps, wide, strict=True)]
        return edge + [at(length * (40 - step) / 40, 0) for step in steps]

    dark = tuple(round(part * 0.8) for part in shade[:3])
    pale = tuple(min(255, round(part * 1.22 + 14)) for part in shade[:3])
    with drawn() as (picture, pen):
        pen.shape(half(1), shade)
        pen.shape(half(-1), dark)
        for step in range(3, 34, 4):
            start = length * step / 40
            reach = 0.235 * length * math.sin(math.pi * ((step + 4) / 40) ** 0.8) ** 0.9
            for way in (1, -1):
                pen.line(
                    [
                        at(start, 0),
                        at(start + 0.07 * length, way * reach * 0.6),
                        at(start + 0.12 * length, way * reach),
                    ],
                    (*pale, 150),
                    2,
                )
        pen.line([at(-60, 0), *(at(length * step / 20, 0) for step in range(20))], pale, 5)
    return picture


def _rays() -> Image.Image:
    with drawn(WIDTH + 80) as (picture, pen):
        for x, wide in ((120, 60), (300, 110), (520, 70)):
            pen.shape(
                [(x + 240, -20), (x + 240 + wide, -20), (x + wide * 2 - 260, HEIGHT), (x - 260, HEIGHT)],
                (220, 240, 170, 22),
            )
    return soft(picture, 14)


def _motes(seed: int) -> Image.Image:
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for _ in range(26):
            size = chance.uniform(2, 7)
            pen.oval(
                chance.uniform(0, WIDTH),
                chance.uniform(160, HEIGHT),
                size,
                size,
                (232, 250, 190, chance.randint(50, 150)),
            )
    return soft(picture, 1.5)


def _drop(x: float, y: float) -> Image.Image:
    with drawn() as (picture, pen):
        pen.shape([(x - 9, y), (x, y - 24), (x + 9, y)], (208, 244, 236, 210))
        pen.oval(x, y, 10, 11, (208, 244, 236, 210))
        pen.oval(x - 3, y + 1, 2.5, 4, (255, 255, 255, 240))
    return picture


def morning() -> tuple[list[Layer], Sound]:
    """Return a view that moves along hills in the mist."""
    sky = gradient(
        [
            (0, (96, 160, 196)),
            (0.28, (178, 212, 210)),
            (0.45, (255, 226, 184)),
            (0.55, (255, 206, 160)),
            (1, (255, 206, 160)),
        ]
    )
    sun = placed(glow(400, (255, 240, 196), 0.9), 260, 430)
    with drawn() as (disc, pen):
        pen.oval(260, 430, 66, 66, (255, 252, 232))
    sun.alpha_composite(disc)
    layers = [layer(sky.convert("RGBA")), layer(sun, y="-t*7"), layer(_cirrus(), x="-60+t*10")]
    shades = ((170, 192, 196), (132, 172, 172), (92, 146, 140), (54, 114, 104), (26, 78, 76))
    for number, shade in enumerate(shades):
        outline = ridge(30 + number, 560 + number * 120, 130 + number * 16)
        # Two copies side by side: the view moves along the first one.
        layers.append(layer(hills(outline, shade), along(8 + 9 * number**1.5)))
        if number < 4:
            layers.append(layer(_mist(number, 640 + number * 120), x=f"{18 + 6 * number}*sin(t*0.5+{number})"))
    layers.append(layer(_firs(), along(96)))
    for number in range(5):
        layers += _swallow(560 - 46 * number, 300 + 30 * (number * 3 % 5), number)
    wind = "0.13*(random(0)*2-1)*(0.5+0.4*sin(0.7*t+{0}))"
    strings = "0.05*(sin(2*PI*174.61*t)+sin(2*PI*220*t)+sin(2*PI*261.63*t)+sin(2*PI*329.63*t))*(0.6+0.4*sin(0.9*t+{0}))"
    chirps = "0.1*between(mod(t+{0},1.7),0.2,0.5)*sin(2*PI*(2300*t+30*sin(34*t)))*sin(PI*(mod(t+{0},1.7)-0.2)/0.3)"
    return layers, Sound.of((wind, strings, chirps), (0, 0.5), 3200)


def _cirrus() -> Image.Image:
    chance = random.Random(12)
    with drawn(WIDTH + 120) as (picture, pen):
        for _ in range(9):
            x, y = chance.uniform(0, WIDTH), chance.uniform(60, 330)
            pen.oval(x, y, chance.uniform(80, 190), chance.uniform(4, 11), (255, 255, 255, 110))
    return soft(picture, 8)


def _mist(seed: int, height: int) -> Image.Image:
    chance = random.Random(seed)
    with drawn(WIDTH + 120) as (picture, pen):
        for _ in range(12):
            pen.oval(
                chance.uniform(0, WIDTH),
                height + chance.uniform(-26, 26),
                chance.uniform(90, 220),
                chance.uniform(14, 34),
                (255, 244, 226, 90),
            )
    return soft(picture, 18)


def _firs() -> Image.Image:
    """Return trees on the nearest hill, repeated after the picture's width."""
    chance = random.Random(8)
    trees = [(chance.uniform(0, WIDTH), chance.uniform(1040, 1150), chance.uniform(70, 190)) for _ in range(22)]
    with drawn(2 * WIDTH) as (picture, pen):
        for x, ground, tall in sorted(trees, key=lambda one: one[1]):
            for left in (x - WIDTH, x, x + WIDTH):
                for step in range(5):
                    top = ground - tall * (1 - step * 0.17)
                    wide = tall * (0.1 + step * 0.06)
                    pen.shape(
                        [(left, top - tall * 0.1), (left - wide, top + tall * 0.28), (left + wide, top + tall * 0.28)],
                        (14, 54, 56),
                    )
        pen.box(0, 1140, 2 * WIDTH, HEIGHT - 1140, (14, 54, 56))
    return picture


def _swallow(x: float, y: float, number: int) -> list[Layer]:
    found = []
    for up in (0, 1):
        lift = -8 if up else 5
        with drawn() as (picture, pen):
            pen.line([(x - 16, y + lift), (x - 6, y - 2), (x, y), (x + 6, y - 2), (x + 16, y + lift)], (48, 76, 92), 3)
        shown = f"{'lt' if up else 'gte'}(mod(t*2.1+{number}*0.31,1),0.5)"
        found.append(layer(picture, f"-t*{38 + 4 * number}", f"9*sin(t*1.4+{number})", shown))
    return found
