"""Coffee from above, and lights behind a window in the rain."""

from __future__ import annotations

import math
import random

from PIL import Image

from clipcast.cli.scenes.drawing import HEIGHT, WIDTH, Layer, Pen, drawn, glow, gradient, layer, placed, soft
from clipcast.cli.scenes.film import Sound


def coffee() -> tuple[list[Layer], Sound]:
    """Return a cup from above, whose foam turns while steam rises."""
    x, y = 360, 640
    layers = [layer(_table())]
    layers.append(layer(soft(_disc(x + 26, y + 34, 286, (20, 8, 4, 150)), 22)))
    layers.append(layer(_saucer(x, y)))
    foam = _foam()
    left, top = x - foam.width // 2, y - foam.height // 2
    layers.append(Layer(foam, turn="0.55*t+0.12*sin(t*2)", left=left, top=top))
    layers.append(layer(_rim(x, y)))
    for number in range(5):
        # Each cloud of steam starts again after four seconds, out of sight.
        age = f"mod(t+{number}*0.8,4)"
        layers.append(layer(_steam(number), x=f"{16 + 5 * number}*sin({age}*1.5+{number})", y=f"180-{age}*190"))
    layers.append(layer(_shade(), x="18*sin(t*0.6)", y="10*cos(t*0.5)"))
    layers.append(layer(_spoon(), x="2*sin(t*0.6)"))
    room = "0.1*(random(0)*2-1)*(0.7+0.3*sin(0.6*t+{0}))"
    bass = "0.16*exp(-1.2*mod(t,1))*sin(2*PI*t*if(lt(mod(t,4),2),98,73.42))"
    keys = "0.13*exp(-3*mod(t+{0},0.5))*sin(2*PI*t*293.66*pow(2,(mod(7*mod(floor((t+{0})/0.5)*2,5),12)-5)/12))"
    brush = "0.12*(random(1)*2-1)*exp(-14*mod(t,0.5))"
    return layers, Sound.of((room, bass, keys, brush), (0, 0.25), 2600)


def _disc(x: float, y: float, radius: float, colour: tuple[int, int, int, int]) -> Image.Image:
    with drawn() as (picture, pen):
        pen.oval(x, y, radius, radius, colour)
    return picture


def _table() -> Image.Image:
    chance = random.Random(4)
    picture = gradient([(0, (132, 82, 52)), (0.5, (108, 64, 40)), (1, (78, 44, 28))]).convert("RGBA")
    with drawn() as (boards, pen):
        for board in range(6):
            top = board * 214
            pen.box(0, top, WIDTH, 212, (*chance.choice(((150, 96, 60), (96, 56, 36), (120, 72, 46))), 70))
            pen.box(0, top + 211, WIDTH, 4, (40, 20, 12, 200))
            for _ in range(13):
                start, rise = top + chance.uniform(8, 200), chance.uniform(-7, 7)
                grain = [(part * 60.0, start + rise * math.sin(part / 2.1 + rise)) for part in range(14)]
                pen.line(grain, (54, 28, 16, 90), chance.uniform(1, 2.4))
    picture.alpha_composite(boards)
    picture.alpha_composite(placed(glow(620, (255, 226, 180), 0.42), 120, 160))
    return picture


def _saucer(x: float, y: float) -> Image.Image:
    with drawn() as (picture, pen):
        for radius, colour in (
            (290, (226, 216, 204)), (284, (248, 242, 234)), (226, (222, 210, 196)), (220, (240, 232, 222)),
            (206, (206, 192, 178)), (200, (255, 252, 246)), (176, (96, 52, 28)),
        ):  # fmt: skip
            pen.oval(x, y, radius, radius, colour)
        pen.box(x + 180, y - 26, 116, 52, (248, 242, 234), 26)
        pen.box(x + 204, y - 10, 70, 20, (206, 192, 178), 10)
    return picture


