"""A webui's `modules.*` in small, as the extension asks for them; nothing of any webui's code."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Options:
    """shared.opts: values by name, and what was added to the settings page."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.added: dict[str, Any] = {}

    def add_option(self, name: str, info: Any) -> None:
        self.added[name] = info


class OptionInfo:
    def __init__(self, default: Any, label: str, component: Any = None, arguments: Any = None, section: Any = None) -> None:
        self.default, self.label, self.section = default, label, section
        self.component, self.arguments = component, arguments


class QueueLock:
    """call_queue.queue_lock: first come, first served, and can be tried."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()


class Model:
    """A loaded checkpoint, which knows where it lies."""

    def __init__(self) -> None:
        self.place = "gpu"


class WebUIFakes:
    """The modules, put into sys.modules for a test. `name`: AUTOMATIC1111, Forge or reForge."""

    def __init__(self, name: str, root: Path, patch: pytest.MonkeyPatch, *, gpu: bool = True) -> None:
        self.patch, self.root = patch, root
        self.words = types.SimpleNamespace(
            disable_extension_access=False, hide_ui_dir_config=False, lora_dir=str(root / "models" / "Lora")
        )
        self.opts, self.callbacks, self.queue_lock, self.model = Options(), [], QueueLock(), Model()
        self.unloaded = 0
        self.active: list[Any] = []
        self.checkpoints: dict[str, Any] = {}
        self._add("modules")
        self._add("modules.paths", data_path=str(root), models_path=str(root / "models"))
        self._add("modules.shared", cmd_opts=self.words, opts=self.opts, OptionInfo=OptionInfo)
        self._add("modules.call_queue", queue_lock=self.queue_lock)
        self._add("modules.extensions", active=lambda: self.active)
        self._add("modules.sd_models", checkpoints_list=self.checkpoints, model_data=types.SimpleNamespace(sd_model=self.model),
                  send_model_to_cpu=self._to("cpu"), send_model_to_device=self._to("gpu"))  # fmt: skip
        self.processing = self._add("modules.processing", process_images_inner=lambda p: f"picture of {p}")
        kinds = ("on_ui_settings", "on_ui_tabs", "on_app_started")
        self._add("modules.script_callbacks", **{kind: self._registrar(kind) for kind in kinds})
        cuda = types.SimpleNamespace(is_available=lambda: gpu, empty_cache=lambda: None)
        self._add("torch", cuda=cuda)
        if name != "AUTOMATIC1111":
            self._add("modules_forge")
            self.thread = self._add("modules_forge.main_thread", run_and_wait_result=self._losing_errors)
        if name == "Forge":
            self._add("backend").__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
            self._add("backend.memory_management", unload_all_models=self._unload)
        if name == "reForge":
            self._add("ldm_patched")
            self._add("ldm_patched.modules")
            self._add("ldm_patched.modules.model_management", unload_all_models=self._unload)

    def _add(self, name: str, **content: Any) -> types.ModuleType:
        module = types.ModuleType(name)
        module.__path__ = []
        vars(module).update(content)
        self.patch.setitem(sys.modules, name, module)
        return module

    def _to(self, place: str) -> Any:
        def move(model: Model) -> None:
            model.place = place

        return move

    def _losing_errors(self, work: Callable[..., Any], *words: Any) -> Any:
        """reForge's own thread prints what was raised, and answers None."""
        try:
            return work(*words)
        except RuntimeError:
            return None

    def _unload(self) -> None:
        self.unloaded += 1

    def _registrar(self, kind: str) -> Any:
        return lambda callback: self.callbacks.append((kind, callback))

    def reload(self) -> None:
        """What "Reload UI" does: callbacks are gone, modules stay."""
        self.callbacks.clear()
