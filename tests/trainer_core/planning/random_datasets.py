"""Folders of pictures as people have them, odd ones too, and settings: drawn from a number."""

from __future__ import annotations

import functools
import io
import random
from pathlib import Path
from typing import Any

from PIL import Image

SIDES = (9, 16, 40, 48, 64, 72, 80, 96, 128, 150, 200, 320)
FOLDERS = (
    "3_penny",
    "1_penny hat",
    "2_",
    "010_doll",
    "5",
    "4_x_y",
    "0_none",
    "-1_less",
    "penny",
    "name_3",
    ".hidden",
    "__MACOSX",
)
ODD_FILES = (
    "notes",
    "b.caption",
    "c.TAGS",
    "d.gif",
    "e.tiff",
    "f.json",
    "g.NPZ",
    "h.zip",
    ".i.png",
    "Thumbs.db",
    "j.exe",
    "k.cap",
)


@functools.cache
def encoded(kind: str, size: tuple[int, int], orientation: int = 1) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = orientation
    words = {} if kind == "BMP" else {"exif": exif}
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, kind, **words)
    return file.getvalue()


@functools.cache
def animated() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64), "red")])
    return file.getvalue()


def picture(chosen: random.Random) -> bytes:
    """Mostly a picture, sometimes nothing, a part of one, several, or something else."""
    kind = chosen.choice(("PNG", "PNG", "JPEG", "JPEG", "WEBP", "BMP"))
    content = encoded(kind, (chosen.choice(SIDES), chosen.choice(SIDES)), chosen.choice((1, 1, 1, 3, 6, 8)))
    odd = chosen.random()
    if odd < 0.03:
        return b""
    if odd < 0.08:
        return content[: len(content) // 2]
    if odd < 0.1:
        return b"<html>not found</html>"
    return animated() if odd < 0.13 else content


def fill(folder: Path, chosen: random.Random, most: int) -> None:
    """Pictures with and without captions, captions without pictures, and files that belong elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(chosen.randrange(most + 1)):
        ending = chosen.choice((".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".webp", ".Bmp"))
        stem = f"{number} a" if chosen.random() < 0.3 else f"{number:03d}"
        (folder / f"{stem}{ending}").write_bytes(picture(chosen))
        if chosen.random() < 0.7:
            text = chosen.choice(("penny, red hat", "", "penny, \\(doll\\)\nsecond line"))
            (folder / f"{stem}{chosen.choice(('.txt', '.txt', '.TXT'))}").write_text(text, encoding="utf-8")
    for name in chosen.sample(ODD_FILES, chosen.choice((0, 0, 1, 3))):
        (folder / name).write_bytes(b"x")
    if chosen.random() < 0.15:
        (folder / "lonely.txt").write_text("penny", encoding="utf-8")
    if chosen.random() < 0.1:
        (folder / "deeper").mkdir()
        (folder / "deeper" / "a.png").write_bytes(encoded("PNG", (64, 64)))


def make_dataset(root: Path, chosen: random.Random, most: int = 7) -> None:
    """Numbered folders, others among them, or one plain folder."""
    root.mkdir(parents=True)
    if chosen.random() < 0.2:
        fill(root, chosen, most)
        if chosen.random() < 0.3:
            fill(root / "other", chosen, 2)
        return
    for name in chosen.sample(FOLDERS, chosen.choice((1, 2, 2, 3, 4))):
        fill(root / name, chosen, most)
    if chosen.random() < 0.2:
        (root / "beside.png").write_bytes(encoded("PNG", (64, 64)))
        (root / "beside.txt").write_text("penny", encoding="utf-8")


def make_words(folder: Path, chosen: random.Random) -> dict[str, Any]:
    """Settings of a run on a dataset that is made in `folder`."""
    make_dataset(folder / "set", chosen)
    reg = chosen.random() < 0.4
    if reg:
        make_dataset(folder / "reg", chosen, chosen.choice((2, 12)))
    resolution, step = chosen.choice((64, 96, 128)), chosen.choice((8, 16, 32, 64))
    by_epochs = chosen.random() < 0.6
    return {
        "train_data_dir": folder / "set",
        "reg_data_dir": folder / "reg" if reg else None,
        "dataset_repeats": chosen.choice((1, 1, 3)),
        "resolution": resolution,
        "enable_bucket": chosen.random() < 0.8,
        "bucket_no_upscale": chosen.random() < 0.3,
        "bucket_reso_steps": step,
        "min_bucket_reso": chosen.choice((64, min(80, resolution))),
        "max_bucket_reso": chosen.choice((128, 200, 256)),
        "train_batch_size": chosen.choice((1, 1, 2, 3, 5)),
        "gradient_accumulation_steps": chosen.choice((1, 1, 2, 4)),
        "num_processes": chosen.choice((1, 1, 2, 3)),
        "max_train_epochs": chosen.choice((1, 2, 7)) if by_epochs else None,
        "max_train_steps": None if by_epochs else chosen.choice((1, 10, 100)),
    }
