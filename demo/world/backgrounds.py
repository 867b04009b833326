"""The six places that creatures stand in, as flat big shapes."""

from __future__ import annotations

import random

from PIL import ImageDraw

GROUND = 0.80


def draw_background(canvas: ImageDraw.ImageDraw, size: int, tag: str, rng: random.Random) -> None:
    """Paints the whole canvas with the place that the tag names; the draw decides where things stand."""
    {
        "forest": _forest,
        "beach": _beach,
        "night sky": _night_sky,
        "city": _city,
        "snow": _snow,
        "simple background": _simple,
    }[tag](canvas, size, rng)


def _bands(canvas: ImageDraw.ImageDraw, size: int, bands: list[tuple[float, tuple[int, int, int]]]) -> None:
    """Horizontal bands, each from its height (share of the picture) down."""
    for top, colour in bands:
        canvas.rectangle((0, round(top * size), size, size), fill=colour)


def _disc(canvas: ImageDraw.ImageDraw, size: int, x: float, y: float, radius: float, fill: tuple[int, int, int]) -> None:
    canvas.ellipse(((x - radius) * size, (y - radius) * size, (x + radius) * size, (y + radius) * size), fill=fill)


def _forest(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    _bands(canvas, size, [(0, (170, 220, 170)), (GROUND, (96, 150, 60))])
    for x in (0.03, 0.2, 0.8, 0.97):
        x += rng.uniform(-0.04, 0.04)
        top = rng.uniform(0.08, 0.25)
        canvas.rectangle(((x - 0.03) * size, 0.6 * size, (x + 0.03) * size, (GROUND + 0.04) * size), fill=(110, 70, 40))
        canvas.polygon(
            [(x * size, top * size), ((x - 0.14) * size, 0.7 * size), ((x + 0.14) * size, 0.7 * size)], fill=(26, 100, 50)
        )


def _beach(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    horizon = rng.uniform(0.46, 0.54)
    _bands(canvas, size, [(0, (150, 215, 255)), (horizon, (20, 120, 200)), (GROUND - 0.05, (245, 215, 130))])
    _disc(canvas, size, rng.uniform(0.1, 0.2), rng.uniform(0.12, 0.2), 0.1, (255, 240, 60))


def _night_sky(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    _bands(canvas, size, [(0, (24, 24, 84)), (GROUND, (50, 46, 110))])
    x, y = rng.uniform(0.8, 0.88), rng.uniform(0.12, 0.2)
    _disc(canvas, size, x, y, 0.1, (255, 245, 180))
    _disc(canvas, size, x - 0.05, y - 0.03, 0.08, (24, 24, 84))
    for column in (0.06, 0.2, 0.33, 0.62, 0.93):
        for row in (0.1, 0.4, 0.65):
            if rng.random() < 0.5:
                _disc(canvas, size, column + rng.uniform(-0.04, 0.04), row + rng.uniform(-0.06, 0.06), 0.022, (255, 255, 220))


def _city(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    _bands(canvas, size, [(0, (235, 170, 120)), (GROUND, (90, 90, 95))])
    for left in (-0.04, 0.15, 0.34, 0.53, 0.72, 0.9):
        top, shade = rng.uniform(0.15, 0.45), rng.choice((105, 130))
        canvas.rectangle(
            (left * size, top * size, (left + 0.16) * size, GROUND * size), fill=(shade - 15, shade - 10, shade + 20)
        )
        for row in range(3):
            y = top + 0.06 + 0.14 * row
            canvas.rectangle(((left + 0.05) * size, y * size, (left + 0.11) * size, (y + 0.06) * size), fill=(255, 230, 110))


def _snow(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    _bands(canvas, size, [(0, (165, 195, 225)), (GROUND - 0.04, (245, 248, 255))])
    for column in (0.06, 0.22, 0.4, 0.6, 0.78, 0.94):
        for row in (0.1, 0.35, 0.6):
            x, y = column + rng.uniform(-0.04, 0.04), row + rng.uniform(-0.07, 0.07)
            _disc(canvas, size, x, y, 0.03, (255, 255, 255))


def _simple(canvas: ImageDraw.ImageDraw, size: int, rng: random.Random) -> None:
    shade = rng.randint(-6, 6)
    _bands(canvas, size, [(0, (236 + shade, 228 + shade, 212 + shade))])
