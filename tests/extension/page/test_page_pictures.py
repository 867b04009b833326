"""The Pictures tab by clicking: what was found, a rectangle by mouse and keyboard as a new file, copies, and taking back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pictures_server import looking, make_pictures
from PIL import Image, ImageDraw
from test_page_frame import CONTRASTS, ENOUGH_CONTRAST

from lora_workbench.tests.trainer_core.pictures.detector_files import yolo

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
            page.set_default_timeout(40_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
            page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
            page.goto(address)
            page.click("#lw-pictures-look")
            page.wait_for_selector("#lw-finding-bars")
            return page, folder

        yield make
    assert [one for one in wrong if "status of 400" not in one] == []  # a picture that can't be read has no thumbnail


def choose(page: Any, code: str, name: str) -> None:
    page.click(f"#lw-finding-{code}")
    page.wait_for_selector(f".lw-crop-name >> text={name}")


def wait_until_shown(page: Any, name: str) -> None:
    """The picture itself has arrived: moved before that, it would not be found."""
    page.wait_for_function(
        """name => {
          const picture = document.querySelector(".lw-crop-picture");
          return new URL(picture.src).searchParams.get("name") === name && picture.complete && picture.naturalWidth > 0;
        }""",
        arg=name,
    )


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


def test_a_rectangle_on_a_wide_picture_is_where_it_was_drawn(opened: Open, until: Any) -> None:
    page, folder = opened()
    Image.linear_gradient("L").resize((1200, 200)).convert("RGB").save(folder / "wide.png")
    page.click("#lw-pictures-look")
    page.wait_for_selector("text=7 pictures looked at")
    page.fill("#lw-pictures-filter", "wide")
    page.wait_for_selector(".lw-crop-name >> text=wide.png")
    stage = page.locator(".lw-crop-stage").bounding_box()
    assert stage["width"] / stage["height"] == pytest.approx(6, rel=0.02)
    page.mouse.move(stage["x"] + stage["width"] * 0.25, stage["y"] + stage["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.5, stage["y"] + stage["height"] * 1.5, steps=3)
    page.mouse.up()
    assert all(abs(own - wanted) <= 6 for own, wanted in zip(numbers(page), (300, 100, 300, 100), strict=True))


def test_copies_without_bars_are_written_by_a_job(opened: Open, until: Any) -> None:
    page, folder = opened()
    choose(page, "bars", "d bars.png")
    page.fill("#lw-pictures-target", "clean")
    page.click("#lw-mend-bars")
    page.wait_for_selector("text=1 new pictures written, 0 were there.")
    assert Image.open(folder / "clean" / "d bars-nobars.png").size == (256, 320)
    page.wait_for_selector("#lw-crop-undo >> text=clean/d bars-nobars.png")


def test_faces_are_looked_for_told_and_cut_out(opened: Open, until: Any, tmp_path: Path) -> None:
    """The made detector takes red squares for faces; 32 px of 320 are 26 of 256, which is small."""
    page, folder = opened()
    offered = page.locator("#lw-pictures-faces option").all_inner_texts()
    assert offered[:3] == ["not looked for", "in drawings · is fetched first (MIT)", "in photographs · is fetched first (MIT)"]
    picture = Image.new("RGB", (320, 320), (90, 90, 90))
    ImageDraw.Draw(picture).rectangle((32, 64, 63, 95), fill=(255, 0, 0))
    picture.save(folder / "b.png")
    page.select_option("#lw-pictures-faces", "other")
    page.fill("#lw-pictures-faces-file", str(yolo(tmp_path / "faces.onnx")))
    page.keyboard.press("Tab")
    page.click("#lw-pictures-look")
    choose(page, "small-face", "b.png")
    assert "26 px as it is trained" in page.inner_text(".lw-crop-faults")
    page.click(".lw-crop-suggestion >> text=/^face$/")
    assert numbers(page) == [22, 54, 51, 51]
    page.fill("#lw-pictures-target", "faces")
    page.click("#lw-mend-small-face")
    until(lambda: (folder / "faces" / "b-face.png").is_file())
    page.wait_for_selector(r"text=/\d new pictures written, 0 were there/")
    assert page.input_value("#lw-pictures-faces").endswith("faces.onnx"), "the report's detector is the next one's"


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


def test_pictures_are_set_aside_and_put_back(opened: Open, until: Any) -> None:
    """What nobody wants to train goes out of the dataset by a press, alone or all of a finding, and the report is made anew."""
    page, folder = opened()
    choose(page, "duplicate", "c twice.png")
    wait_until_shown(page, "c twice.png")
    page.get_by_role("button", name="Set it aside").click()
    page.wait_for_selector("text=Set aside: c twice.png. It is not trained.")
    page.wait_for_selector("#lw-finding-duplicate", state="detached")
    assert not (folder / "c twice.png").exists() and (folder / "a.png").is_file()
    page.click("#lw-finding-all")
    page.click(".lw-cell[title^='a.png']")
    page.wait_for_selector(".lw-crop-name >> text=a.png")
    wait_until_shown(page, "a.png")
    page.click("#lw-crop-aside")
    page.wait_for_selector("#lw-aside >> text=2 set aside")
    until(lambda: not (folder / "a.txt").exists() and not (folder / "a.png").exists())
    page.click("#lw-aside summary")
    page.locator("#lw-aside li:has-text('a.png')").get_by_role("button", name="Put back").click()
    page.wait_for_selector("text=Put back: a.png.")
    page.wait_for_selector("#lw-aside >> text=1 picture set aside")
    assert (folder / "a.txt").read_text(encoding="utf-8") == "penny, full body, smile"


def test_a_picture_that_can_not_be_read_says_so_and_offers_nothing_to_cut(opened: Open) -> None:
    page, folder = opened()
    (folder / "g cut.png").write_bytes((folder / "b.png").read_bytes()[:400])
    page.click(".lw-cell[title^='d bars.png']")
    page.wait_for_selector(".lw-crop-suggestion")
    page.click("#lw-pictures-look")
    page.wait_for_selector("#lw-finding-unreadable")
    choose(page, "unreadable", "g cut.png")
    page.wait_for_selector(".lw-crop-suggestion", state="detached")
    page.wait_for_selector(".lw-broken")
    assert page.evaluate("getComputedStyle(document.querySelector('.lw-broken'), '::before').content") == '"can\'t be read"'
