"""A pen that draws thick-outlined shapes in a creature's own coordinates on a supersampled canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

OUTLINE = (38, 30, 44)
Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass
class Pen:
    """Maps creature units (about one pixel of the finished picture, y down) to the canvas."""

    image: Image.Image
    origin: Point
    unit: float
    canvas: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.canvas = ImageDraw.Draw(self.image)

    def at(self, point: Point) -> Point:
        """Canvas position of a point in creature units."""
        return (self.origin[0] + point[0] * self.unit, self.origin[1] + point[1] * self.unit)

    def polygon(self, points: list[Point], fill: Colour, outline: float = 3.0) -> None:
        """A filled polygon with a round-cornered dark line around it."""
        corners = [self.at(point) for point in points]
        if outline:
            width = round(2 * outline * self.unit)
            self.canvas.line([*corners, corners[0], corners[1]], fill=OUTLINE, width=width, joint="curve")
        self.canvas.polygon(corners, fill=fill)

    def ellipse(self, centre: Point, rx: float, ry: float, fill: Colour, outline: float = 3.0) -> None:
        """A filled ellipse; the outline grows outwards."""
        x, y = self.at(centre)
        for grow, colour in ((outline, OUTLINE), (0.0, fill)):
            a, b = (rx + grow) * self.unit, (ry + grow) * self.unit
            self.canvas.ellipse((x - a, y - b, x + a, y + b), fill=colour)

    def arc(self, centre: Point, rx: float, ry: float, start: float, end: float, width: float) -> None:
        """A dark thick arc with round ends, angles in degrees clockwise from the right."""
        steps = [start + (end - start) * i / 16 for i in range(17)]
        points = [(centre[0] + rx * math.cos(math.radians(t)), centre[1] + ry * math.sin(math.radians(t))) for t in steps]
        self.line(points, OUTLINE, width)

    def line(self, points: list[Point], fill: Colour, width: float) -> None:
        """A thick line with round joints and ends."""
        self.canvas.line([self.at(point) for point in points], fill=fill, width=round(width * self.unit), joint="curve")
        for point in (points[0], points[-1]):
            self.ellipse(point, width / 2, width / 2, fill, outline=0)


def ellipse_points(centre: Point, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points along an ellipse, angles in degrees clockwise from the right."""
    count = 40
    angles = [math.radians(start + (end - start) * i / count) for i in range(count + 1)]
    return [(centre[0] + rx * math.cos(t), centre[1] + ry * math.sin(t)) for t in angles]


def capsule(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    """Points along a rectangle with round corners."""
    corners = [
        (right - radius, top + radius, -90),
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 90),
        (left + radius, top + radius, 180),
    ]
    return [p for x, y, a in corners for p in ellipse_points((x, y), radius, radius, a, a + 90)]
