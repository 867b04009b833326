"""What is seen of picture files: quickly as well as by decoding, once, and remembered."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lora_workbench.trainer_core.dataset import picture_memory, quick_look
from lora_workbench.trainer_core.dataset.picture_memory import look_at
from lora_workbench.trainer_core.dataset.pictures import Look, look_into
from lora_workbench.trainer_core.dataset.quick_look import look_quickly
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.settings import Settings


def encoded(kind: str, size: tuple[int, int] = (90, 60), mode: str = "RGB", **words: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(file, kind, **words)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def late_exif() -> bytes:
    """A PNG whose EXIF data follow its pixels, as the format lets them."""
    content, exif = encoded("PNG"), turned(6).tobytes().removeprefix(b"Exif\0\0")
    import zlib

    chunk = len(exif).to_bytes(4, "big") + b"eXIf" + exif + zlib.crc32(b"eXIf" + exif).to_bytes(4, "big")
    return content[:-12] + chunk + content[-12:]


def with_words() -> PngInfo:
    words = PngInfo()
    words.add_text("parameters", "a cat\nSteps: 20, CFG scale: 12.5, Seed: 1")
    return words


WHOLE = {
    "png": encoded("PNG"),
    "png turned": encoded("PNG", exif=turned(8)),
    "png with words": encoded("PNG", pnginfo=with_words()),
    "png transparent": encoded("PNG", mode="RGBA"),
    "png grey": encoded("PNG", mode="L"),
    "png large": encoded("PNG", (500, 400)),
    "jpeg": encoded("JPEG"),
    "jpeg turned": encoded("JPEG", exif=turned(6)),
    "jpeg mirrored": encoded("JPEG", exif=turned(2)),
    "jpeg large": encoded("JPEG", (700, 500), quality=100),
    "jpeg in steps": encoded("JPEG", progressive=True),
    "jpeg with more behind it": encoded("JPEG") + b"more",
    "webp": encoded("WEBP"),
    "webp turned": encoded("WEBP", exif=turned(5)),
    "webp transparent": encoded("WEBP", mode="RGBA"),
    "bmp": encoded("BMP"),
}
HARD = {
    "exif behind the pixels": late_exif(),
    "small": encoded("PNG", (9, 300)),
    "moving": encoded("PNG", save_all=True, append_images=[Image.new("RGB", (90, 60))]),
    "gif": encoded("GIF"),
    "empty": b"",
    "text": b"<html>",
    **{f"{kind} cut short": encoded(kind, (300, 200))[:-3000] for kind in ("PNG", "JPEG", "WEBP", "BMP")},
    "jpeg cut short, a whole small one in its head": encoded("JPEG", (300, 200), comment=encoded("JPEG", (20, 20)))[:-3000],
}


@pytest.mark.parametrize("name", [*WHOLE, *HARD])
def test_a_quick_look_sees_what_decoding_sees(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes({**WHOLE, **HARD}[name])
    Image.init()
    decoded: list[Path] = []
    monkeypatch.setattr(quick_look, "look_into", lambda path: decoded.append(path) or look_into(path))
    quick, thorough = look_quickly(path), look_into(path)
    assert (quick.size, quick.rotated, quick.transparent, quick.reason, quick.cfg) == (
        thorough.size, thorough.rotated, thorough.transparent, thorough.reason, thorough.cfg,
    )  # fmt: skip
    assert bool(decoded) == (name in HARD) and quick.decoded == bool(decoded)


def test_damage_in_the_middle_is_found_before_a_training(folder: Path, settings: Callable[..., Settings]) -> None:
    """The plan may not see it, the run's own plan does; from then on every plan knows."""
    whole = encoded("PNG", (300, 200))
    middle = len(whole) // 2
    (folder / "hurt.png").write_bytes(whole[:middle] + b"no picture" + whole[middle + 10 :])
    assert not [one for one in scan(settings()).ignored if one.path.name == "hurt.png"]
    for decode in (True, False):
        (ignored,) = [one for one in scan(settings(), decode).ignored if one.path.name == "hurt.png"]
        assert ignored.reason.startswith("it is corrupt")


def test_what_was_seen_is_remembered_until_the_file_changes(
    tmp_path: Path, draw_picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [draw_picture(tmp_path / f"{number}.png", (30, 20 + number)) for number in range(3)]
    (tmp_path / "2.png").write_bytes(b"broken")
    memory = tmp_path / "memory"
    first = look_at(paths, memory)
    decoded: list[Path] = []
    real = look_quickly
    monkeypatch.setattr(picture_memory, "look_quickly", lambda path: decoded.append(path) or real(path))
    assert look_at(paths, memory) == first and decoded == []
    draw_picture(paths[1], (50, 50))
    os.utime(paths[1], ns=(1, 1))
    looks, _ = look_at(paths, memory)
    assert decoded == [paths[1]]
    assert [look.size for look in looks] == [(30, 20), (50, 50), (0, 0)]


def test_a_first_look_that_is_cut_short_goes_on_where_it_was(
    tmp_path: Path, draw_picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [draw_picture(tmp_path / f"{number}.png") for number in range(7)]
    real, seen = picture_memory.look_quickly, []

    def cut_short(path: Path) -> Look:
        if path.name == "5.png" and len(seen) < 7:
            raise KeyboardInterrupt
        seen.append(path.name)
        return real(path)

    monkeypatch.setattr(picture_memory, "_AT_ONCE", 2)
    monkeypatch.setattr(picture_memory, "look_quickly", cut_short)
    with pytest.raises(KeyboardInterrupt):
        look_at(paths, tmp_path / "memory")
    monkeypatch.setattr(picture_memory, "look_quickly", lambda path: (seen.append(path.name), real(path))[1])
    seen.clear()
    looks, _ = look_at(paths, tmp_path / "memory")
    assert sorted(seen) == ["4.png", "5.png", "6.png"] and len(looks) == 7


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 3, "files": {"0.png": {"mark": None}}})])
def test_a_damaged_memory_is_made_again(tmp_path: Path, draw_picture: Callable[..., Path], content: str) -> None:
    path, memory = draw_picture(tmp_path / "0.png"), tmp_path / "memory"
    look_at([path], memory)
    (kept,) = memory.iterdir()
    kept.write_text(content, encoding="utf-8")
    assert look_at([path], memory)[0][0].size == (128, 128)


def test_no_place_for_the_memory_is_told_and_no_harm(tmp_path: Path, draw_picture: Callable[..., Path]) -> None:
    (tmp_path / "memory").write_text("a file in its place", encoding="utf-8")
    looks, why = look_at([draw_picture(tmp_path / "0.png")], tmp_path / "memory")
    assert looks[0].size == (128, 128) and why
