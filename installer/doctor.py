"""What is installed, which GPU there is, what is wrong and how to mend it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..trainer_core.files import data_folder
from .environment import LOCK, ROOT, VENV, has_long_paths, long_path_objection, read_stamp, venv_python, what_is_wrong
from .processes import ask
from .torch_build import find_gpus, has_rocm

_REPORT = """
import importlib.metadata, importlib.util, json, sys
from packaging.requirements import Requirement
amiss = []
for line in open(sys.argv[1], encoding="utf-8"):
    wanted = Requirement(line.strip())
    if wanted.marker is None or wanted.marker.evaluate():
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            amiss.append(f"{wanted.name} is missing")
            continue
        if version not in wanted.specifier:
            amiss.append(f"{wanted.name} is {version}, not {str(wanted.specifier)[2:]}")
import torch
clip = importlib.util.find_spec("open_clip")
count = torch.cuda.device_count() if torch.cuda.is_available() else 0
devices = [torch.cuda.get_device_name(number) for number in range(count)]
print(json.dumps({"amiss": amiss, "torch": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip,
                  "devices": devices, "clip": clip is not None}))
"""


_TRAINING_SECONDS = 900  # twenty small steps on the slowest processor


@dataclass(frozen=True)
class Finding:
    """A line of the report; `mend` is there where something is wrong."""

    text: str
    mend: str = ""


def examine(train: bool = False) -> tuple[list[str], bool]:
    """The report's lines, and whether all is well. `train`: twenty steps too."""
    findings = [*_system(), *_environment()]
    if train and not what_is_wrong(VENV):
        findings += _trained()
    lines = []
    for one in findings:
        lines += [f"! {one.text}", f"    mend: {one.mend}"] if one.mend else [f"  {one.text}"]
    wrong = sum(bool(one.mend) for one in findings)
    return [*lines, "", f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong." if wrong else "All is well."], not wrong


def _system() -> Iterator[Finding]:
    yield Finding(f"LoRA Workbench in {ROOT}")
    yield Finding(
        f"{platform.platform()}, {os.cpu_count()} processors; this is Python {platform.python_version()} ({sys.executable})"
    )
    gpus = find_gpus()
    for gpu in gpus:
        yield Finding(f"GPU: {gpu.name}, {gpu.memory}, driver {gpu.driver}, compute capability {gpu.capability}")
    if not gpus:
        yield Finding("GPU: ROCm is installed" if has_rocm() else "GPU: none found; training runs on the CPU")
    data = data_folder()
    nearest = next(folder for folder in (data, *data.parents) if folder.is_dir())
    free = f"{shutil.disk_usage(nearest).free / (1 << 30):.1f} GB free"
    if os.access(nearest, os.W_OK):
        yield Finding(f"Data folder: {data}, {free}")
    else:
        yield Finding(f"Data folder: {data} can't be written", "set LORA_WORKBENCH_DATA to a folder that can")
    if os.name == "nt":
        yield from _windows()


def _windows() -> Iterator[Finding]:
    objection = long_path_objection(str(VENV), has_long_paths())
    yield Finding("Long paths don't fit", objection) if objection else Finding("Long paths: fit")
    import ctypes

    try:
        ctypes.CDLL("vcruntime140_1.dll")
    except OSError:
        url = "https://aka.ms/vs/17/release/vc_redist.x64.exe"
        yield Finding("The Visual C++ runtime is missing; PyTorch can't start without it", f"install {url}")


def _environment() -> Iterator[Finding]:
    wrong = what_is_wrong(VENV)
    if wrong:
        yield Finding(f"The trainer's environment {VENV} {wrong}", "python install.py setup")
        return
    stamp = read_stamp(VENV)
    if stamp:
        yield Finding(f"Environment: {VENV}, Python {stamp.python}, PyTorch {stamp.torch} (asked for: {stamp.asked})")
    answer = ask([venv_python(VENV), "-I", "-c", _REPORT, LOCK], timeout=300)
    if answer is None:
        yield Finding("PyTorch or another package can't be imported", f"{venv_python(VENV)} -c 'import torch' says why")
        return
    report = json.loads(answer.splitlines()[-1])
    if report["amiss"]:
        yield Finding(f"Packages: {'; '.join(report['amiss'])}", "remove trainer_core/venv, then python install.py setup")
    else:
        yield Finding("Packages: all as in the lock")
    if report["devices"]:
        yield Finding(f"PyTorch {report['torch']} sees {', '.join(report['devices'])}")
    elif report["cuda"] or report["hip"]:
        yield Finding(
            f"PyTorch {report['torch']} is built for a GPU but sees none; training runs on the CPU",
            "" if not find_gpus() else "install a newer GPU driver, or python install.py setup --torch auto",
        )
    else:
        mend = "python install.py setup --torch auto" if find_gpus() else ""
        yield Finding(f"PyTorch {report['torch']} is built for the CPU", mend)
    if not report["clip"]:
        yield Finding("CLIP's vocabulary (a file of open_clip_torch) is missing", "python install.py setup")


def _trained() -> Iterator[Finding]:
    """What twenty steps on the toy world show, each way of training in a process of its own."""
    for word in ("full", "half"):
        command = [venv_python(VENV), "-I", "-X", "utf8", "-m", "lora_workbench.demo.self_test", word]
        answer = ask(command, timeout=_TRAINING_SECONDS, may_fail=True)
        try:
            findings = json.loads((answer or "").splitlines()[-1])["findings"]
        except (ValueError, IndexError):
            shown = " ".join(str(one) for one in command)
            yield Finding(f"Twenty steps in {word} precision did not come to their end", f"{shown} says why")
            return
        for text, mend in findings:
            yield Finding(text, mend)
