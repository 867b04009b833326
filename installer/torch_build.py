"""Which builds of PyTorch and onnxruntime fit this machine, and the words with which pip gets them."""

from __future__ import annotations

import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .processes import ask

TORCH = "2.13.0"
KNOWN_BUILDS = ("cpu", "cu126", "cu129", "cu130", "rocm7.2")
INDEX = "https://download.pytorch.org/whl"
# No xformers is built for this PyTorch (the newest, 0.0.35, is built for 2.10), so none is installed: PyTorch's own
# attention takes its place.

# The oldest driver branch for CUDA 12 and 13 (CUDA's minor-version compatibility), and for GPUs of compute capability 10+.
_DRIVER_CUDA_12, _DRIVER_BLACKWELL, _DRIVER_CUDA_13 = 525, 570, 580


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as nvidia-smi describes it."""

    name: str
    capability: float
    memory: str
    driver: str


@dataclass(frozen=True)
class Build:
    """A build of PyTorch: `name` as in its index (cpu, cu130, …; empty: whatever the index holds), and why this one."""

    name: str
    index: str
    reason: str


def find_gpus() -> list[Gpu]:
    """The NVIDIA GPUs; empty where there is none or its driver doesn't answer."""
    query = "--query-gpu=name,compute_cap,memory.total,driver_version"
    answer = ask(["nvidia-smi", query, "--format=csv,noheader"], timeout=30)
    gpus = []
    for line in (answer or "").splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4 and re.fullmatch(r"\d+\.\d+", parts[1]):
            gpus.append(Gpu(parts[0], float(parts[1]), parts[2], parts[3]))
    return gpus


def has_rocm() -> bool:
    return sys.platform == "linux" and (shutil.which("rocminfo") is not None or Path("/opt/rocm").is_dir())


def choose_build(wanted: str, environment: Mapping[str, str], gpus: list[Gpu], rocm: bool) -> Build:
    """The build to install. TORCH_INDEX_URL names the index as it does for webui; its last part may name the build."""
    index = environment.get("TORCH_INDEX_URL", "").strip().rstrip("/")
    if wanted != "auto":
        return Build(wanted, index or f"{INDEX}/{wanted}", "as asked for")
    if index:
        last = index.rpartition("/")[2]
        return Build(last if re.fullmatch(r"cpu|cu\d+|rocm[\d.]+|xpu", last) else "", index, "as TORCH_INDEX_URL says")
    if gpus:
        name, reason = _cuda_build(max(gpus, key=lambda gpu: gpu.capability))
    elif rocm:
        name, reason = "rocm7.2", "ROCm was found"
    else:
        name, reason = "cpu", "no GPU was found"
    return Build(name, f"{INDEX}/{name}", reason)


def _cuda_build(gpu: Gpu) -> tuple[str, str]:
    driver = int(re.match(r"\d*", gpu.driver)[0] or 0)  # type: ignore[index]
    found = f"{gpu.name} with driver {gpu.driver}"
    if driver < _DRIVER_CUDA_12:
        return "cpu", f"{found} is too old for CUDA 12: install a newer driver, then run setup again"
    if gpu.capability < 5:
        return "cpu", f"{found} is too old for PyTorch {TORCH}"
    if gpu.capability < 7.5:
        return "cu126", f"{found}; newer builds leave this generation out"
    if driver >= _DRIVER_CUDA_13:
        return "cu130", found
    if gpu.capability >= 10 and driver >= _DRIVER_BLACKWELL:
        return "cu129", found
    return "cu126", found


def is_reachable(index: str, timeout: float = 8) -> bool:
    """Whether the index answers for torch; through the system's proxies, as pip would ask."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=timeout) as answer:  # an http(s) address of an index
            return answer.status == 200
    except (urllib.error.URLError, OSError, ValueError):
        return False


def torch_requests(build: Build, reachable: bool, platform: str = sys.platform) -> list[list[str]]:
    """pip's words for torch, to be tried in turn; the next one only where nothing matches the one before."""
    exact = f"torch=={TORCH}+{build.name}" if build.name else f"torch=={TORCH}"
    if reachable:
        return [[exact, "--extra-index-url", build.index]]
    # A mirror or a folder of wheels that pip is set up with may have the very build. Else the usual index: its build is
    # for CUDA 13 on Linux (it runs without a GPU too, but is large) and for the CPU elsewhere.
    usual_fits = build.name in ("", "cpu") or (platform == "linux" and build.name == "cu130")
    return [[exact], [f"torch=={TORCH}"]] if usual_fits and build.name else [[exact]]


def onnxruntime_request(build: str, cuda: str | None, python: tuple[int, ...]) -> str:
    """The onnxruntime whose CUDA is the installed PyTorch's (`cuda` as in torch.version.cuda), else the CPU's."""
    if build != "cpu" and cuda:
        if cuda.startswith("12."):
            return "onnxruntime-gpu==1.23.2"
        if cuda.startswith("13.") and python >= (3, 11):
            return "onnxruntime-gpu==1.30.0"
    return "onnxruntime==1.23.2"
