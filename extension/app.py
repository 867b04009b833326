"""The extension inside webui: its tab, its routes and its settings. The tab is a frame for a page of our own."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from .host import WebUI
from .http import mount
from .workbench import Workbench

ROOT = Path(__file__).resolve().parents[1]
TAB = ("LoRA Workbench", "lora_workbench")
# Relative to the page's address, so that it is right behind a proxy's subpath too.
FRAME = (
    '<div id="lw-root" data-api="lora_workbench/api/v1" data-page="lora_workbench/page/" style="min-height: 70vh">'
    "LoRA Workbench …</div>"
)

_workbench: list[Workbench] = []  # one a process: "Reload UI" executes the script again, but keeps the modules


def workbench() -> Workbench:
    if not _workbench:
        _workbench.append(Workbench(WebUI()))
    return _workbench[0]


def register() -> None:
    """Called by webui's script at each load; "Reload UI" has taken the callbacks of the one before away."""
    callbacks = importlib.import_module("modules.script_callbacks")
    callbacks.on_ui_settings(on_ui_settings)
    callbacks.on_ui_tabs(on_ui_tabs)
    callbacks.on_app_started(on_app_started)


def on_ui_settings() -> None:
    WebUI().add_options()


def on_ui_tabs() -> list[tuple[Any, str, str]]:
    gradio = importlib.import_module("gradio")
    with gradio.Blocks(analytics_enabled=False) as blocks:
        page = gradio.HTML(FRAME, elem_id="lw-frame")
        page.do_not_save_to_config = True
    return [(blocks, *TAB)]


def on_app_started(demo: Any, app: Any) -> None:
    """`demo` is None under --nowebui: then there is the API alone."""
    leave_path()
    bench = workbench()
    mount(app, bench, lambda: is_stopping(demo))
    bench.begin()


def leave_path() -> None:
    """The forks keep every extension's folder on `sys.path`, where others' `import tagger` could find ours; we need none."""
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != ROOT]


def is_stopping(demo: Any) -> bool:
    """Whether gradio's server was told to end; webui then waits until every stream has."""
    server = getattr(demo, "server", None)
    return bool(getattr(server, "should_exit", False)) or getattr(demo, "is_running", True) is False
