"""A labelled grid of pictures: what was changed stands beside the rows and above the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

PAPER, INK = "white", "#222222"
SMALLEST, LARGEST = 14, 28  # font sizes in pixels


def draw_grid(
    rows: Sequence[Sequence[Image.Image | None]],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    title: str = "",
) -> Image.Image:
    """The pictures in rows and columns, RGB; None leaves a place empty. Long labels are broken into lines, none is cut."""
    pictures = [picture for row in rows for picture in row if picture is not None]
    columns = max((len(row) for row in rows), default=0)
    if not pictures or len(row_labels) not in (0, len(rows)) or len(column_labels) not in (0, columns):
        raise ValueError("a grid needs pictures, and no labels or one for each row and for each column")
    width, height = max(one.width for one in pictures), max(one.height for one in pictures)
    size = min(max(width // 16, SMALLEST), LARGEST)
    font: Any = ImageFont.load_default(size)
    gap, line = size // 2, round(size * 1.3)

    left_width = min(max(width, 12 * size), 2 * width + 4 * size) if any(row_labels) else 0
    beside = [_lines(text, font, left_width) for text in row_labels] or [[]] * len(rows)
    above = [_lines(text, font, width) for text in column_labels] or [[]] * columns
    left = left_width + gap if left_width else 0
    total_width = left + gap + columns * (width + gap)
    heading = _lines(title, font, total_width - 2 * gap)
    top = gap + _height(heading, line, gap) + _height(max(above, key=len), line, gap)
    heights = [max(height, len(lines) * line) for lines in beside]

    grid = Image.new("RGB", (total_width, top + sum(heights) + gap * len(heights)), PAPER)
    draw = ImageDraw.Draw(grid)
    _write(draw, heading, font, line, gap, gap)
    for column, lines in enumerate(above):
        _write(draw, lines, font, line, left + gap + column * (width + gap), top - gap - len(lines) * line)
    y = top
    for row, lines, row_height in zip(rows, beside, heights, strict=True):
        _write(draw, lines, font, line, gap, y)
        for column, picture in enumerate(row):
            if picture is not None:
                grid.paste(picture.convert("RGB"), (left + gap + column * (width + gap), y))
        y += row_height + gap
    return grid


def _height(lines: list[str], line: int, gap: int) -> int:
    return len(lines) * line + gap if lines else 0


def _write(draw: ImageDraw.ImageDraw, lines: list[str], font: Any, line: int, x: int, y: int) -> None:
    for number, text in enumerate(lines):
        draw.text((x, y + number * line), text, fill=INK, font=font)


def _lines(text: str, font: Any, width: int) -> list[str]:
    """The text in lines of at most `width` pixels, broken at spaces, or within a word that is wider than a line."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            wanted = f"{line} {word}" if line else word
            if font.getlength(wanted) <= width:
                line = wanted
                continue
            if line:
                lines.append(line)
            while font.getlength(word) > width and len(word) > 1:
                fits = next(
                    count for count in range(len(word) - 1, 0, -1) if count == 1 or font.getlength(word[:count]) <= width
                )
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        if line:
            lines.append(line)
    return lines
