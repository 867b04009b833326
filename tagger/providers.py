"""What onnxruntime computes on: chosen by what its package has, and said plainly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata
from typing import Any

# Best first. Each with its name for people.
PROVIDERS = {
    "CUDAExecutionProvider": "the NVIDIA GPU (CUDA)",
    "ROCMExecutionProvider": "the AMD GPU (ROCm)",
    "DmlExecutionProvider": "the GPU (DirectML)",
    "CPUExecutionProvider": "the CPU",
}
PACKAGES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-rocm")


def installed_packages() -> list[str]:
    """onnxruntime's packages that are installed: they share one folder, so that two of them break each other."""
    found = []
    for package in PACKAGES:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        found.append(package)
    return found


def wanted(available: Sequence[str]) -> list[Any]:
    """The providers to ask for. Under torchrun each process of a machine takes a GPU of its own."""
    chosen: list[Any] = []
    for name in PROVIDERS:
        if name not in available:
            continue
        if name in ("CUDAExecutionProvider", "ROCMExecutionProvider"):
            chosen.append((name, {"device_id": int(os.environ.get("LOCAL_RANK", 0))}))
        else:
            chosen.append(name)
    return chosen


def told(running: Sequence[str], available: Sequence[str], packages: Sequence[str]) -> list[str]:
    """Sentences on what the model runs on, and why not on a GPU where one was to be expected."""
    first = next((name for name in PROVIDERS if name in running), "CPUExecutionProvider")
    said = [f"The tagger runs on {PROVIDERS[first]}."]
    if len(packages) > 1:
        names = " and ".join(packages)
        said.append(f"{names} are installed side by side and break each other: run `python install.py setup` to make it anew.")
    elif first == "CPUExecutionProvider" and any(name in available for name in PROVIDERS if name != first):
        better = next(PROVIDERS[name] for name in PROVIDERS if name in available)
        said.append(f"onnxruntime could not start {better}: look at its driver and CUDA version.")
    return said


def default_threads() -> int:
    """Threads for the CPU: 0 lets onnxruntime take all cores; processes that torchrun started share them out."""
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return max(1, (os.cpu_count() or 1) // beside) if beside > 1 else 0
