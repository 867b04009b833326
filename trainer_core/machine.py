"""What this machine lacks is replaced with a notice, so that people's own scripts run on it; what a run takes of it."""

from __future__ import annotations

import importlib.util
import os

import torch

from .problems import Problem
from .settings import Settings


def fit_to_machine(settings: Settings) -> tuple[Settings, list[Problem]]:
    """The settings as they will run here, and a notice for each replacement."""
    has_gpu = torch.cuda.is_available()
    changes: dict[str, object] = {}
    notices = []
    if settings.mixed_precision == "fp16" and not has_gpu:
        changes["mixed_precision"] = "no"
        notices.append(_notice("fp16-replaced", "mixed_precision fp16 needs a GPU: this machine trains in full precision."))
    if settings.mixed_precision == "bf16" and has_gpu and not torch.cuda.is_bf16_supported():
        changes["mixed_precision"] = "fp16"
        notices.append(_notice("bf16-replaced", "This GPU knows no bf16: fp16 is used in its place."))
    if settings.xformers and not (has_gpu and importlib.util.find_spec("xformers")):
        changes |= {"xformers": False, "sdpa": True}
        why = "xformers is not installed" if has_gpu else "xformers needs a GPU"
        notices.append(_notice("xformers-replaced", f"{why}: PyTorch's own fused attention (sdpa) is used, which is as fast."))
    return (settings.replaced(**changes) if changes else settings), notices


def device_name() -> str:
    """The GPU that a run computes on, as its driver names it, or "cpu"."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def memory_in_use() -> dict[str, int | None]:
    """Bytes: what the process holds now ("ram"), and the most it has held of the GPU so far ("gpu", None without one)."""
    import psutil

    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"ram": psutil.Process().memory_info().rss, "gpu": gpu}


def full_gpu() -> str | None:
    """A sentence where Windows lends a full GPU main memory, and steps crawl; elsewhere a full GPU ends the run by itself."""
    if os.name != "nt" or not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    if free > total / 100 and torch.cuda.memory_reserved() <= total:
        return None
    return (
        f"The GPU's {total / 2**30:.1f} GiB are full, and Windows puts the rest into main memory, where a step takes many "
        "times as long: stop the run, and turn on gradient_checkpointing or lower resolution or train_batch_size, or close "
        "other programs that use the GPU."
    )


def _notice(code: str, message: str) -> Problem:
    return Problem("note", code, message)
