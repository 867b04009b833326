"""The Pictures tab by clicking: what was found, a rectangle by mouse and keyboard as a new file, copies, and taking back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pictures_server import looking, make_pictures
from PIL import Image
from test_page_frame import CONTRASTS, ENOUGH_CONTRAST

Open = Callable[..., tuple[Any, Path]]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """`opened(scheme, language)` → (page with the tab open, the folder); console errors and outside requests fail the test."""
    wrong: list[str] = []
    with ExitStack() as ends:

        def make(scheme: str = "light", language: str = "en") -> tuple[Any, Path]:
            folder = make_pictures(tmp_path / "penny")
            address, _ = ends.enter_context(looking(tmp_path / "data", folder, language))
            page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US", color_scheme=scheme)
            ends.callback(page.close)
            page.set_default_timeout(15_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
            page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
            page.goto(address)
            page.click("#lw-pictures-look")
            page.wait_for_selector("#lw-finding-bars")
            return page, folder

        yield make
    assert wrong == []


def choose(page: Any, code: str, name: str) -> None:
    page.click(f"#lw-finding-{code}")
    page.wait_for_selector(f".lw-crop-name >> text={name}")


def numbers(page: Any) -> list[int]:
    return [int(page.input_value(f"#lw-crop-{name}")) for name in ("x", "y", "width", "height")]


def test_findings_are_grouped_and_filtered(opened: Open, until: Any) -> None:
    page, _ = opened()
    for code, name in (
        ("bars", "d bars.png"),
        ("blurred", "e soft.png"),
        ("duplicate", "c twice.png"),
        ("too-small", "f small.png"),
    ):
        choose(page, code, name)
        assert page.locator("[id^=lw-report-cell-]").count() == 1
    page.click("#lw-finding-all")
    until(lambda: page.locator("[id^=lw-report-cell-]").count() == 6)
    page.fill("#lw-pictures-filter", "SOFT")
    page.wait_for_selector(".lw-crop-name >> text=e soft.png")
    assert page.locator("[id^=lw-report-cell-]").count() == 1
    choose_all = page.locator("#lw-finding-all")
    choose_all.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id").startswith("lw-finding-")
    page.wait_for_selector("text=6 pictures looked at, 4 with something to mend.")


def test_a_rectangle_by_keyboard_becomes_a_file_and_is_taken_back(opened: Open, until: Any) -> None:
    page, folder = opened()
    before = sorted(path.name for path in folder.iterdir())
    choose(page, "bars", "d bars.png")
    page.click("#lw-finding-all")
    page.locator("#lw-report-cell-0").click()
    page.wait_for_selector(".lw-crop-name >> text=a.png")
    assert page.get_attribute("#lw-crop-write", "aria-disabled") == "true"
    page.select_option("#lw-crop-shape", "1:1")
    page.focus(".lw-crop-stage")
    page.keyboard.press("Enter")
    first = numbers(page)
    assert first[2] == first[3] == 128
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Alt+ArrowDown")
    x, y, width, height = numbers(page)
    assert (x, y) == (first[0] + 5, first[1] + 1) and width == height == 123
    page.fill("#lw-crop-tags", "close-up")
    page.fill("#lw-crop-target", "4_penny parts")
    page.click("#lw-crop-write")
    page.wait_for_selector("text=Written: 4_penny parts/a-crop.png")
    made = folder / "4_penny parts" / "a-crop.png"
    assert Image.open(made).size == (123, 123)
    assert made.with_suffix(".txt").read_text(encoding="utf-8") == "penny, close-up, smile"
    page.click("#lw-crop-undo >> text=Undo: cut out 4_penny parts/a-crop.png")
    page.wait_for_selector("text=Taken back: 4_penny parts/a-crop.png")
    until(lambda: not made.exists() and not made.with_suffix(".txt").exists())
    left = sorted(path.name for path in folder.iterdir() if path.name not in (".lora_workbench", "4_penny parts"))
    assert left == before


def test_a_rectangle_by_mouse_and_a_suggested_one(opened: Open) -> None:
    page, _ = opened()
    choose(page, "bars", "d bars.png")
    stage = page.locator(".lw-crop-stage").bounding_box()
    page.mouse.move(stage["x"] + stage["width"] * 0.25, stage["y"] + stage["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.75, stage["y"] + stage["height"] * 0.5, steps=4)
    page.mouse.up()
    drawn = numbers(page)
    assert all(abs(own - wanted) <= 3 for own, wanted in zip(drawn, (64, 95, 128, 95), strict=True))
    page.mouse.move(stage["x"] + stage["width"] * 0.5, stage["y"] + stage["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.5, stage["y"] + stage["height"] * 0.5, steps=3)
    page.mouse.up()
    moved = numbers(page)
    assert moved[2:] == drawn[2:] and moved[1] > drawn[1]
    page.click(".lw-crop-suggestion >> text=without bars")
    assert numbers(page) == [0, 30, 256, 320]
    assert page.locator(".lw-crop-facts").inner_text() == "256 × 320 px · large enough for training"


def test_copies_without_bars_are_written_by_a_job(opened: Open, until: Any) -> None:
    page, folder = opened()
    choose(page, "bars", "d bars.png")
    page.fill("#lw-pictures-target", "clean")
    page.click("#lw-mend-bars")
    page.wait_for_selector("text=1 new pictures written, 0 were there.")
    assert Image.open(folder / "clean" / "d bars-nobars.png").size == (256, 320)
    page.wait_for_selector("#lw-crop-undo >> text=clean/d bars-nobars.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_be_read(opened: Open, scheme: str) -> None:
    page, _ = opened(scheme)
    choose(page, "bars", "d bars.png")
    page.focus(".lw-crop-stage")
    page.keyboard.press("Enter")
    assert [one for one in page.evaluate(CONTRASTS) if one[0] < ENOUGH_CONTRAST] == []


def test_in_chinese_nothing_stays_english(opened: Open) -> None:
    page, _ = opened(language="zh_CN")
    choose(page, "bars", "d bars.png")
    assert "黑边" in page.inner_text("#lw-finding-bars")
    assert page.inner_text("#lw-crop-write") == "写成新图片"
