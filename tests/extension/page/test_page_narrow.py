"""On a telephone's screen: every tab fits its width, nothing lies over anything else, and a run comes before its settings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from caption_server import make_folder, serving

from lora_workbench.trainer_core.events import EventLog

WIDTH = 390
TABS = ("pictures", "tag", "captions", "reg", "train", "blocks", "test", "tools")
BOXES = "(names) => names.map((name) => document.querySelector(name).getBoundingClientRect().toJSON())"


@pytest.fixture
def phone(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The page with a dataset and a training that has ended."""
    folder = make_folder(tmp_path / "sets" / "penny", {"a": "penny, red hat, smile", "b": "", "c": "penny, boots"})
    with serving(tmp_path / "data", folder) as (address, bench):
        job = bench.jobs.add("train", "penny", "penny", {"settings": {}})
        events = EventLog(job.folder)
        events.write("start", steps=10, epochs=1, output_name="penny", seed=1)
        events.write("done", path=str(tmp_path / "penny.safetensors"), steps=10, published=None)
        events.close()
        context = browser.new_context(
            viewport={"width": WIDTH, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2, locale="en-US"
        )
        page = context.new_page()
        page.set_default_timeout(40_000)
        page.goto(address)
        page.wait_for_selector("#lw-panel-captions .lw-cell")
        yield page
        context.close()


def test_every_tab_fits(phone: Any) -> None:
    for tab in TABS:
        phone.tap(f"#lw-tab-{tab}")
        phone.wait_for_selector(f"#lw-panel-{tab}:not([hidden])")
        phone.wait_for_timeout(300)
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= WIDTH, f"{tab} is {wide} px wide"


def test_what_stands_in_a_row_has_room(phone: Any) -> None:
    """Blocks beside each other, the choice of settings in one line, the sampler's name, a tagged picture above its tags."""
    phone.tap("#lw-tab-blocks")
    phone.wait_for_selector(".lw-block")
    bars = phone.evaluate(
        "() => [...document.querySelectorAll('.lw-block')].map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert len(bars) == 17 and all(one["right"] <= other["left"] for one, other in zip(bars, bars[1:], strict=False))
    phone.tap("#lw-tab-train")
    phone.wait_for_selector("#lw-levels")
    (levels,) = phone.evaluate(BOXES, ["#lw-levels"])
    assert levels["height"] < 40
    phone.tap("#lw-tab-reg")
    phone.wait_for_selector("#lw-reg-sampler")
    sampler, cfg, panel = phone.evaluate(BOXES, ["#lw-reg-sampler", "#lw-reg-cfg", "#lw-panel-reg"])
    assert sampler["width"] >= 76 and cfg["right"] <= panel["right"]
    phone.tap("#lw-tab-tag")
    phone.wait_for_selector("#lw-detail .lw-big")
    picture, words = phone.evaluate(BOXES, ["#lw-detail .lw-big-place", "#lw-detail .lw-detail-words"])
    assert picture["bottom"] <= words["top"]


def test_menus_fit(phone: Any) -> None:
    for menu in (".lw-project", ".lw-files", ".lw-pill"):
        phone.tap(menu)
        phone.wait_for_selector(".lw-top .lw-panel:visible")
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= WIDTH, f"{menu} is {wide} px wide"
        phone.keyboard.press("Escape")


def test_nothing_lies_over_undo(phone: Any) -> None:
    phone.wait_for_selector("#lw-panel-captions .lw-next")
    undo, following = phone.evaluate(BOXES, ["#lw-panel-captions .lw-undo", "#lw-panel-captions .lw-next"])
    assert following["top"] >= undo["bottom"] - 1 or following["left"] >= undo["right"] - 1
    phone.tap("#lw-panel-captions .lw-cell >> nth=0")
    field, picture = phone.evaluate(BOXES, ["#lw-edit input", "#lw-edit .lw-edit-open"])
    assert field["width"] >= 100 and field["left"] >= picture["right"]


def test_a_run_comes_before_its_settings(phone: Any) -> None:
    phone.tap("#lw-tab-train")
    phone.wait_for_selector("#lw-run:not([hidden])")
    run, plan, settings = phone.evaluate(BOXES, ["#lw-run", "#lw-panel-train .lw-plan", "#lw-panel-train .lw-left"])
    assert run["bottom"] <= plan["top"] and plan["bottom"] <= settings["top"]
