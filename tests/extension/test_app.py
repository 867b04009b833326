"""The extension in a webui in small: its script, its tab, its routes, "Reload UI" ten times."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lora_workbench.extension import app as extension_app
from lora_workbench.extension.app import is_stopping, register
from lora_workbench.tests.extension.webui_fakes import WebUIFakes

ROOT = Path(__file__).resolve().parents[2]


class Blocks:
    """gradio's Blocks and HTML in small."""

    def __init__(self, **_: Any) -> None:
        self.children: list[Any] = []

    def __enter__(self) -> Blocks:
        return self

    def __exit__(self, *_: Any) -> None:
        return None


@pytest.fixture
def webui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebUIFakes]:
    fakes = WebUIFakes("AUTOMATIC1111", tmp_path / "webui", monkeypatch)
    fakes._add(
        "gradio",
        Blocks=Blocks,
        HTML=lambda text, elem_id: types.SimpleNamespace(text=text, elem_id=elem_id),
        Dropdown="dropdown",
    )
    monkeypatch.setattr(extension_app, "_workbench", [])
    yield fakes
    for bench in extension_app._workbench:
        bench.end()


def start(webui: WebUIFakes) -> Any:
    """One start of webui's server: callbacks in webui's order; the new app."""
    from starlette.applications import Starlette

    app = Starlette()
    for kind in ("on_ui_settings", "on_ui_tabs", "on_app_started"):
        for name, callback in webui.callbacks:
            if name == kind:
                callback(*((types.SimpleNamespace(is_running=True), app) if kind == "on_app_started" else ()))
    return app


def test_the_script_registers_once_a_run_under_one_name(webui: WebUIFakes) -> None:
    for _ in range(2):
        webui.reload()
        runpy.run_path(str(ROOT / "scripts" / "lora_workbench.py"))
        assert [kind for kind, _ in webui.callbacks] == ["on_ui_settings", "on_ui_tabs", "on_app_started"]
    assert "lora_workbench.extension.app" in sys.modules and "extension" not in sys.modules


def test_the_tab_is_a_frame_that_webui_does_not_remember(webui: WebUIFakes, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(
        sys.modules["gradio"], "HTML", lambda text, elem_id: made.append(types.SimpleNamespace(text=text)) or made[-1]
    )
    ((_, title, element),) = extension_app.on_ui_tabs()
    assert (title, element) == ("LoRA Workbench", "lora_workbench")
    assert 'id="lw-root"' in made[0].text and 'data-api="lora_workbench/api/v1"' in made[0].text
    assert made[0].do_not_save_to_config is True


def test_reload_ui_ten_times(webui: WebUIFakes) -> None:
    counts = []
    for _ in range(11):
        webui.reload()
        register()
        app = start(webui)
        counts.append(len(app.router.routes))
    assert len(set(counts)) == 1 and counts[0] > 20
    assert len(extension_app._workbench) == 1
    assert [thread.name for thread in threading.enumerate()].count("lora_workbench-queue") == 1


def test_a_callback_that_comes_twice_doubles_nothing(webui: WebUIFakes) -> None:
    from starlette.applications import Starlette

    app = Starlette()
    extension_app.on_app_started(None, app)
    count = len(app.router.routes)
    extension_app.on_app_started(None, app)
    assert len(app.router.routes) == count


def test_streams_know_when_gradio_stops() -> None:
    server = types.SimpleNamespace(should_exit=False)
    demo = types.SimpleNamespace(server=server, is_running=True)
    assert not is_stopping(demo) and not is_stopping(None)
    server.should_exit = True
    assert is_stopping(demo)
    assert is_stopping(types.SimpleNamespace(is_running=False))


def test_nothing_heavy_comes_with_it() -> None:
    """What webui pays at its start: our modules and the standard library's."""
    code = f"""
import sys, time, types
package = types.ModuleType("lora_workbench"); package.__path__ = [{str(ROOT)!r}]; sys.modules["lora_workbench"] = package
begun = time.process_time()
import lora_workbench.extension.app
print(time.process_time() - begun)
print(sorted(name for name in ("torch", "numpy", "gradio", "starlette", "PIL", "onnxruntime", "tomli",
    "asyncio") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    seconds, heavy = done.stdout.splitlines()
    assert heavy == "['asyncio']" and float(seconds) < 1.0


def test_the_frame_is_made_by_the_newest_gradio_too() -> None:
    """The hosts' own versions are tried in tests/hosts; this is the one in the trainer's environment."""
    code = """
import gradio
from lora_workbench.extension import app
[(blocks, title, name)] = app.on_ui_tabs()
[page] = [one for one in blocks.blocks.values() if isinstance(one, gradio.HTML)]
print(gradio.__version__.split(".")[0], title, name, 'id="lw-root"' in page.value)
"""
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    words = [sys.executable, "-I", "-X", "utf8", "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["6", "LoRA", "Workbench", "lora_workbench", "True"], done.stderr[-2000:]
