"""The page of a grid in a real browser: keyboard alone, nothing from outside, nobody's words as code; and the large PNGs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lora_workbench.trainer_core.generate.base_model import Base
from lora_workbench.trainer_core.generate.request import Request
from lora_workbench.trainer_core.generate.run_snapshots import Snapshot
from lora_workbench.trainer_core.grids import page
from lora_workbench.trainer_core.grids.axes import Grid, Point, lay_out, number_points, prompt_points, snapshot_points
from lora_workbench.trainer_core.grids.axes import all_cells as cells_of
from lora_workbench.trainer_core.grids.page import write_page, write_pngs

BAD = "</script><img src=x onerror=\"document.title='broken'\"> & \u2028 'x'"
CHECKPOINT = Path("base.safetensors")


@pytest.fixture
def grids(tmp_path: Path) -> tuple[list[Grid], dict[str, Path]]:
    """Two prompts by base and two snapshots, with pictures of one colour each."""
    snapshots = [
        Snapshot(Path(f"a b-{one}.safetensors"), "a b", f"e{one}", one, None, "7", f"{one}" * 64, False) for one in (1, 2)
    ]
    axes = {
        "snapshots": snapshot_points(snapshots),
        "te": number_points("te", [1]),
        "unet": number_points("unet", [1]),
        "checkpoints": [Point("m1", "base", CHECKPOINT)],
        "prompts": prompt_points([Request(BAD, width=64, height=64), Request("sun", BAD, width=64, height=64)]),
    }
    grids = lay_out(axes)
    files = {}
    for number, cell in enumerate(cells_of(grids)):
        files[cell.id] = tmp_path / f"{number}.png"
        Image.new("RGB", (64, 64), (40 * number, 0, 0)).save(files[cell.id])
    return grids, files


def written(grids: tuple[list[Grid], dict[str, Path]], folder: Path) -> str:
    numbers = {"e1/te1.0/unet1.0/p1": {"drift": 0.25}}
    models = {CHECKPOINT: Base(CHECKPOINT.stem, "cd" * 32)}
    write_page(folder / "grid.html", BAD, *grids, models, numbers, "python -m trainer_core grid x")
    return (folder / "grid.html").read_text(encoding="utf-8")


def test_by_keyboard_alone_to_the_command(grids: tuple[list[Grid], dict[str, Path]], tmp_path: Path, browser: Any) -> None:
    written(grids, tmp_path)
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url))
    page.goto((tmp_path / "grid.html").as_uri())
    assert page.title().startswith("</script><img") and page.inner_text("h1").startswith("</script><img")
    assert page.locator("td img").count() == 6 and page.locator("td img").first.evaluate("one => one.naturalWidth") == 64
    assert "drift from base 25.0%" in page.inner_text("main") and "help for the eye" in page.inner_text("#notice")

    for key in ("ArrowDown", "ArrowRight", "c"):  # the first arrow only begins at the base, which can't be chosen
        page.keyboard.press(key)
    assert page.inner_text("#command") == "python -m trainer_core grid x --choose e1/te1.0/unet1.0/p1"
    page.keyboard.press("Enter")
    own = page.get_attribute("dialog img", "src")
    assert page.inner_text("#name") == "e1/te1.0/unet1.0/p1" and "<lora:a b-1:te=1:unet=1>" in page.inner_text("#info")
    page.keyboard.down("b")
    assert page.get_attribute("dialog img", "src") == page.locator("td img").first.get_attribute("src") != own
    page.keyboard.up("b")
    assert page.get_attribute("dialog img", "src") == own
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "c"):  # there is no third row
        page.keyboard.press(key)
    assert page.inner_text("#command").endswith("--choose e2/te1.0/unet1.0/p2") and not page.locator("dialog").is_visible()
    assert page.locator(".chosen").count() == 1
    page.close()
    assert wrong == []


def test_words_of_users_end_no_script(grids: tuple[list[Grid], dict[str, Path]], tmp_path: Path) -> None:
    text = written(grids, tmp_path)
    assert text.count("</script>") == 2 and "<img src=x" not in text and "\u2028" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_many_large_pictures_go_into_the_page_as_jpegs(
    grids: tuple[list[Grid], dict[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written(grids, tmp_path).count("data:image/png") == 6
    monkeypatch.setattr(page, "_AS_THEY_ARE", 100)
    assert written(grids, tmp_path).count("data:image/jpeg") == 6


def test_each_grid_is_a_png_with_its_cells(grids: tuple[list[Grid], dict[str, Path]], tmp_path: Path) -> None:
    (one,) = write_pngs(tmp_path, *grids, "penny")
    several = write_pngs(tmp_path, [*grids[0], *grids[0]], grids[1], "penny")
    assert one.name == "grid.png" and [path.name for path in several] == ["grid-1.png", "grid-2.png"]
    with Image.open(one) as image:
        colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert {(40 * number, 0, 0) for number in range(6)} <= colours
