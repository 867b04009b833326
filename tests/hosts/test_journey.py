"""From a folder of pictures to a LoRA in the host's list, by clicking alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lora_workbench.tests.hosts.clicking import Workbench

SCREENSHOTS = os.environ.get("LORA_WORKBENCH_SCREENSHOTS", "")


def shoot(page, kind: str, name: str) -> None:
    """Keeps a picture of the page where someone wants to look at it."""
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{kind}_{name}.png")


def test_pictures_to_lora(host, window) -> None:
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    shoot(page, host.kind, "1_start")
    bench.begin_project("zibbo", "~", "pictures", "zibbo")
    bench.choose_base("toy_base (demo)")

    bench.go("tag")
    bench.root.locator("#lw-first").fill("zibbo")
    shoot(page, host.kind, "2_tag")
    bench.button("Tag 4 pictures").click()
    bench.root.get_by_text("4 have captions", exact=True).wait_for(timeout=60_000)
    captions = sorted((host.folder / "pictures" / "zibbo").glob("*.txt"))
    assert len(captions) == 4
    assert all(one.read_text(encoding="utf-8").startswith("zibbo, ") for one in captions)
    bench.root.locator(".lw-gallery img, .lw-thumb img").first.wait_for()
    shoot(page, host.kind, "3_tagged")

    bench.go("train")
    for name, value in {
        "max_train_steps": "4",
        "resolution": "128",
        "min_bucket_reso": "64",
        "network_dim": "2",
        "network_alpha": "1",
    }.items():
        bench.set_setting(name, value)
    bench.root.locator("summary", has_text="Sample pictures").click()
    bench.root.locator("#lw-prompts").fill("zibbo, smile --w 128 --h 128 --s 4 --d 420")
    bench.button("After every epoch").click()
    bench.train_button().filter(has_text="4 steps").wait_for()
    shoot(page, host.kind, "4_plan")
    bench.train_button().click()
    run = bench.root.locator("#lw-run")
    run.and_(bench.root.locator("[data-state=done], [data-state=failed]")).wait_for(timeout=180_000)
    shoot(page, host.kind, "5_trained")
    assert run.get_attribute("data-state") == "done", run.inner_text()
    run.locator(".lw-sample img").first.wait_for()
    run.locator(".lw-curve .lw-curve-raw[d*=L]").wait_for(state="attached")

    host.post("/sdapi/v1/refresh-loras")
    [lora] = host.get("/sdapi/v1/loras")
    assert lora["card"]["activation text"] == "zibbo"
    assert lora["preview"]
    assert lora["metadata"]["ss_steps"] == "4"

    run.get_by_role("button", name="Send to txt2img").click()
    prompt = page.locator("#txt2img_prompt textarea").input_value()
    assert re.fullmatch(rf"zibbo, <lora:{re.escape(lora['name'])}:[\d.]+>", prompt), prompt

    assert not window.wrong, window.wrong
    assert not window.outside, window.outside
    assert not host.errors()