def _foam() -> Image.Image:
    """Return the coffee with a heart of foam in rings, as a square around its middle."""
    size = 352
    middle = size / 2
    with drawn(size, size) as (picture, pen):
        for step in range(40):
            share = step / 39
            shade = tuple(round(a + (b - a) * share) for a, b in zip((92, 48, 24), (188, 118, 66), strict=True))
            pen.oval(middle, middle, 174 - 66 * share, 174 - 66 * share, shade)
        for ring in range(6):
            scale, colour = 7.2 - ring * 1.15, (250, 228, 198) if ring % 2 == 0 else (176, 106, 58)
            pen.shape(_heart(middle, middle - 8 + ring * 3, scale), colour)
        pen.line([(middle, middle - 96), (middle, middle + 116)], (250, 228, 198), 5)
    return picture


def _heart(x: float, y: float, scale: float) -> list[tuple[float, float]]:
    turns = [step / 60 * math.tau for step in range(60)]
    return [
        (
            x + scale * 16 * math.sin(turn) ** 3,
            y - scale * (13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)),
        )
        for turn in turns
    ]


def _rim(x: float, y: float) -> Image.Image:
    picture = Image.new("RGBA", (WIDTH, HEIGHT))
    with drawn() as (shine, pen):
        arc = [(x + 188 * math.cos(turn / 40), y + 188 * math.sin(turn / 40)) for turn in range(125, 190)]
        pen.line(arc, (255, 255, 255, 220), 7)
    picture.alpha_composite(soft(shine, 3))
    return picture


def _steam(seed: int) -> Image.Image:
    chance = random.Random(seed)
    with drawn() as (picture, pen):
        for step in range(7):
            pen.oval(
                300 + seed * 30 + chance.uniform(-30, 30),
                560 - step * 26,
                30 + step * 4,
                24 + step * 3,
                (255, 250, 244, 30),
            )
    return soft(picture, 20)


def _shade() -> Image.Image:
    """Return the shadow of leaves that fall on the table from a window."""
    chance = random.Random(2)
    with drawn(WIDTH + 60) as (picture, pen):
        for _ in range(15):
            x, y, turn = chance.uniform(380, WIDTH + 40), chance.uniform(-20, 420), chance.uniform(0, math.pi)
            long, wide = chance.uniform(70, 130), chance.uniform(18, 32)
            steps = [step / 24 * math.tau for step in range(24)]
            pen.shape(
                [
                    (
                        x + long * math.cos(one) * math.cos(turn) - wide * math.sin(one) * math.sin(turn),
                        y + long * math.cos(one) * math.sin(turn) + wide * math.sin(one) * math.cos(turn),
                    )
                    for one in steps
                ],
                (30, 12, 6, 74),
            )
    return soft(picture, 6)


def _spoon() -> Image.Image:
    with drawn() as (picture, pen):
        pen.line([(140, 1180), (330, 960)], (30, 14, 8, 110), 20)
        pen.line([(132, 1168), (322, 948)], (206, 204, 206), 15)
        pen.line([(130, 1164), (320, 944)], (244, 244, 248), 5)
        pen.oval(344, 922, 34, 44, (196, 194, 198))
        pen.oval(340, 918, 22, 31, (236, 236, 242))
    return picture


def rain() -> tuple[list[Layer], Sound]:
    """Return the lights of a street behind a window, down which drops run."""
    night = gradient([(0, (14, 16, 40)), (0.5, (36, 26, 58)), (1, (14, 12, 30))])
    layers = [layer(night.convert("RGBA"))]
    for seed, (count, size, opaque, speed) in enumerate(((26, 44, 84, 9), (18, 66, 92, -16), (10, 100, 76, 26))):
        layers.append(
            layer(_lamps(seed, count, size, opaque), x=f"-{AROUND}+{speed}*t", y=f"{4 + seed * 2}*sin(t*0.7+{seed})")
        )
    for number in range(2):
        moving = f"mod(t*{150 + 90 * number}+{number * 400},{WIDTH + 360})-180"
        layers.append(layer(_car(number), x=moving if number else f"{WIDTH}-({moving})"))
    layers += [layer(_streaks(seed), y=f"mod(t*{1500 + 500 * seed},{HEIGHT})-{HEIGHT}") for seed in (0, 1)]
    layers.append(layer(_drops()))
    for number, (x, delay) in enumerate(((150, 0.2), (330, 1.4), (520, 0.8), (610, 2.4), (240, 2.9))):
        run = f"max(t-{delay},0)*{90 + 26 * number}+14*sin(max(t-{delay},0)*3)"
        layers.append(layer(_running(x, 120 + number * 96), x=f"4*sin(t*2+{number})", y=run))
    layers.append(layer(_frame()))
    fall = "0.3*(random(0)*2-1)*(0.75+0.15*sin(0.9*t+{0}))"
    taps = "0.25*(random(1)*2-1)*exp(-60*mod(t*1.0+{0}*0.13,0.31))"
    piano = "0.14*exp(-1.7*mod(t+{0}*0.3,1))*sin(2*PI*t*220*pow(2,(mod(7*mod(floor(t+{0}*0.3)*3,5),12)-5)/12))"
    return layers, Sound.of((fall, taps, piano), (0, 1), 2400)


