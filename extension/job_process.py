"""Processes of jobs: started so that they outlive webui, told apart from others of the same number, ended by force."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..installer.processes import clean_environment

_CREATE_NEW_PROCESS_GROUP, _CREATE_NO_WINDOW = 0x00000200, 0x08000000


def spawn(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Starts a job's program in a session of its own; what it prints goes to output.txt. Raises OSError."""
    apart: dict[str, object] = {"start_new_session": True}
    if os.name == "nt":
        apart = {"creationflags": _CREATE_NEW_PROCESS_GROUP | _CREATE_NO_WINDOW}
    with (folder / "output.txt").open("ab") as output:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **apart,  # type: ignore[arg-type]
        )


def started_at(pid: int) -> str:
    """When the process of that number began, as text to compare; empty where there is none, or only a zombie."""
    if pid <= 0:
        return ""
    if os.name == "nt":
        return _started_on_windows(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return _started_by_ps(pid) if not Path("/proc/self").exists() else ""
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name before may hold anything
    return "" if fields[0] in ("Z", "X") else fields[19]


def is_running(pid: int, began: str) -> bool:
    """Whether that very process still runs: numbers are given again, times of beginning are not."""
    return bool(began) and started_at(pid) == began


def kill(pid: int, began: str) -> bool:
    """Ends the process and those that it started; whether it was still that process."""
    if not is_running(pid, began):
        return False
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/PID", str(pid), "/T", "/F"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            creationflags=_CREATE_NO_WINDOW,
        )
        return True
    below = {child: started_at(child) for child in started_by(pid)}  # a launcher's processes have groups of their own
    with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    for child, began in below.items():
        if is_running(child, began):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    return True


def started_by(pid: int) -> list[int]:
    """The processes that it started, and those that these started, as they are now; none on Windows, whose kill knows them."""
    parents = dict(_parents())
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one and child not in found]
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of all that run."""
    if not Path("/proc/self").exists():
        yield from _parents_by_ps()
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):  # it ended meanwhile
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                yield int(folder.name), int(stat.rpartition(")")[2].split()[1])


def _parents_by_ps() -> Iterator[tuple[int, int]]:
    if os.name == "nt":
        return
    done = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():
        process, parent = line.split()
        yield int(process), int(parent)


def _started_by_ps(pid: int) -> str:
    """Where there is no /proc, as on macOS."""
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    state, _, began = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else began.strip()


def _started_on_windows(pid: int) -> str:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return ""
    try:
        code = wintypes.DWORD()
        times = [wintypes.FILETIME() for _ in range(4)]
        known = kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
        known = known and kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(one) for one in times))
        if not known or code.value != 259:  # STILL_ACTIVE
            return ""
        return str((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime)
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))
