"""The Block weights tab by clicking and by keyboard: presets, the drawing, LoRAs, prompts, and the ways on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from blocks_server import weighing
from fake_world import EVIL

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.hosts.test_chinese import english
from lora_workbench.trainer_core.networks.blocks import NAMES

OUTX = "X,X,X,X,X,X,X,X,1,1,1,1,1,1,1,1,1"
PRESETS = f"# mine\r\nMINE:{','.join(['0.5'] * 17)}\r\nL25:{','.join(['1'] * 25)}\r\n".encode()


class Scene:
    """A page on a server of its own; console errors and requests to the outside are noted."""

    def __init__(self, address: str, bench: Workbench, folder: Path, page: Any) -> None:
        self.address, self.bench, self.folder, self.page = address, bench, folder, page
        self.wrong: list[str] = []
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(address) or self.wrong.append(request.url))
        page.goto(address)
        page.wait_for_selector("#lw-block-IN04")

    @property
    def blocks(self) -> dict[str, Any]:
        project = self.bench.projects.current()
        assert project is not None
        return dict(project["blocks"])

    @property
    def settings(self) -> dict[str, Any]:
        project = self.bench.projects.current()
        assert project is not None
        return dict(project["settings"])

    def numbers(self) -> list[str]:
        return [one.input_value() for one in self.page.locator(".lw-block-number").all()]

    def take(self, name: str = "penny") -> None:
        self.page.select_option("#lw-blocks-lora", str(self.folder / "loras" / f"{name}.safetensors"))
        self.page.wait_for_selector("#lw-blocks-facts >> text=/4 (modules|个模块)/")

    def word(self) -> str:
        self.page.wait_for_function("() => document.querySelector('#lw-blocks-word')?.value")
        return str(self.page.input_value("#lw-blocks-word"))


@pytest.fixture
def scene(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """`scene(presets, **project)` → a Scene with the tab open."""
    with ExitStack() as ends:
        made: list[Scene] = []

        def make(presets: bytes | None = PRESETS, language: str = "en", **project: Any) -> Scene:
            folder = tmp_path / "world"
            address, bench = ends.enter_context(weighing(folder, presets, language, **project))
            page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US")
            ends.callback(page.close)
            made.append(Scene(address, bench, folder, page))
            return made[-1]

        yield make
    assert [words for one in made for words in one.wrong] == []


def test_weights_by_preset_mouse_and_keyboard(scene: Any, until: Any) -> None:
    one = scene()
    page = one.page
    page.select_option("#lw-blocks-preset", "OUTX")
    until(lambda: one.blocks["preset"] == "OUTX" and ",".join(one.blocks["values"]) == OUTX)
    assert ",".join(one.numbers()) == OUTX
    page.focus("#lw-block-OUT05")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    until(lambda: one.blocks["values"][10] == "0.9" and one.blocks["preset"] == "")
    assert page.input_value("#lw-blocks-preset") == "" and page.evaluate("document.activeElement.id") == "lw-block-OUT05"
    page.keyboard.press("x")
    until(lambda: one.blocks["values"][10] == "X")
    bar = page.locator("[data-block=IN04] .lw-block-bar").bounding_box()
    page.mouse.move(bar["x"] + 10, bar["y"] + bar["height"] - 2)
    page.mouse.down()
    page.mouse.move(bar["x"] + 10, bar["y"] + bar["height"] / 4)
    page.mouse.up()
    until(lambda: one.blocks["values"][3] == "0.75")
    page.fill("#lw-block-M00-number", "-0,25")
    until(lambda: one.blocks["values"][7] == "-0.25")
    page.fill("#lw-block-M00-number", "much")
    page.wait_for_selector("text=M00: write a number")
    page.keyboard.press("Tab")
    page.wait_for_selector("text=M00: write a number", state="hidden")
    assert page.input_value("#lw-block-M00-number") == "-0.25"
    page.fill("#lw-block-M00-number", "x+0.2")
    until(lambda: one.blocks["values"][7] == "X+0.2")
    page.locator("[data-side=IN] .lw-small-segments button", has_text="0").click()
    until(lambda: one.blocks["values"][1:7] == ["0"] * 6)
    page.fill("#lw-blocks-x", "0.3")
    until(lambda: one.blocks["x"] == 0.3)
    assert page.get_attribute("#lw-block-M00", "aria-valuetext") == "X+0.2 = 0.5"
    page.hover("[data-block=OUT05]")
    assert "eyes and face" in page.inner_text("#lw-blocks-told")
    page.reload()
    page.wait_for_selector("#lw-block-IN04")
    page.wait_for_function("() => document.querySelector('#lw-block-M00-number')?.value === 'X+0.2'")
    assert one.numbers() == one.blocks["values"] and page.input_value("#lw-blocks-x") == "0.3"


def test_lists_of_all_lengths(scene: Any, until: Any) -> None:
    one = scene()
    page = one.page
    page.select_option("#lw-blocks-preset", "OUTX")
    page.select_option("#lw-blocks-list", "26")
    page.wait_for_selector("#lw-block-IN00")
    until(lambda: len(one.blocks["values"]) == 26)
    assert one.blocks["preset"] == "OUTX" and one.blocks["values"] == ["X"] * 14 + ["1"] * 12
    page.fill("#lw-block-IN00-number", "0")
    page.select_option("#lw-blocks-list", "12")
    until(lambda: one.blocks["values"] == ["X"] * 6 + ["1"] * 6)
    page.select_option("#lw-blocks-list", "20")
    until(lambda: one.blocks["values"] == ["X"] * 11 + ["1"] * 9)
    assert page.locator(".lw-block").count() == 20
    heights = [one.bounding_box()["height"] for one in page.locator(".lw-block-bar").all()]
    assert heights[1] > heights[4] > heights[7] == heights[10] < heights[14] < heights[17] == heights[1]


def test_presets_are_kept_in_lora_block_weights_file(scene: Any, until: Any) -> None:
    one = scene()
    page, path = one.page, one.folder / "lbw" / "lbwpresets.txt"
    page.wait_for_selector(".lw-blocks-lines >> text=L25 has 25 numbers")
    page.select_option("#lw-blocks-preset", "MINE")
    page.fill("#lw-block-BASE-number", "1")
    page.click("#lw-blocks-keep")
    page.fill("#lw-blocks-name", "MINE")
    page.press("#lw-blocks-name", "Enter")
    page.locator(".lw-panel .lw-ask button", has_text="Replace").click()
    page.wait_for_selector("#lw-blocks-name", state="hidden")
    assert page.evaluate("document.activeElement.id") == "lw-blocks-keep"  # what was closed gives the focus back
    changed = PRESETS.replace(b"MINE:0.5,", b"MINE:1,")
    until(lambda: path.read_bytes() == changed)
    page.click("#lw-blocks-keep")
    page.fill("#lw-blocks-name", "a:b")
    page.click("#lw-blocks-save")
    page.wait_for_selector("text=can't be a preset's name")
    one.wrong[:] = [words for words in one.wrong if "400" not in words]  # the browser notes what was refused
    page.fill("#lw-blocks-name", "OTHER")
    page.click("#lw-blocks-rename")
    until(lambda: path.read_bytes() == changed.replace(b"MINE:", b"OTHER:"))
    page.click("text=Put BASE before L25")
    page.wait_for_selector(".lw-blocks-lines", state="hidden")
    page.click("#lw-blocks-keep")
    page.click("#lw-blocks-delete")
    page.locator(".lw-panel .lw-ask button", has_text="Delete").click()
    until(lambda: path.read_bytes() == b"# mine\r\nL25:" + b",".join([b"1"] * 26) + b"\r\n")
    page.wait_for_function("() => document.querySelector('#lw-blocks-preset')?.value === ''")


def test_what_a_lora_does_and_its_word(scene: Any, until: Any) -> None:
    one = scene()
    page = one.page
    assert (
        page.get_attribute("#lw-blocks-grid", "aria-disabled")
        == page.get_attribute("#lw-blocks-bake", "aria-disabled")
        == "true"
    )
    one.take()
    heat = {
        block: page.inner_text(f"[data-block={block}] .lw-block-heat") for block in ("BASE", "IN04", "IN05", "M00", "OUT05")
    }
    assert heat["IN05"] == "–" and sum(float(text.rstrip("%")) for text in heat.values() if text != "–") == pytest.approx(
        100, abs=2
    )
    assert "4 modules" in page.inner_text("#lw-blocks-facts")
    assert one.word() == "<lora:penny:te=1:unet=1>"
    page.select_option("#lw-blocks-preset", "MINE")
    page.wait_for_function("() => document.querySelector('#lw-blocks-word')?.value.includes('lbw=MINE')")
    page.fill("#lw-blocks-unet", "0.8")
    page.wait_for_function("() => document.querySelector('#lw-blocks-word')?.value === '<lora:penny:te=1:unet=0.8:lbw=MINE>'")
    page.select_option("#lw-blocks-preset", "OUTX")
    page.wait_for_selector("text=OUTX isn't in lbwpresets.txt")
    assert one.word() == f"<lora:penny:te=1:unet=0.8:lbw={OUTX}:x=0.5>"
    page.click("#lw-blocks-copy")
    page.wait_for_selector("text=/Copied|press Ctrl/")
    one.take("turned")
    page.wait_for_selector("text=This kind multiplies weights")
    page.select_option("#lw-blocks-lora", "other")
    page.fill("#lw-blocks-file", str(one.folder / "loras" / "gone.safetensors"))
    page.press("#lw-blocks-file", "Enter")
    page.wait_for_selector("text=There is no LoRA 'gone.safetensors'")
    one.wrong[:] = [words for words in one.wrong if "404" not in words]


def test_baking(scene: Any, until: Any) -> None:
    one = scene()
    page = one.page
    one.take()
    page.select_option("#lw-blocks-preset", "MINE")
    page.click("#lw-blocks-bake:not([aria-disabled])")
    assert page.input_value("#lw-blocks-bake-name") == "penny-MINE"
    page.click("#lw-blocks-bake-write")
    page.wait_for_selector("text=penny-MINE.safetensors is written. 4 modules: 4 scaled, 0 left out.")
    assert (one.folder / "loras" / "penny-MINE.safetensors").is_file()
    page.wait_for_function("() => document.querySelector('#lw-blocks-lora')?.textContent.includes('penny-MINE')")
    page.fill("#lw-block-IN04-number", "R")
    page.wait_for_selector("text=R and U are random weights")
    page.wait_for_selector("#lw-blocks-bake[aria-disabled=true]")


def test_training_and_grids_with_the_weights(scene: Any, until: Any) -> None:
    arguments = ["conv_dim=4", "down_lr_weight=1,1", "x=9"]
    prompts = {"prompts": "penny", "suites": []}
    one = scene(settings={"network_args": arguments, "network_module": "networks.lora"}, test=prompts)
    page = one.page
    one.take()
    page.select_option("#lw-blocks-preset", "OUTX")
    page.click("#lw-blocks-train")
    page.wait_for_selector("#lw-panel-train")
    page.wait_for_selector("text=Trains with the block weights OUTX")
    until(lambda: one.settings["network_args"] == ["conv_dim=4", f"block_weights={OUTX}", "x=0.5"])
    page.click("#lw-tab-blocks")
    page.fill("#lw-block-IN04-number", "-1")
    page.wait_for_selector("text=less than 0 makes no sense")
    assert page.get_attribute("#lw-blocks-train", "aria-disabled") == "true"
    page.select_option("#lw-blocks-preset", "ALL")
    page.click("#lw-blocks-train:not([aria-disabled])")
    until(lambda: one.settings["network_args"] == ["conv_dim=4"])
    page.evaluate("() => sessionStorage.setItem('lora_workbench.test-section', '\"prior\"')")
    page.click("#lw-tab-test")
    page.wait_for_selector("#lw-test-prior[aria-pressed=true]")
    page.click("#lw-tab-blocks")
    page.select_option("#lw-blocks-preset", "OUTX")
    page.click("#lw-blocks-grid:not([aria-disabled])")
    page.wait_for_selector("#lw-panel-test")
    page.wait_for_selector("#lw-test-grid[aria-pressed=true]")
    page.wait_for_selector("text=at several strengths, after several epochs")
    page.wait_for_selector("#lw-test-make >> text=Make 5 pictures")
    page.wait_for_selector("#lw-test-tried >> text=penny with OUTX and X at 0, 0.25, 0.5, 0.75, 1")
    until(lambda: one.bench.projects.current()["test"].get("lbw") == ["OUTX"])
    test = one.bench.projects.current()["test"]
    assert test["loras"] == [str(one.folder / "loras" / "penny.safetensors")] and test["lbw"] == ["OUTX"]
    assert test["x"] == [0, 0.25, 0.5, 0.75, 1]
    page.click("#lw-tab-blocks")
    page.select_option("#lw-blocks-preset", "MINE")
    page.click("#lw-blocks-grid:not([aria-disabled])")
    until(lambda: (one.bench.projects.current() or {})["test"]["lbw"] == ["ALL", "MINE"])
    assert one.bench.projects.current()["test"]["x"] == []


def test_prompts_are_mended(scene: Any) -> None:
    one = scene()
    page = one.page
    page.click("text=Mend a prompt with old or wrong block weights")
    page.fill("#lw-blocks-given", f"{EVIL} <lora:penny:1:MINE:0.5>, <lora:a:1:1:lwb=MINE>")
    page.click("#lw-blocks-mend")
    page.wait_for_function("() => document.querySelector('#lw-blocks-mended')?.value.includes('lbw=MINE')")
    mended = page.input_value("#lw-blocks-mended")
    assert mended == f"{EVIL} <lora:penny:te=1:unet=1:lbw=MINE:x=0.5>, <lora:a:te=1:unet=1:lbw=MINE>"
    told = page.inner_text("#lw-blocks-mended-lines")
    assert "by place fail in webui since 1.5" in told and "lwb= does nothing" in told
    page.fill("#lw-blocks-given", mended)
    page.click("#lw-blocks-mend")
    page.wait_for_selector("text=Nothing is wrong with it.")
    assert page.evaluate("window.hacked") is None


def test_names_are_shown_as_they_are(scene: Any, until: Any) -> None:
    name = "<img src=x onerror=window.hacked=1>"
    one = scene(f"{EVIL.replace(':', '')}:{','.join(['0.5'] * 17)}\n{name}:{','.join(['0.1'] * 17)}\n".encode())
    page = one.page
    until(lambda: name in page.inner_text("#lw-blocks-preset"))
    page.select_option("#lw-blocks-preset", name)
    page.wait_for_function("() => document.querySelector('#lw-block-IN04-number')?.value === '0.1'")
    page.click("#lw-blocks-keep")
    assert page.input_value("#lw-blocks-name") == name and page.evaluate("window.hacked") is None


def test_in_chinese(scene: Any) -> None:
    one = scene(language="zh_CN")
    page = one.page
    one.take()
    page.select_option("#lw-blocks-preset", "OUTX")
    one.word()
    page.evaluate("() => { for (const one of document.querySelectorAll('#lw-root details')) one.open = true }")
    page.fill("#lw-blocks-given", "<lora:a:0.8:0.2:lwb=MINE>")
    page.click("#lw-blocks-mend")
    page.wait_for_selector("#lw-blocks-mended-lines .lw-problem")
    known = {*NAMES[17], "OUTX", "OUT · ", "IN · ", "X =", "te=", "unet=", "lora-block-weight", "lbwpresets.txt"}
    shown = {*known, *(field.input_value() for field in page.locator("textarea, #lw-blocks-word").all())}
    assert english(page, {*shown, page.get_attribute("#lw-blocks-given", "placeholder")}) == []
    page.click("#lw-blocks-bake")
    page.fill("#lw-blocks-bake-name", "baked")
    page.click("#lw-blocks-bake-write")
    page.wait_for_selector("#lw-blocks-said")
    page.click("#lw-blocks-keep")
    path = page.inner_text(".lw-panel .lw-path")
    assert english(page, {*shown, page.get_attribute("#lw-blocks-given", "placeholder"), path, "baked"}) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_is_in_sight_at_once(scene: Any, theme: str) -> None:
    """At 1366×768 all that the page is about is seen without scrolling, down to its buttons; nothing overflows sideways."""
    one = scene(None, blocks={"values": ["1"] * 26})
    page = one.page
    page.emulate_media(color_scheme=theme)
    one.take()
    page.wait_for_timeout(300)
    bottom = page.locator("#lw-blocks-bake").bounding_box()
    assert bottom["y"] + bottom["height"] < 768
    wide = "(one) => one.scrollWidth <= one.clientWidth + 1"
    for selector in (".lw-blocks", ".lw-blocks-drawing", ".lw-block-number >> nth=25"):
        assert page.locator(selector).evaluate(wide), selector
