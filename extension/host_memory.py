"""The GPU's memory around a training: webui's own model leaves it before, comes back after, and Generate gets a word."""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

_LOG = logging.getLogger("lora_workbench")
BUSY = (
    "LoRA Workbench is training and has the GPU: generate when it is done, or stop it there first "
    "(Settings, LoRA Workbench, lets both share the memory)."
)


class Memory(Protocol):
    """`free` says whether the job may begin; both may be called again and again."""

    def free(self) -> bool: ...
    def restore(self) -> None: ...


class NoMemory:
    """Standalone: nobody else has anything in the GPU."""

    def free(self) -> bool:
        return True

    def restore(self) -> None:
        return None


class WebUIMemory:
    """A webui's model. Nothing is done on a machine without a GPU, or where the user wants it to stay."""

    def __init__(self, name: str, is_wanted: Callable[[], bool], say: Callable[[str], str] = str) -> None:
        self._name, self._is_wanted, self._say = name, is_wanted, say
        self._freed: contextlib.ExitStack | None = None
        self._lock = threading.Lock()

    def free(self) -> bool:
        """Moves the model out and puts the guard up; False while a picture is being generated."""
        with self._lock:
            if self._freed is not None or not self._is_wanted() or not uses_gpu():
                return True
            queue_lock = importlib.import_module("modules.call_queue").queue_lock
            if not queue_lock.acquire(blocking=False):
                return False
            try:
                stack = contextlib.ExitStack()
                stack.enter_context(guarded(lambda: self._say(BUSY)))
                stack.callback(self._move())
                self._freed = stack
            finally:
                queue_lock.release()
            return True

    def _move(self) -> Callable[[], None]:
        """Moves the model; a host that does it in another way by now keeps it, and the job has what memory is left."""
        try:
            return _MOVERS[self._name]()
        except (ImportError, AttributeError, RuntimeError) as error:
            _LOG.warning("LoRA Workbench: webui's model could not be moved out of the GPU's memory (%s)", error)
            return lambda: None

    def restore(self) -> None:
        with self._lock:
            stack, self._freed = self._freed, None
        if stack is not None:
            stack.close()


@contextlib.contextmanager
def guarded(sentence: Callable[[], str]) -> Iterator[None]:
    """While it lasts, generating raises one clear sentence. Where others wrapped ours meanwhile, it stays and lets through."""
    processing = sys.modules.get("modules.processing")
    original = getattr(processing, "process_images_inner", None)
    if processing is None or original is None:
        yield
        return
    is_up, refused = True, threading.Event()

    def process_images_inner(*words: Any, **named: Any) -> Any:
        if is_up:
            refused.set()
            raise RuntimeError(sentence())
        return original(*words, **named)

    processing.process_images_inner = process_images_inner  # type: ignore[attr-defined]
    try:
        with _told(refused, sentence):
            yield
    finally:
        is_up = False
        if processing.process_images_inner is process_images_inner:  # type: ignore[attr-defined]
            processing.process_images_inner = original  # type: ignore[attr-defined]


@contextlib.contextmanager
def _told(refused: threading.Event, sentence: Callable[[], str]) -> Iterator[None]:
    """The forks draw in a thread of their own, and reForge's loses what is raised there: it says that None isn't iterable."""
    thread = sys.modules.get("modules_forge.main_thread")
    original = getattr(thread, "run_and_wait_result", None)
    if thread is None or original is None:
        yield
        return

    def run_and_wait_result(*words: Any, **named: Any) -> Any:
        refused.clear()
        result = original(*words, **named)
        if result is None and refused.is_set():
            raise RuntimeError(sentence())
        return result

    thread.run_and_wait_result = run_and_wait_result  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if thread.run_and_wait_result is run_and_wait_result:  # type: ignore[attr-defined]
            thread.run_and_wait_result = original  # type: ignore[attr-defined]


def uses_gpu() -> bool:
    """Whether the host computes on a GPU; its own torch is asked, which it has loaded long ago."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_available())


def _move_a1111() -> Callable[[], None]:
    """The loaded model to the CPU's memory, if there is one (`shared.sd_model` would load one); what brings it back."""
    models = importlib.import_module("modules.sd_models")
    model = models.model_data.sd_model
    if model is None:
        return lambda: None
    models.send_model_to_cpu(model)
    _empty_cache()

    def bring_back() -> None:
        if models.model_data.sd_model is model:
            try:
                models.send_model_to_device(model)
            except RuntimeError as error:  # the memory is taken by something else now: the next picture tries again
                _LOG.warning("LoRA Workbench: webui's model could not be moved back (%s)", error)

    return bring_back


def _unload(module: str) -> Callable[[], None]:
    """Both forks load what they need for the next picture by themselves."""
    importlib.import_module(module).unload_all_models()
    _empty_cache()
    return lambda: None


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


_MOVERS: dict[str, Callable[[], Callable[[], None]]] = {
    "AUTOMATIC1111": _move_a1111,
    "Forge": lambda: _unload("backend.memory_management"),
    "reForge": lambda: _unload("ldm_patched.modules.model_management"),
}
