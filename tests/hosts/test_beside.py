"""Ours among others: another extension's package keeps its name, and nothing of ours gets into the host's process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lora_workbench.tests.hosts.clicking import Workbench
from lora_workbench.tests.hosts.running import PREFIX, ROOT

OURS = "lora-workbench"
SLOWEST_START = 0.3
MOST_OF_GRADIO = 0.25


def test_both_extensions_work(host, window) -> None:
    page, bench = window.page, Workbench(window.page)
    bench.open_in_host(window)
    page.locator("#tabs > .tab-nav > button", has_text="Other tagger").click()
    assert page.locator("#other-tagger").inner_text() == "the other extension's"
    assert host.get("/other-tagger/whose") == "the other extension's", "a late import, after ours was loaded"
    bench.show_tab()
    assert not window.wrong
    assert not host.errors()


def test_the_other_package_is_the_other_one(host) -> None:
    inside = host.inside()
    assert "tagger.interrogator" in inside["modules"]
    assert "lora_workbench.tagger.captions" in inside["modules"], "ours, under its one name"
    assert str(ROOT) not in [str(Path(entry).resolve()) for entry in inside["sys_path"]]


def test_wd14_taggers_address_is_left_to_who_has_it(host) -> None:
    """The other extension is known by its tagger/api.py: then it serves /tagger/v1 itself."""
    assert not [path for path in host.inside()["routes"] if path.startswith("/tagger/v1")]


def test_nothing_heavy_in_the_hosts_process(host) -> None:
    host.get(f"{PREFIX}/form")
    host.get(f"{PREFIX}/state")
    assert not {"torch", "onnxruntime", "diffusers", "transformers", "tokenizers"} & set(host.inside()["modules"])


def test_start_up_is_not_slowed(host, hosts) -> None:
    """Imports, register, tab, settings and routes, in the best of several starts: in the first Python compiles the files.

    Beside others even the processor's seconds grow, so there they are held against what the host takes to import gradio.
    """

    def is_quick(timings: dict[str, list[float]]) -> bool:
        (clock, ours), (_, gradios) = timings[OURS], timings["gradio"]
        busy = hasattr(os, "getloadavg") and os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
        return ours <= MOST_OF_GRADIO * gradios if busy else clock <= SLOWEST_START

    told = [host.timings]
    while not is_quick(told[-1]) and len(told) < 4:
        told.append(hosts(host.kind).timings)
    assert is_quick(told[-1]), told


def test_no_value_is_remembered_for_the_page(host) -> None:
    """webui's ui-config.json would bring old values back and mix up equal labels."""
    remembered = json.loads((host.folder / "ui-config.json").read_text(encoding="utf-8"))
    assert remembered
    assert not [name for name in remembered if name.startswith("lora_workbench/")]
