"""The Tools tab by clicking: jobs with their proof, stop and failure, looks into files; what a training begins with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tools_server import tooling

from lora_workbench.extension.workbench import Workbench
from lora_workbench.tests.hosts.test_chinese import english
from lora_workbench.trainer_core.models.header import read_header


class Scene:
    """A page on a server of its own; console errors and requests to the outside are noted."""

    def __init__(self, address: str, bench: Workbench, folder: Path, page: Any) -> None:
        self.bench, self.folder, self.page = bench, folder, page
        self.wrong: list[str] = []
        page.set_default_timeout(40_000)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(address) or self.wrong.append(request.url))
        page.goto(address)

    def lora(self, name: str = "penny") -> str:
        return str(self.folder / "loras" / f"{name}.safetensors")

    def open(self, tool: str) -> None:
        self.page.click(f"#lw-tools-{tool}")
        self.page.wait_for_selector(f"#lw-tools-{tool}[aria-pressed=true]")

    @property
    def settings(self) -> dict[str, Any]:
        project = self.bench.projects.current()
        assert project is not None
        return dict(project["settings"])


@pytest.fixture
def scene(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """`scene(language, **project)` → a Scene with the tab open."""
    with ExitStack() as ends:
        made: list[Scene] = []

        def make(language: str = "en", **project: Any) -> Scene:
            address, bench = ends.enter_context(tooling(tmp_path / "world", language, **project))
            page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="en-US")
            ends.callback(page.close)
            made.append(Scene(address, bench, tmp_path / "world", page))
            return made[-1]

        yield make
    assert [words for one in made for words in one.wrong] == []


def test_a_merge_is_written_with_its_proof(scene: Any) -> None:
    one = scene()
    page = one.page
    one.open("merge")
    assert page.get_attribute("#lw-tools-merge-go", "aria-disabled") == "true"
    assert page.inner_text("#lw-tools-merge-go-why") == "Choose the LoRAs."
    page.select_option("#lw-tools-merge-1", one.lora())
    page.click("#lw-tools-merge-go")
    page.wait_for_selector(".lw-foot >> text=One LoRA at full strength is itself")
    assert [words for words in one.wrong if "400" not in words] == []
    one.wrong.clear()  # the browser notes what the server refused
    page.select_option("#lw-tools-merge-2", one.lora("hat"))
    page.fill("#lw-tools-merge-2-ratio", "0,5")
    page.fill("#lw-tools-merge-1-unet", "much")
    page.wait_for_selector("text=From -100 to 100.")
    page.fill("#lw-tools-merge-1-unet", "1")
    assert page.get_attribute("#lw-tools-merge-name", "placeholder") == "penny-hat-merged"
    page.click("#lw-tools-merge-go:not([aria-disabled])")
    result = page.locator(".lw-tools-result", has_text="penny-hat-merged.safetensors")
    result.locator("text=4 modules, 4 of them in all 2 LoRAs; rank 4").wait_for()
    assert "hat.safetensors at 0.5: length 4.221" in result.inner_text() and "error left: 0" in result.inner_text()
    assert Path(one.lora("penny-hat-merged")).is_file()
    result.locator("button", has_text="Look into it").click()
    page.wait_for_selector(".lw-tools-facts >> text=4, alpha 2 (4 modules)")
    page.reload()
    page.wait_for_selector("#lw-tools-inspect[aria-pressed=true]")
    assert page.locator(".lw-tools-entry", has_text="lora_workbench_merged").count() == 1


def test_stop_and_failure_are_told(scene: Any) -> None:
    one = scene()
    page = one.page
    one.open("cut")
    page.select_option("#lw-tools-cut-path", one.lora())
    page.fill("#lw-tools-cut-rank", "0")
    assert page.inner_text("#lw-tools-cut-go-why") == "First mend the field with the red line."
    page.fill("#lw-tools-cut-rank", "1")
    page.click("#lw-tools-cut-go:not([aria-disabled])")
    failed = page.locator(".lw-tools-result[data-state=failed]")
    failed.locator("text=penny.safetensors is no DyLoRA").wait_for()
    assert failed.locator("text=open the log").is_visible()
    one.open("resize")
    page.select_option("#lw-tools-resize-path", one.lora())
    page.fill("#lw-tools-resize-rank", "1")
    page.select_option("#lw-tools-resize-method", "sv_fro")
    assert page.inner_text("#lw-tools-resize-go-why") == "Give the method its number."
    page.select_option("#lw-tools-resize-method", "")
    page.fill("#lw-tools-resize-name", "slow")
    page.click("#lw-tools-resize-go:not([aria-disabled])")
    page.wait_for_selector(".lw-tag-live >> text=/slow · [12] of 4/")
    page.click(".lw-tools-stop >> visible=true")
    page.wait_for_selector(".lw-tools-result[data-state=stopped] >> text=nothing was written")
    assert sorted(path.name for path in (one.folder / "loras").iterdir()) == ["hat.safetensors", "penny.safetensors"]


def test_metadata_are_changed_and_what_is_private_goes(scene: Any) -> None:
    one = scene()
    page = one.page
    one.open("inspect")
    page.select_option("#lw-tools-inspect-path", one.lora())
    page.wait_for_selector(".lw-tools-facts >> text=animefull.safetensors")
    page.fill("#lw-tools-search", "comment")
    assert page.locator(".lw-tools-entry").count() == 1
    page.fill("#lw-tools-search", "")
    page.fill("[aria-label='modelspec.title']", "Penny <i>1</i>")
    page.click("[aria-label='Remove ss_output_name']")
    page.fill("#lw-tools-new-key", "sshs_model_hash")
    page.click("#lw-tools-add")
    page.wait_for_selector("text=sshs_model_hash is computed from the tensors.")
    page.fill("#lw-tools-new-key", "made_by")
    page.fill("#lw-tools-new-value", "hand")
    page.click("#lw-tools-add")
    page.click("#lw-tools-private")
    assert page.get_attribute("#lw-tools-inspect-name", "placeholder") == "penny-private"
    held: list[Any] = []
    page.route("**/tools/inspect", lambda route: held.append(route))
    page.click("text=Write the file · 3 changes")
    told = "#lw-tools-told >> text=penny-private is written: 2 set, 4 removed"
    page.wait_for_selector(told)
    held[0].continue_()
    page.wait_for_selector(".lw-tools-facts >> text=penny-private.safetensors")
    assert page.is_visible(told)
    metadata = read_header(one.lora("penny-private")).metadata
    assert metadata["modelspec.title"] == "Penny <i>1</i>" and metadata["made_by"] == "hand"
    assert not {"ss_output_name", "ss_tag_frequency", "ss_training_comment", "ss_dataset_dirs"} & metadata.keys()


def test_a_training_begins_with_a_lora_or_a_state(scene: Any, until: Any) -> None:
    one = scene(page="train", settings={"network_dim": 16, "network_alpha": 1, "output_name": "penny"})
    page = one.page
    folder = one.bench.host.data / "projects" / "penny" / "runs" / "penny" / "penny-000004-state"
    folder.mkdir(parents=True)
    (folder / "train_state.json").write_text(json.dumps({"step": 40, "current_epoch": 4, "output_name": "penny"}))
    page.click("#lw-from summary")
    page.click("#lw-from-lora")
    page.wait_for_function(
        f"() => [...document.querySelectorAll('#lw-from-weights option')].some((one) => one.value === {one.lora()!r})"
    )
    page.select_option("#lw-from-weights", one.lora())
    page.wait_for_selector("#lw-from-facts >> text=LoRA · rank 2, alpha 1 · trained on animefull.safetensors")
    page.wait_for_selector("#lw-from-differs >> text=Its rank is 2, yours 16")
    page.check("#lw-from-adopt")
    page.wait_for_selector("#lw-from-differs", state="hidden")
    until(lambda: (one.settings.get("network_weights"), one.settings.get("dim_from_weights")) == (one.lora(), True))
    page.click("#lw-from-state")
    page.select_option("#lw-from-resume", str(folder))
    until(lambda: one.settings.get("resume") == str(folder) and "network_weights" not in one.settings)
    assert "penny-000004-state · step 40 · epoch 4" in page.inner_text("#lw-from-resume")
    page.select_option("#lw-from-resume", "auto")
    page.fill("#lw-from-processes", "2")
    until(lambda: (one.settings.get("resume"), one.settings.get("num_processes")) == ("auto", 2))
    page.reload()
    page.wait_for_selector("text=Goes on from the newest state, where there is one · 2 processes")
    page.fill("#lw-from-processes", "")
    page.click("#lw-from-anew")
    until(lambda: not {"resume", "num_processes", "network_weights", "dim_from_weights"} & one.settings.keys())


def test_in_chinese(scene: Any) -> None:
    one = scene("zh_CN")
    page = one.page
    known = {"penny", "hat", "LoRA Workbench", "OUTX", "DyLoRA", "fp16", "bf16", "float", "sv_ratio", "sv_cumulative", "sv_fro"}
    known |= {".pt", ".ckpt"}
    for tool in ("extract", "merge", "resize", "bake", "convert", "cut"):
        one.open(tool)
        assert english(page, known) == [], tool
    page.select_option("#lw-tools-cut-path", one.lora())
    page.click("#lw-tools-cut-go:not([aria-disabled])")
    page.wait_for_selector(".lw-tools-result[data-state=failed] >> text=不是 DyLoRA")
