"""The contact sheet: pictures by what was found, as one HTML page that needs nothing else, or as one PNG."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..command_errors import system_sentence
from ..files import write_atomically
from ..problems import UserError
from .cutting import plain_picture
from .findings import Finding
from .report import Report

_SIDE, _MOST = 176, 60  # px of a picture; pictures of one finding
_COLUMNS, _LINE, _GAP = 8, 16, 8
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem }}
h2 {{ font-size: 1.05rem; margin: 2rem 0 .2rem }} code {{ opacity: .7 }} p {{ margin: 0 0 .6rem }}
section > div {{ display: flex; flex-wrap: wrap; gap: 10px }}
figure {{ margin: 0; width: {side}px; font-size: 12.5px; overflow-wrap: anywhere }}
img {{ max-width: 100%; border-radius: 4px; display: block }}
</style><h1>{title}</h1><p>{intro}</p>{sections}</html>
"""


def write_sheet(report: Report, path: Path) -> None:
    """Writes the sheet, HTML or PNG by the path's ending, in place of one that is there. UserError where it can't be."""
    content = _html(report).encode("utf-8") if path.suffix.lower() != ".png" else _png(report)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f"The contact sheet can't be written: {system_sentence(error)}") from error


def _html(report: Report) -> str:
    title = html.escape(f"Pictures in {report.folder.name}")
    width, height = report.resolution
    intro = f"{report.count} pictures, looked at for training at {width}×{height}."
    if not report.findings:
        intro += " Nothing was found that should be mended."
    sections = "".join(_section(report.folder, one) for one in report.findings)
    return _PAGE.format(title=title, intro=intro, side=_SIDE, sections=sections)


def _section(folder: Path, one: Finding) -> str:
    figures = []
    for found in one.files[:_MOST]:
        picture = _small(folder / found.name)
        shown = f'<img alt="" src="data:image/webp;base64,{_coded(picture)}">' if picture else ""
        figures.append(f"<figure>{shown}{html.escape(found.name)}<br>{html.escape(found.words)}</figure>")
    more = f"<p>… and {len(one.files) - _MOST} more.</p>" if len(one.files) > _MOST else ""
    head = f"<h2>{html.escape(one.message)} <code>{one.code}</code></h2><p>{html.escape(one.fix)}</p>"
    return f'<section class="{one.severity}">{head}<div>{"".join(figures)}</div>{more}</section>'


def _coded(picture: Image.Image) -> str:
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=75)
    return base64.b64encode(content.getvalue()).decode("ascii")


def _small(path: Path) -> Image.Image | None:
    """None for what can't be read: it is named all the same."""
    try:
        picture = plain_picture(path)
    except UserError:
        return None
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture


def _png(report: Report) -> bytes:
    """Rows of pictures under each finding's sentence."""
    font = ImageFont.load_default(13)
    cell, width = _SIDE + 2 * _LINE + _GAP, _COLUMNS * (_SIDE + _GAP) + _GAP
    shown = [(one, one.files[:_MOST]) for one in report.findings]
    rows = sum(-(-len(files) // _COLUMNS) for _, files in shown)
    sheet = Image.new("RGB", (width, _GAP + len(shown) * 2 * _LINE + rows * cell + _LINE), "white")
    pen, y = ImageDraw.Draw(sheet), _GAP
    for one, files in shown:
        more = f" ({len(files)} of {len(one.files)} shown)" if len(files) < len(one.files) else ""
        pen.text((_GAP, y), _plain(f"{one.message}{more} [{one.code}]"), fill="black", font=font)
        y += 2 * _LINE
        for number, found in enumerate(files):
            left, top = _GAP + number % _COLUMNS * (_SIDE + _GAP), y + number // _COLUMNS * cell
            if picture := _small(report.folder / found.name):
                sheet.paste(picture, (left, top))
            for line, text in enumerate((found.name, found.words)):
                pen.text((left, top + _SIDE + line * _LINE), _cut(_plain(text), font), fill="black", font=font)
        y += -(-len(files) // _COLUMNS) * cell
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()


def _plain(text: str) -> str:
    """The built-in font has Latin letters only."""
    return text.replace("×", "x").encode("latin-1", "replace").decode("latin-1")


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and font.getlength(text) > _SIDE:
        text = text[:-1]
    return text
