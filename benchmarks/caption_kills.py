"""Kills processes in the middle of writing captions, and looks at what is left.

Each round starts a process that writes a batch, or undoes one, and kills it at a random moment (SIGKILL). Every caption must
then be the old one or the new one; undoing, or finishing, must bring all of them to one state, with nothing left lying about.
"""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from ..tagger.journal import redo, settle, undo
from ..trainer_core.problems import UserError

_PORTION = 40
_CHILD = """
import sys
from pathlib import Path
from lora_workbench.tagger.captions import Change, read_caption
from lora_workbench.tagger.journal import Batch, apply_changes, undo
folder, what, text = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
paths = sorted(folder.glob("*.txt"))
changes = [Change(path, read_caption(path).content, f"{text} {path.stem}".encode() * 20) for path in paths]
print("ready", flush=True)
if what == "undo":
    undo(folder)
elif what == "apply":
    apply_changes(folder, changes, "a batch")
else:
    with Batch(folder, "a batch in portions") as batch:
        for start in range(0, len(changes), 40):
            batch.write(changes[start : start + 40])
print("over", flush=True)
"""


def kill_batches(folder: Path, count: int, seed: int, files: int = 400) -> dict[str, int]:
    """{half, before, after: kills by where they hit, lost: captions that were neither old nor new, or not brought back}."""
    chosen = random.Random(seed)
    told = Counter({"half": 0, "before": 0, "after": 0, "lost": 0})
    folder.mkdir(parents=True, exist_ok=True)
    old = {folder / f"{number:03d}.txt": f"old {number:03d}, 微笑\n".encode() for number in range(files)}
    for path, content in old.items():
        path.write_bytes(content)
    longest = dict.fromkeys(("apply", "portions", "undo"), _run(folder, "apply", "measured", None))
    undo(folder)
    for number in range(count):
        what = chosen.choice(list(longest))
        text = f"new {number}"
        new = {path: f"{text} {path.stem}".encode() * 20 for path in old}
        if what == "undo":
            _run(folder, "apply", text, None)
        _run(folder, what, text, chosen.random() * longest[what])
        state = Counter(_state(path, old[path], new[path]) for path in old)
        told["lost"] += state["neither"]
        begun_with = "new" if what == "undo" else "old"
        hit = "before" if state[begun_with] == files else "half" if state[begun_with] else "after"
        longest[what] *= {"before": 1.1, "half": 1.05, "after": 0.8}[hit]  # what else the machine does changes its speed
        told[hit] += 1
        told["lost"] += _brought_back(folder, old, new, chosen.choice(("undo", "settle", "redo")), what)
    return dict(told)


def _run(folder: Path, what: str, text: str, kill_after: float | None) -> float:
    """Runs the child; kills it so many seconds after it began its work, or returns the seconds that it took."""
    command = [sys.executable, "-I", "-X", "utf8", "-c", _CHILD, str(folder), what, text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        if child.stdout is None or child.stdout.readline() != "ready\n":
            raise RuntimeError("the process that was to be killed did not start")
        begun = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            child.send_signal(signal.SIGKILL)
        child.wait()
        if kill_after is None and child.returncode:
            raise RuntimeError("the process failed by itself")
        return time.perf_counter() - begun


def _state(path: Path, old: bytes, new: bytes) -> str:
    content = path.read_bytes() if path.exists() else None
    return {old: "old", new: "new"}.get(content or b"", "neither")


def _brought_back(folder: Path, old: dict[Path, bytes], new: dict[Path, bytes], way: str, what: str) -> int:
    """Undoes, or finishes and undoes, what the kill left; captions that are then not the old ones, and files left over."""
    if way == "settle":
        settle(folder)
        state = Counter(_state(path, old[path], new[path]) for path in old)
        if state["new"] % _PORTION if what == "portions" else len(state) > 1:
            return len(old)  # half of a batch, or of a portion of it
    elif way == "redo":
        with contextlib.suppress(UserError):  # the kill came before anything was half done
            redo(folder)
    while True:
        try:
            undo(folder)
        except UserError:
            break
    left = list(folder.glob(".*.tmp"))
    return sum(path.read_bytes() != content for path, content in old.items()) + len(left)
