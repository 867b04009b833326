"""A contact sheet of the crops: each picture with what its size cuts off dimmed, those that lose most first. Decodes pictures,
so it is drawn only where it is asked for."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from ..dataset.items import Item, TrainingSet
from ..dataset.pictures import load_picture
from ..files import atomic_path, write_atomically
from ..problems import UserError, WordsError
from .crops import by_loss
from .sizes import crop_loss, crop_moves

SIDE = 240  # of a thumbnail, in pixels
_MOST = {".html": 2000, ".png": 240}  # pictures on a sheet
_COLUMNS, _MARGIN, _WORDS = 6, 12, 30
_LINE = (255, 120, 0)
_STYLE = """body{font:14px sans-serif;margin:1.5em;background:#fff;color:#222}figure{display:inline-block;margin:6px;
vertical-align:top;width:244px}figcaption{overflow-wrap:anywhere}figcaption b{color:#b34700}"""


@dataclass(frozen=True)
class Crop:
    """One picture as a thumbnail with its crop drawn in, and its words: name, share that is lost, sizes."""

    image: Image.Image
    name: str
    loss: str
    sizes: str


def write_sheet(path: Path, training_set: TrainingSet) -> str:
    """Writes the sheet, a page or a picture by the file's ending, and returns a sentence on it."""
    ending = path.suffix.lower()
    if ending not in _MOST:
        raise WordsError(f"{path} is neither a page nor a picture: give a name that ends in .html or .png.")
    items = by_loss(training_set)
    if not items:
        raise UserError("There are no pictures whose crops could be drawn.")
    shown = items[: _MOST[ending]]
    with ThreadPoolExecutor(2) as pool:
        if ending == ".html":  # as text at once: thousands of thumbnails would fill the memory
            write_atomically(path, _page(list(pool.map(_figure, shown)), _note(shown, items)))
        else:
            sheet = _sheet(list(pool.map(drawn, shown)))
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                sheet.save(file, "PNG")
    return f"The crops of {len(shown)} of {len(items)} pictures, those that lose most first, are drawn in {path}."


def drawn(item: Item) -> Crop:
    """The picture as it is resized, small, with the part that is trained framed and the rest dimmed."""
    (width, height), (left, top), (wide, high) = item.fit.resized, item.fit.crop, item.fit.bucket
    scale = min(1.0, SIDE / max(width, height))
    with load_picture(item.path) as picture:
        small = picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    box = tuple(round(value * scale) for value in (left, top, left + wide, top + high))
    dimmed = Image.blend(small, Image.new("RGB", small.size, (255, 255, 255)), 0.65)
    dimmed.paste(small.crop(box), box[:2])
    ImageDraw.Draw(dimmed).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), outline=_LINE, width=2)
    sizes = f"{item.size[0]}×{item.size[1]} → {wide}×{high}"
    return Crop(dimmed, item.path.name, f"{crop_loss(item):.0%}", sizes)


def _note(shown: Sequence[Item], items: Sequence[Item]) -> str:
    words = [f"{len(shown)} of {len(items)} pictures, those that lose most first. What is dimmed is not trained."]
    if any(map(crop_moves, items)):
        words.append("Random and face crops cut out another part each time; the middle is shown.")
    return " ".join(words)


def _page(figures: Sequence[str], note: str) -> str:
    """A page that needs no other file."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Crops</title><style>{_STYLE}</style>'
    return f"{head}<h1>Crops</h1><p>{html.escape(note)}</p>{''.join(figures)}</html>\n"


def _figure(item: Item) -> str:
    one = drawn(item)
    return (
        f'<figure><img src="{_data(one.image)}" alt=""><figcaption>{html.escape(one.name)}<br>'
        f"{one.sizes}, <b>{one.loss}</b> cut off</figcaption></figure>"
    )


def _data(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode("ascii")


def _sheet(crops: Sequence[Crop]) -> Image.Image:
    """Rows of thumbnails with their words below."""
    columns = min(_COLUMNS, len(crops))
    cell, row = SIDE + _MARGIN, SIDE + _MARGIN + _WORDS
    sheet = Image.new("RGB", (columns * cell + _MARGIN, -(-len(crops) // columns) * row + _MARGIN), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for number, one in enumerate(crops):
        left, top = _MARGIN + number % columns * cell, _MARGIN + number // columns * row
        sheet.paste(one.image, (left, top))
        words = f"{one.name[:34]}\n{one.sizes.replace('×', 'x').replace('→', '->')}, {one.loss} cut off"
        draw.text((left, top + SIDE + 2), words.encode("latin-1", "replace").decode("latin-1"), fill=(0, 0, 0))
    return sheet
