"""The Block weights tab in both hosts: a preset saved for lora-block-weight, a LoRA baked, and the way to Train."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX, wait_until
from lora_workbench.tests.hosts.test_journey import shoot
from lora_workbench.tests.trainer_core.tools.making import write

OTHERS = b"# as it was\nALL:" + b",".join([b"1"] * 17) + b"\n"


@pytest.fixture
def presets(host) -> Path:
    """The file of an extension that goes by lora-block-weight's script."""
    scripts = host.folder / "extensions" / "sd-webui-lora-block-weight" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "lora_block_weight.py").write_text('"""Of another extension."""\n', encoding="utf-8")
    (scripts / "lbwpresets.txt").write_bytes(OTHERS)
    return scripts / "lbwpresets.txt"


def test_a_preset_a_bake_and_the_way_to_train(host, window, presets: Path) -> None:
    write(host.loras / "penny.safetensors", "lora")
    host.open_project()
    host.post(f"{PREFIX}/project", {"changes": {"page": "blocks"}})
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    bench.go("blocks")
    bench.root.locator("#lw-blocks-preset").select_option("OUTX")
    bench.root.locator("#lw-blocks-lora").select_option(label="penny")
    bench.root.locator("#lw-blocks-facts", has_text="4 modules").wait_for()
    bench.root.locator("#lw-block-M00").focus()
    page.keyboard.press("End")
    bench.root.locator("#lw-blocks-keep").click()
    bench.root.locator("#lw-blocks-name").fill("MINE")
    bench.root.locator("#lw-blocks-save").click()
    bench.root.locator("#lw-blocks-name").wait_for(state="hidden")
    assert presets.read_bytes() == OTHERS + b"MINE:X,X,X,X,X,X,X,1,1,1,1,1,1,1,1,1,1\n"
    page.wait_for_function("() => document.querySelector('#lw-blocks-word')?.value.includes('lbw=MINE:x=0.5')")
    shoot(page, host.kind, "blocks_saved")
    bench.root.locator("#lw-blocks-bake").click()
    bench.root.locator("#lw-blocks-bake-write").click()
    bench.root.get_by_text("penny-MINE.safetensors is written").wait_for()
    host.post("/sdapi/v1/refresh-loras")
    baked = {one["name"]: one for one in host.get("/sdapi/v1/loras")}["penny-MINE"]
    assert '"of": "penny.safetensors"' in baked["metadata"]["lora_workbench_baked"]
    shoot(page, host.kind, "blocks_baked")
    bench.root.locator("#lw-blocks-train").click()
    bench.root.get_by_text("Trains with the block weights MINE").wait_for()
    bench.train_button().wait_for()
    settings = wait_until(lambda: (kept := host.get(f"{PREFIX}/state")["project"]["settings"]).get("network_args") and kept)
    assert settings["resolution"]  # a project without settings begins with its preset's
    assert settings["network_args"] == ["block_weights=X,X,X,X,X,X,X,1,1,1,1,1,1,1,1,1,1", "x=0.5"]
    assert not window.wrong and not window.outside and not host.errors()
