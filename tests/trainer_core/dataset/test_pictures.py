import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lora_workbench.trainer_core.dataset.pictures import load_picture, look_into
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
