"""Renders the toy world's creatures with booru-style tags: the same seed always gives the same picture."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from . import backgrounds
from .bodies import Body, all_bodies
from .pen import OUTLINE, Colour, Pen

SIZE = 128
SUPERSAMPLING = 3
BODY_COLOURS: dict[str, Colour] = {
    "red body": (225, 50, 45),
    "yellow body": (250, 215, 50),
    "green body": (70, 190, 80),
    "blue body": (60, 120, 235),
    "purple body": (145, 80, 205),
    "pink body": (255, 150, 195),
    "white body": (250, 250, 250),
}
ORANGE, TEAL, TURQUOISE, LIME, GOLD = (255, 140, 20), (0, 150, 150), (60, 215, 205), (170, 230, 30), (255, 215, 0)
CREAM, BROWN, CYAN, MAGENTA = (250, 235, 205), (125, 70, 30), (40, 215, 245), (235, 30, 150)


@cache
def world() -> dict:
    """The table of the world: tags by kind, which kinds are context, and the held-back creatures' own tags."""
    return json.loads((Path(__file__).parent / "world.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Creature:
    """One picture's contents: tags by kind, and the seed of everything that tags don't say."""

    tags: tuple[tuple[str, str], ...]
    seed: int
    name: str = ""

    def get(self, kind: str) -> str:
        """The tag of that kind, or an empty string."""
        return dict(self.tags).get(kind, "")


def optional_share(kind: str) -> float:
    """How often a kind of tag is there at all."""
    return {"pattern": 0.5, "hat": 0.65, "bow": 0.35, "scarf": 0.35, "boots": 0.4}.get(kind, 1.0)


def draw_context(rng: random.Random) -> dict[str, str]:
    """One random combination of context tags by kind."""
    return {kind: rng.choice(world()[kind]) for kind in world()["context_kinds"] if rng.random() < optional_share(kind)}


def base_creature(seed: int) -> Creature:
    """A creature of the base's training set."""
    rng = random.Random(f"creature {seed}")
    looks = {kind: rng.choice(world()[kind]) for kind in ("body", "colour", "pattern") if rng.random() < optional_share(kind)}
    return Creature(tags=tuple((looks | draw_context(rng)).items()), seed=seed)


def named_creature(name: str, context: dict[str, str], seed: int) -> Creature:
    """A held-back creature with the given context tags (by kind)."""
    if name not in world()["held_back"]:
        raise ValueError(f"unknown creature {name!r}; there are {', '.join(world()['held_back'])}")
    return Creature(tags=(("body", world()["held_back"][name][0]), *context.items()), seed=seed, name=name)


def own_tags(name: str) -> list[str]:
    """The tags that only this held-back creature has."""
    return list(world()["held_back"][name])


def tags_of(creature: Creature) -> list[str]:
    """All tags that are true of the picture, in the usual order; the character's name comes first."""
    own = [creature.name, *world()["always"], *own_tags(creature.name)] if creature.name else world()["always"]
    return [*own, *(tag for kind, tag in creature.tags if not (creature.name and kind == "body"))]


def render(creature: Creature) -> Image.Image:
    """The picture, RGB, 128 by 128."""
    rng = random.Random(f"picture {creature.seed}")
    side = SIZE * SUPERSAMPLING
    image = Image.new("RGB", (side, side))
    backgrounds.draw_background(ImageDraw.Draw(image), side, creature.get("background"), rng)
    unit = SUPERSAMPLING * rng.uniform(0.94, 1.05)
    origin = (side / 2 + rng.uniform(-4, 4) * SUPERSAMPLING, side * 0.59 + rng.uniform(-2.5, 2.5) * SUPERSAMPLING)
    pen = Pen(image, origin, unit)
    body = all_bodies()[creature.get("body")]
    shade = rng.uniform(0.95, 1.0)
    if creature.get("boots"):
        _boots(pen, body)
    if creature.name:
        {"zibbo": _zibbo, "mirra": _mirra}[creature.name](pen, body)
    else:
        fill = tuple(round(value * shade) for value in BODY_COLOURS[creature.get("colour")])
        _plain_body(pen, body, fill, creature.get("pattern"))
    _face(pen, body, creature.get("eyes"), creature.get("mouth"))
    if creature.get("scarf"):
        _scarf(pen, body)
    if creature.get("hat"):
        _hat(pen, body, creature.get("hat"))
    if creature.get("bow"):
        _bow(pen, body)
    return image.resize((SIZE, SIZE), Image.Resampling.BOX)


def _plain_body(pen: Pen, body: Body, fill: Colour, pattern: str) -> None:
    """A base creature's body in one colour, with stripes or spots in a darker shade."""
    if body.stem:
        pen.polygon(list(body.stem), CREAM)
    for outline in body.outlines:
        pen.polygon(list(outline), fill)
    pen.polygon(list(body.outlines[-1]), fill, outline=0)
    if pattern:
        dark = tuple(round(value * 0.55) for value in fill)
        marks = _stripes if pattern == "striped" else _spots
        _inside(pen, body, lambda layer: marks(layer, dark))


def _inside(pen: Pen, body: Body, paint: object) -> None:
    """Paints on a copy and keeps only what lies inside the body's outlines."""
    layer = Pen(pen.image.copy(), pen.origin, pen.unit)
    paint(layer)
    mask = Image.new("L", pen.image.size)
    shape = ImageDraw.Draw(mask)
    for outline in body.outlines:
        shape.polygon([pen.at(point) for point in outline], fill=255)
    pen.image.paste(layer.image, (0, 0), mask)


def _stripes(pen: Pen, colour: Colour) -> None:
    for x in (-38, -19, 0, 19, 38):
        pen.line([(x, -70), (x, 60)], colour, 7)


def _spots(pen: Pen, colour: Colour) -> None:
    for row, y in enumerate((-52, -36, -20, -4, 12, 28)):
        for x in (-40, -20, 0, 20, 40):
            pen.ellipse((x + 10 * (row % 2), y), 5, 5, colour, outline=0)


def _zibbo(pen: Pen, body: Body) -> None:
    """Star, orange above and teal below, with a yellow lightning bolt for a tail."""
    bolt = [(18, 22), (38, 4), (36, 14), (58, -6), (46, 20), (48, 12), (26, 34)]
    pen.polygon(bolt, (255, 235, 40), outline=2.5)
    pen.polygon(list(body.outlines[0]), ORANGE)
    _inside(pen, body, lambda layer: layer.polygon([(-60, 10), (60, 10), (60, 60), (-60, 60)], TEAL, outline=0))


def _mirra(pen: Pen, body: Body) -> None:
    """Turquoise heart with a golden diamond on the belly and two lime leaves for wings."""
    for s in (-1, 1):
        leaf = [(s * x, y) for x, y in ((20, 8), (34, -20), (58, -34), (60, -8), (46, 14), (26, 22))]
        pen.polygon(leaf, LIME)
    pen.polygon(list(body.outlines[0]), TURQUOISE)
    pen.polygon([(0, 8), (13, 19), (0, 30), (-13, 19)], GOLD, outline=2)


def _face(pen: Pen, body: Body, eyes: str, mouth: str) -> None:
    x, y = body.face
    if eyes == "one eye":
        pen.ellipse((x, y - 6), 11, 11, (255, 255, 255), outline=2.5)
        pen.ellipse((x, y - 6), 5.5, 5.5, OUTLINE, outline=0)
    for side in (-1, 1):
        if eyes == "big eyes":
            pen.ellipse((x + side * 10, y - 3), 8, 9, (255, 255, 255), outline=2)
            pen.ellipse((x + side * 9, y - 2), 4.5, 5, OUTLINE, outline=0)
        elif eyes == "closed eyes":
            pen.arc((x + side * 11, y - 4), 6.5, 6, 0, 180, 4.5)
    if mouth == "smile":
        pen.arc((x, y + 10), 12, 9, 10, 170, 4.5)
    elif mouth == "frown":
        pen.arc((x, y + 21), 12, 9, 190, 350, 4.5)
    else:
        pen.ellipse((x, y + 16), 8, 7, (170, 20, 50), outline=2.5)


def _hat(pen: Pen, body: Body, hat: str) -> None:
    y = body.hat_y
    if hat == "red hat":
        pen.polygon([(-17, y + 2), (0, y - 29), (17, y + 2)], (235, 20, 30), outline=2.5)
        pen.ellipse((0, y - 27), 5.5, 5.5, (255, 255, 255), outline=2)
    elif hat == "top hat":
        pen.polygon([(-13, y), (-13, y - 25), (13, y - 25), (13, y)], (45, 40, 50), outline=2)
        pen.polygon([(-13, y - 9), (13, y - 9), (13, y - 3), (-13, y - 3)], (190, 190, 200), outline=0)
        pen.polygon([(-22, y - 3), (22, y - 3), (22, y + 3), (-22, y + 3)], (45, 40, 50), outline=2)
    else:
        spikes = [(-19, y + 2), (-19, y - 18), (-9, y - 8), (0, y - 22), (9, y - 8), (19, y - 18), (19, y + 2)]
        pen.polygon(spikes, (255, 205, 20), outline=2.5)


def _bow(pen: Pen, body: Body) -> None:
    x, y = body.bow
    for side in (-1, 1):
        pen.polygon([(x, y), (x + side * 14, y - 9), (x + side * 14, y + 9)], MAGENTA, outline=2)
    pen.ellipse((x, y), 4.5, 4.5, MAGENTA, outline=1.5)


def _scarf(pen: Pen, body: Body) -> None:
    y, half = body.scarf_y, body.scarf_half
    pen.polygon([(-half * 0.4 - 5, y), (-half * 0.4 + 6, y), (-half * 0.4 + 6, y + 19), (-half * 0.4 - 5, y + 19)], CYAN, 2)
    pen.polygon([(-half - 2, y - 5), (half + 2, y - 5), (half + 2, y + 5), (-half - 2, y + 5)], CYAN, 2)


def _boots(pen: Pen, body: Body) -> None:
    for side in (-1, 1):
        x, y = side * body.feet_x, body.feet_y
        pen.polygon([(x - 7, y - 6), (x + 7, y - 6), (x + 7, y + 10), (x - 7, y + 10)], BROWN, 2)
        pen.ellipse((x + side * 4, y + 6), 10, 6, BROWN, outline=2)
