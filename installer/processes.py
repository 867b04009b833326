"""Subprocesses with argument lists, a clean environment and UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What would put other people's code or folders into our processes, or send pip's files elsewhere than into the venv.
_DROPPED = (
    "LD_PRELOAD",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
    "VIRTUAL_ENV",
)


def clean_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without PYTHON… and what else would reach into our processes; proxies and pip's settings stay."""
    given = os.environ if given is None else given
    kept = {name: value for name, value in given.items() if not name.upper().startswith("PYTHON") and name not in _DROPPED}
    return {**kept, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> int:
    """Runs a command that talks to the user itself; its exit status."""
    return subprocess.run([str(word) for word in command], env=clean_environment(), cwd=cwd, check=False).returncode


def run_to_its_end(command: Sequence[str | Path]) -> int:
    """Runs a server in this process's place, so that signals reach it; its exit status where the system can't do that."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(str(command[0]), [str(word) for word in command], clean_environment())
    process = subprocess.Popen([str(word) for word in command], env=clean_environment())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def ask(command: Sequence[str | Path], *, timeout: float = 60, may_fail: bool = False) -> str | None:
    """What a short command prints, or None where it isn't there, takes too long, or fails and may not."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if may_fail or done.returncode == 0 else None
