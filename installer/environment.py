"""The trainer's environment: where it is, whether it is whole, and how it is made."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..trainer_core.files import write_atomically, write_json
from ..trainer_core.problems import UserError
from .processes import ask, run
from .pythons import Python, describe, find_python
from .torch_build import (
    KNOWN_BUILDS,
    TORCH,
    Build,
    choose_build,
    find_gpus,
    has_rocm,
    is_reachable,
    onnxruntime_request,
    torch_requests,
)

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "trainer_core" / "venv"
LOCK = ROOT / "requirements" / "trainer.lock"
STAMP = "lora_workbench.json"
_GIGABYTE = 1 << 30
# Downloads and the finished environment lie side by side for a while: 1.8 GB for the CPU, 7 GB and more for GPUs.
_SPACE = {True: 3 * _GIGABYTE, False: 12 * _GIGABYTE}
# The longest path that the packages have below the environment's folder, and Windows' limit without long-path support.
_LONGEST_INSIDE, _WINDOWS_LIMIT = 171, 259

Say = Callable[[str], None]


# Threads that wait for each other spin for microseconds and then sleep: as fast alone, and several times as fast beside other
# programs at work, where libgomp's own milliseconds of spinning are lost (docs/benchmarks.md).
# It has to be said before PyTorch is loaded, and everything comes by here.
_PACKAGE = '''"""Made by install.py: the project's folder under its one import name."""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "3000")
__path__ = [{path!r}]
'''


@dataclass(frozen=True)
class Stamp:
    """What a finished set-up leaves in the environment; without it, or with another fingerprint, it isn't whole."""

    fingerprint: str
    root: str
    python: str
    asked: str
    build: str
    torch: str


def venv_python(venv: Path) -> Path:
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def read_stamp(venv: Path) -> Stamp | None:
    try:
        return Stamp(**json.loads((venv / STAMP).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fingerprint(lock: Path) -> str:
    """Changes with everything that decides what a set-up installs, but for the machine."""
    lines = [line.strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    return hashlib.sha256("\n".join([TORCH, *KNOWN_BUILDS, *lines]).encode()).hexdigest()


def what_is_wrong(venv: Path, root: Path = ROOT, lock: Path = LOCK) -> str:
    """Why the environment can't be used as it is, as the end of a sentence; empty where it can."""
    if not venv.is_dir():
        return "is not there"
    stamp = read_stamp(venv)
    if stamp is None:
        return "is unfinished: its set-up was interrupted"
    if stamp.root != str(root):
        return f"was made for {stamp.root}, which has been moved or copied"
    if stamp.fingerprint != fingerprint(lock):
        return "was made for another version of LoRA Workbench"
    if ask([venv_python(venv), "-I", "-c", "import lora_workbench, pip"]) is None:
        return "is broken: its Python doesn't run or lacks packages"
    return ""


def set_up(asked_python: Path | None, asked_torch: str | None, say: Say, log: Path) -> None:
    """Makes the environment, or makes it anew where anything is wrong with it or another PyTorch is asked for.

    Raises UserError with one sentence; what it leaves then has no stamp, so the next set-up starts afresh.
    """
    stamp, wrong = read_stamp(VENV), what_is_wrong(VENV)
    asked = asked_torch or (stamp.asked if stamp else "auto")
    build = choose_build(asked, os.environ, find_gpus(), has_rocm())
    if stamp and not wrong and build.name in (stamp.build, "") and _is_version(asked_python, stamp.python):
        say(f"The trainer's environment is whole: PyTorch {stamp.torch} on Python {stamp.python}.")
        return
    python, notice = find_python(asked_python)
    if notice:
        say(f"note: {notice}")
    _check_paths(VENV)
    _check_space(VENV, build)
    if VENV.is_dir():
        say(f"The environment {wrong}; it is made anew." if wrong else "The environment is made anew.")
        _remove(VENV)
    _make(python, say)
    _install(python, build, asked, say, log)


def _is_version(asked: Path | None, version: str) -> bool:
    """Whether no Python is asked for, or one of the version that the environment has."""
    python = describe(asked) if asked else None
    return asked is None or (python is not None and _shown(python) == version)


def _shown(python: Python) -> str:
    return ".".join(str(part) for part in python.version)


def _make(python: Python, say: Say) -> None:
    say(f"Making {VENV} with Python {_shown(python)} ({python.path})")
    if run([python.path, "-I", "-X", "utf8", "-m", "venv", VENV]) != 0:
        raise UserError(f"Python's venv could not be made in {VENV}; the lines above say why.")


def _install(python: Python, build: Build, asked: str, say: Say, log: Path) -> None:
    say("Installing the pinned packages, without PyTorch")
    # The lock names every package, so pip needn't follow dependencies: nothing unwanted comes in.
    _pip(["install", "--no-deps", "-r", str(LOCK)], log)
    _install_torch(build, say, log)
    answer = ask([venv_python(VENV), "-I", "-c", "import torch; print(torch.__version__, torch.version.cuda)"], timeout=300)
    if answer is None:
        raise UserError(f"PyTorch was installed but can't be imported; `{venv_python(VENV)} -c 'import torch'` says why.")
    version, cuda = answer.split()
    _pip(["install", "--no-deps", onnxruntime_request(build.name, None if cuda == "None" else cuda, python.version)], log)
    _write_package(VENV, ROOT)
    stamp = Stamp(fingerprint(LOCK), str(ROOT), _shown(python), asked, build.name or version.partition("+")[2], version)
    write_json(VENV / STAMP, asdict(stamp))  # last of all: whatever interrupts a set-up leaves no stamp
    say(f"The trainer's environment is ready: PyTorch {version} on Python {_shown(python)}.")


def _install_torch(build: Build, say: Say, log: Path) -> None:
    """Tries the build's own index, then what pip is set up with."""
    reachable = is_reachable(build.index)
    say(f"Installing PyTorch {TORCH}{'+' if build.name else ''}{build.name} ({build.reason})")
    if not reachable:
        say(f"note: {build.index} doesn't answer; trying the package index that pip is set up with.")
    requests = torch_requests(build, reachable)
    for number, request in enumerate(requests):
        if number:
            say(f"note: no {requests[0][0]} there; its usual build of {TORCH} is taken (on Linux a large one, with CUDA).")
        # open_clip_torch is there without its dependencies by intention; pip needn't complain of it.
        # Of a mere try its errors aren't shown: "no matching distribution" is no reason for alarm.
        hushed = ["-qqq"] if request is not requests[-1] else []
        if _pip(["install", "--no-warn-conflicts", *request, *hushed], log, allow_no_match=True):
            return
    raise UserError(
        f"No {requests[-1][0]} is to be had for this Python and system from {build.index} or pip's own index; "
        f"choose one of {', '.join(KNOWN_BUILDS)} with --torch, set TORCH_INDEX_URL to an index that holds it, "
        f"or try again when the network is back."
    )


def _pip(words: list[str], log: Path, *, allow_no_match: bool = False) -> bool:
    """Runs the environment's pip. False where it found no such version (and that is allowed); raises UserError else."""
    start = log.stat().st_size if log.is_file() else 0
    quiet = [] if sys.stdout.isatty() else ["--quiet", "--progress-bar=off"]
    common = ["--disable-pip-version-check", "--no-input", "--log", str(log)]
    if run([venv_python(VENV), "-I", "-X", "utf8", "-m", "pip", *common, *words, *quiet]) == 0:
        return True
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", errors="replace")
    if allow_no_match and "No matching distribution found" in text:
        return False
    errors = re.findall(r"ERROR: (.+)", text) or [" ".join(words)]
    raise UserError(f"pip could not install what is needed ({errors[-1].strip()}); run the set-up again. All it said: {log}")


def _write_package(venv: Path, root: Path) -> None:
    """The package through which everything in the environment imports the project: its path is the project's folder."""
    answer = ask([venv_python(venv), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    if not answer:
        raise UserError(f"The environment's Python doesn't run: {venv_python(venv)}; run the set-up again.")
    write_atomically(Path(answer.strip()) / "lora_workbench" / "__init__.py", _PACKAGE.format(path=str(root)))


def _remove(venv: Path) -> None:
    (venv / STAMP).unlink(missing_ok=True)
    try:
        shutil.rmtree(venv)
    except OSError as error:
        raise UserError(f"{error.filename} can't be removed ({error.strerror}); stop what uses it, then retry.") from error


def _check_space(venv: Path, build: Build) -> None:
    needed, free = _SPACE[build.name == "cpu"], shutil.disk_usage(venv.parent).free
    if venv.is_dir():
        return  # what it holds is given back first
    if free < needed:
        raise UserError(
            f"The environment needs about {needed // _GIGABYTE} GB in {venv.parent} while it is made, but "
            f"{free / _GIGABYTE:.1f} GB are free; free some space, then run the set-up again."
        )


def _check_paths(venv: Path) -> None:
    objection = long_path_objection(str(venv), has_long_paths())
    if objection:
        raise UserError(objection)


def long_path_objection(venv: str, long_paths: bool) -> str:
    """Why packages' files would get paths that Windows can't open; empty where they fit or long paths are on."""
    if long_paths or len(venv) + 1 + _LONGEST_INSIDE <= _WINDOWS_LIMIT:
        return ""
    room = _WINDOWS_LIMIT - _LONGEST_INSIDE - 1
    return (
        f"The path {venv} is too long for Windows without long-path support: switch that on (in PowerShell as administrator: "
        "New-ItemProperty -Path HKLM:\\SYSTEM\\CurrentControlSet\\Control\\FileSystem -Name LongPathsEnabled -Value 1 "
        f"-PropertyType DWORD -Force, then restart) or move the webui so that this path has at most {room} letters."
    )


def has_long_paths() -> bool:
    """Whether paths may pass 260 characters: always but on Windows, there as the registry says."""
    if os.name != "nt":
        return True
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:
        return False
