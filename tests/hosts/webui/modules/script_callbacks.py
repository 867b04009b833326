"""What extensions are told, and when. An error in one is reported and stops nothing."""

from __future__ import annotations

import inspect
import sys
import traceback
from pathlib import Path

from modules import extensions, timings

NAMES = (
    "before_ui",
    "ui_tabs",
    "ui_settings",
    "app_started",
    "model_loaded",
    "infotext_pasted",
    "on_reload",
    "script_unloaded",
)
_callbacks: dict[str, list[tuple[str, object]]] = {name: [] for name in NAMES}


def _adder(name):
    def add(callback, *, name=name):
        _callbacks[kind].append((_extension_of(inspect.stack()[1].filename), callback))

    kind = name
    return add


on_before_ui = _adder("before_ui")
on_ui_tabs = _adder("ui_tabs")
on_ui_settings = _adder("ui_settings")
on_app_started = _adder("app_started")
on_model_loaded = _adder("model_loaded")
on_infotext_pasted = _adder("infotext_pasted")
on_before_reload = _adder("on_reload")
on_script_unloaded = _adder("script_unloaded")


def clear() -> None:
    for callbacks in _callbacks.values():
        callbacks.clear()


def call(name, *words) -> list:
    """What all callbacks returned, those that failed aside."""
    answers = []
    for extension, callback in list(_callbacks[name]):
        try:
            with timings.taken_by(extension):
                answers.append(callback(*words))
        except Exception:  # noqa: BLE001  (any extension's error, whatever it is)
            print(f"host: error in {name} of {extension}", file=sys.stderr)
            traceback.print_exc()
    return answers


def _extension_of(filename: str) -> str:
    real = Path(filename).resolve()
    for extension in extensions.active():
        if real.is_relative_to(Path(extension.path).resolve()):
            return extension.name
    return "host"
