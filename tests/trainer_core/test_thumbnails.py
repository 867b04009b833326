"""Thumbnails: size, turn, what is kept and when it is made anew; and sizes from a picture's head."""

import os
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core import thumbnails as room
from lora_workbench.trainer_core.thumbnails import picture_size, prune, thumbnail


def turned(path: Path) -> Path:
    """600×300 px, red left and blue right, lying on its side: EXIF says to turn it by 90° clockwise."""
    image = Image.new("RGB", (600, 300), "blue")
    image.paste("red", (0, 0, 300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_upright_and_small(tmp_path: Path, name: str) -> None:
    path = turned(tmp_path / name)
    kept = thumbnail(path, 100, tmp_path / "cache")
    with Image.open(kept) as image:
        assert image.format == "WEBP" and image.size == (50, 100)
        above, below = (image.convert("RGB").getpixel((25, y)) for y in (10, 90))
    assert above[0] > 200 > 60 > above[2] and below[2] > 200 > 60 > below[0]
    assert picture_size(path) == (300, 600)


@pytest.mark.parametrize("mode", ["P", "L", "RGBA", "1", "I;16", "CMYK"])
def test_every_kind_of_picture(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new(mode, (300, 200)).save(path)
    with Image.open(thumbnail(path, 64, tmp_path / "cache")) as image:
        assert image.size in ((64, 43), (64, 42))
        assert image.convert("RGB").getpixel((10, 10)) == ((255,) * 3 if mode in ("RGBA", "CMYK") else (0,) * 3)


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    with Image.open(thumbnail(tmp_path / "a.png", 256, tmp_path / "cache")) as image:
        assert image.size == (40, 30)


def test_it_is_kept_until_the_picture_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = turned(tmp_path / "a.png")
    first = thumbnail(path, 100, tmp_path / "cache")
    real = room.opened
    monkeypatch.setattr(room, "opened", lambda content: pytest.fail("the picture was read again"))
    assert thumbnail(path, 100, tmp_path / "cache") == first
    monkeypatch.setattr(room, "opened", real)
    assert thumbnail(path, 50, tmp_path / "cache") != first
    Image.new("RGB", (60, 30)).save(path)
    os.utime(path, ns=(1, 1))
    second = thumbnail(path, 100, tmp_path / "cache")
    with Image.open(second) as image:
        assert second != first and image.size == (60, 30)
    assert picture_size(path) == (60, 30)
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_sizes_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = turned(tmp_path / "a.jpg")
    assert picture_size(path) == (300, 600)
    monkeypatch.setattr(room.Image, "open", lambda *_, **__: pytest.fail("the picture was read again"))
    assert picture_size(path) == (300, 600)


def test_the_cache_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked at longest ago goes first, and looking at a thumbnail keeps it."""
    cache, kept = tmp_path / "cache", []
    monkeypatch.setattr(room, "_made", 1)
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.effect_noise((64, 64), 90).save(path)
        kept.append(thumbnail(path, 64, cache))
        os.utime(kept[-1], (1e9 + number, 1e9 + number))
    size = sum(path.stat().st_size for path in kept)
    assert prune(cache, size) == 0
    assert thumbnail(tmp_path / "0.png", 64, cache) == kept[0]  # the oldest, looked at now
    monkeypatch.setattr(room, "MOST_BYTES", size - 1)
    monkeypatch.setattr(room, "_made", room._LOOKED_AT_EVERY)
    Image.effect_noise((64, 64), 90).save(tmp_path / "new.png")
    new = thumbnail(tmp_path / "new.png", 64, cache)
    assert new.is_file() and kept[0].is_file() and kept[-1].is_file()
    assert not kept[1].is_file() and not kept[2].is_file()
    assert sum(path.stat().st_size for path in cache.rglob("*.webp")) <= 0.8 * size