# Lights move into view from this many pixels outside it.
AROUND = 200
LAMPS = ((255, 178, 84), (255, 120, 90), (255, 214, 130), (120, 190, 255), (255, 96, 130), (120, 230, 190))


def _lamps(seed: int, count: int, size: float, opaque: int) -> Image.Image:
    chance = random.Random(40 + seed)
    with drawn(WIDTH + 2 * AROUND) as (picture, pen):
        for _ in range(count):
            x, y = chance.uniform(60, WIDTH + 2 * AROUND - 60), chance.gauss(600, 240)
            radius, colour = size * chance.uniform(0.6, 1.2), chance.choice(LAMPS)
            pen.oval(x, y, radius, radius, (*colour, opaque + 34))
            pen.oval(x, y, radius * 0.9, radius * 0.9, (*colour, opaque))
    return soft(picture, 3)


def _car(number: int) -> Image.Image:
    colour = (255, 70, 60) if number else (255, 240, 200)
    whole = placed(glow(90, colour, 0.9), 90, 900 + 60 * number)
    whole.alpha_composite(placed(glow(90, colour, 0.9), 200, 900 + 60 * number))
    return whole


def _streaks(seed: int) -> Image.Image:
    """Return rain over twice the height, which repeats."""
    chance = random.Random(60 + seed)
    falls = [(chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT), chance.uniform(30, 90)) for _ in range(46)]
    with drawn(WIDTH, 2 * HEIGHT) as (picture, pen):
        for x, y, long in falls:
            for top in (y, y + HEIGHT):
                pen.line([(x, top), (x - long * 0.08, top + long)], (200, 216, 255, 54), 2)
    return picture


def _drops() -> Image.Image:
    chance = random.Random(70)
    with drawn() as (picture, pen):
        for _ in range(230):
            _bead(pen, chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT), chance.uniform(2, 7))
    return picture


def _running(x: float, y: float) -> Image.Image:
    with drawn() as (picture, pen):
        for step in range(7):
            pen.oval(x + math.sin(step) * 2, y - 16 - step * 26, 4 - step * 0.4, 12, (210, 226, 255, 70 - step * 8))
        _bead(pen, x, y, 13)
    return picture


def _bead(pen: Pen, x: float, y: float, size: float) -> None:
    """Draw a drop: dark above, bright below, as glass shows what is behind it upside down."""
    pen.oval(x, y, size, size * 1.25, (16, 18, 44, 130))
    pen.oval(x, y + size * 0.3, size * 0.8, size * 0.85, (255, 206, 150, 120))
    pen.oval(x - size * 0.3, y - size * 0.5, size * 0.24, size * 0.28, (255, 255, 255, 220))


def _frame() -> Image.Image:
    with drawn() as (picture, pen):
        for box in ((0, 0, WIDTH, 26), (0, HEIGHT - 70, WIDTH, 70), (0, 0, 22, HEIGHT), (WIDTH - 22, 0, 22, HEIGHT)):
            pen.box(*box, (24, 16, 22))
        pen.box(0, HEIGHT - 70, WIDTH, 8, (66, 44, 42))
        pen.box(WIDTH / 2 - 9, 0, 18, HEIGHT - 70, (24, 16, 22))
    return picture
