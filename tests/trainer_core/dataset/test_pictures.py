import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset import pictures
from lora_workbench.trainer_core.dataset.pictures import load_picture, look_at, look_into
from lora_workbench.trainer_core.dataset.scan import scan
from lora_workbench.trainer_core.settings import Settings


def save(path: Path, image: Image.Image, **words: object) -> Path:
    image.save(path, **words)
    return path


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_each_kind_is_read_with_its_size(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "a", Image.new("RGB", (40, 30), (250, 0, 0)), format=kind)
    look = look_into(path)
    assert (look.size, look.reason) == ((40, 30), "")
    red, green, blue = load_picture(path).getpixel((20, 15))
    assert red > 240 and green < 10 and blue < 10


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    """Orientation 6: the camera was turned, the picture's left edge is its top."""
    image = Image.new("RGB", (40, 30))
    image.paste((255, 0, 0), (0, 0, 5, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", image, exif=exif)
    look = look_into(path)
    assert look.size == (30, 40) and look.rotated
    upright = load_picture(path)
    assert upright.size == (30, 40) and upright.getpixel((15, 2)) == (255, 0, 0) and upright.getpixel((15, 30)) == (0, 0, 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 10, 20))
    path = save(tmp_path / "a.png", image.convert(mode))
    assert look_into(path).transparent
    assert load_picture(path).getpixel((15, 5)) == (255, 255, 255)
    assert load_picture(path).getpixel((5, 5)) == (0, 0, 0)
    assert not look_into(save(tmp_path / "b.png", image.convert("RGB"))).transparent


def test_sixteen_bits_are_not_white(tmp_path: Path) -> None:
    image = Image.new("I;16", (20, 20), 0x8000)
    path = save(tmp_path / "a.png", image)
    assert load_picture(path).getpixel((3, 3)) == pytest.approx((128, 128, 128), abs=1)


def animated(kind: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue", "green")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def png(size: tuple[int, int] = (20, 20)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 50).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<html>", "corrupt"),
        (png((64, 64))[:-500], "corrupt"),
        (png()[:30], "corrupt"),
        (png((1, 1)), "1×1"),
        (png((300, 15)), "300×15"),
        (animated("WEBP"), "animated"),
        (animated("GIF"), "animated"),
    ],
)
def test_what_can_not_be_trained_has_a_reason(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert word in look_into(path).reason


def test_a_huge_picture_is_refused_and_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    assert "8,000 pixels" in look_into(path).reason


def test_what_was_seen_is_remembered_until_the_file_changes(
    tmp_path: Path, draw_picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [draw_picture(tmp_path / f"{number}.png", (30, 20 + number)) for number in range(3)]
    (tmp_path / "2.png").write_bytes(b"broken")
    memory = tmp_path / "memory"
    first = look_at(paths, memory)
    decoded: list[Path] = []
    real = look_into
    monkeypatch.setattr(pictures, "look_into", lambda path: decoded.append(path) or real(path))
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
    real, seen = pictures.look_into, []

    def cut_short(path: Path) -> pictures.Look:
        if path.name == "5.png" and len(seen) < 7:
            raise KeyboardInterrupt
        seen.append(path.name)
        return real(path)

    monkeypatch.setattr(pictures, "_AT_ONCE", 2)
    monkeypatch.setattr(pictures, "look_into", cut_short)
    with pytest.raises(KeyboardInterrupt):
        look_at(paths, tmp_path / "memory")
    monkeypatch.setattr(pictures, "look_into", lambda path: (seen.append(path.name), real(path))[1])
    seen.clear()
    looks, _ = look_at(paths, tmp_path / "memory")
    assert sorted(seen) == ["4.png", "5.png", "6.png"] and len(looks) == 7


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 1, "files": {"0.png": {"mark": None}}})])
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


def test_the_guidance_that_a_picture_was_drawn_with_is_pointed_out(folder: Path, settings: Callable[..., Settings]) -> None:
    """webui's text in a PNG: above 7 is told, whatever a prompt says of itself; seen anew from the memory of pictures."""
    from PIL.PngImagePlugin import PngInfo

    told = {"a": "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 12.5, Seed: 1", "b": "a\nSteps: 20, CFG scale: 7, Seed: 1"}
    told |= {"c": "CFG scale: 30, as they say\nSteps: 20, CFG scale: 5, Seed: 1", "d": "no numbers"}
    for name, text in told.items():
        info = PngInfo()
        info.add_text("parameters", text)
        Image.new("RGB", (128, 128), "teal").save(folder / f"{name}.png", pnginfo=info)
        (folder / f"{name}.txt").write_text("penny", encoding="utf-8")
    for _ in range(2):
        found = [one for one in scan(settings()).problems if one.code == "cfg-high"]
        assert [(one.severity, one.message) for one in found] == [
            ("note", "1 picture drawn with a CFG above 7, as their PNG info says: a.png.")
        ]
