"""The silhouettes: where each species' outline runs and where its face, hat, scarf, bow and boots go."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .pen import Point, capsule, ellipse_points


@dataclass(frozen=True)
class Body:
    """Outlines (drawn in order, all in the body's colour) and anchors, in creature units with y down."""

    outlines: tuple[tuple[Point, ...], ...]
    face: Point
    hat_y: float
    bow: Point
    scarf_y: float
    scarf_half: float
    feet_y: float = 36.0
    feet_x: float = 15.0
    stem: tuple[Point, ...] = ()


def _ghost() -> list[Point]:
    """A dome with three scallops at the hem."""
    points = ellipse_points((0, -6), 31, 34, 180, 360)
    hem = [ellipse_points((31 - 31 / 3 - i * 62 / 3, 32), 31 / 3, 9, 0, 180) for i in range(3)]
    return points + [p for scallop in hem for p in scallop]


def _star() -> list[Point]:
    """A fat five-pointed star."""
    radii = (47, 25)
    turns = [(radii[i % 2], math.radians(-90 + 36 * i)) for i in range(10)]
    return [(r * math.cos(t), 2 + r * math.sin(t)) for r, t in turns]


def _heart() -> list[Point]:
    """The usual heart curve, point down."""
    ts = [2 * math.pi * i / 60 for i in range(60)]
    return [
        (2.35 * 16 * math.sin(t) ** 3, -2.5 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)))
        for t in ts
    ]


def _body(*outlines: list[Point], **anchors: object) -> Body:
    return Body(outlines=tuple(tuple(outline) for outline in outlines), **anchors)


def all_bodies() -> dict[str, Body]:
    """Every body by its tag, those of the held-back creatures included."""
    ears = [ellipse_points((side * 18, -36), 8.5, 25) for side in (-1, 1)]
    cat_ears = [[(s * 31, 0), (s * 33, -42), (s * 6, -22)] for s in (-1, 1)]
    cat_tail = [*ellipse_points((36, 12), 14, 22, 90, -60), *ellipse_points((34, 12), 5, 13, -60, 90)]
    arms = [[(s * x, y) for x, y in ((10, 14), (40, 14), (40, -18), (29, -18), (29, 2), (10, 2))] for s in (-1, 1)]
    return {
        "round body": _body(ellipse_points((0, 4), 36, 34), face=(0, -4), hat_y=-27, bow=(27, -20), scarf_y=29, scarf_half=25),
        "tall body": _body(capsule(-21, -44, 21, 38, 21), face=(0, -17), hat_y=-41, bow=(19, -36), scarf_y=14, scarf_half=21),
        "square body": _body(capsule(-34, -28, 34, 37, 4), face=(0, -4), hat_y=-27, bow=(30, -25), scarf_y=25, scarf_half=34),
        "bunny": _body(*ears, ellipse_points((0, 8), 30, 30), face=(0, 2), hat_y=-19, bow=(26, -13), scarf_y=32, scarf_half=20),
        "cat": _body(
            cat_tail,
            *cat_ears,
            ellipse_points((0, 7), 34, 31),
            face=(0, 2),
            hat_y=-21,
            bow=(30, -17),
            scarf_y=32,
            scarf_half=22,
        ),
        "ghost": _body(_ghost(), face=(0, -11), hat_y=-37, bow=(26, -29), scarf_y=19, scarf_half=31, feet_y=40),
        "mushroom": _body(
            ellipse_points((0, -8), 45, 36, 180, 360),
            face=(0, 5),
            hat_y=-41,
            bow=(34, -30),
            scarf_y=34,
            scarf_half=24,
            stem=tuple(capsule(-24, -14, 24, 38, 8)),
        ),
        "cactus": _body(
            *arms, capsule(-20, -42, 20, 38, 19), face=(0, -18), hat_y=-39, bow=(18, -34), scarf_y=13, scarf_half=20
        ),
        "star body": _body(_star(), face=(0, -5), hat_y=-33, bow=(17, -30), scarf_y=21, scarf_half=21, feet_x=25),
        "heart body": _body(_heart(), face=(0, -13), hat_y=-22, bow=(25, -29), scarf_y=32, scarf_half=13, feet_x=12),
    }
