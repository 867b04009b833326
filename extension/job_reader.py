"""What a job's folder says about it. Nothing but the folder is asked, so that a restarted webui knows as much.

Events are read on from where the last look ended, so that a live page costs next to nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ..trainer_core.events import EVENTS, is_alive
from ..trainer_core.files import read_json
from .job_process import is_running

JOB = "job.json"
STATE_FILE = "train_state.json"  # of a state's folder
STARTING = 60.0  # seconds that a process may take until it holds its folder's lock
MOST_PROCESSES = 16  # that one machine's jobs are started in
_TAIL = 8000
_ENDS = {"done": "done", "stopped": "stopped", "error": "failed"}
# What a run takes in place of what its machine lacks: good to know while it runs, and nothing to mend once it is done.
_OF_THE_MACHINE = "-replaced"
_PROGRESS = b'"kind": "progress"'
_TOLD = ("loss", "average", "lr", "memory", "per_second", "picture", "share", "what")  # of progress, as they are
WITHOUT_A_WORD = "The process ended without a word; see its output."
KILLED = "It was ended by force."


class JobReader:
    """One job. `refresh` looks at the folder again; everything else answers from what was seen then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = folder.name
        self.job: dict[str, Any] = {}
        self.state = "queued"
        self._stamp = self._offset = 0
        self._forget()

    def _forget(self) -> None:
        self._offset = 0
        self._start: dict[str, Any] = {}
        self._progress: dict[str, Any] = {}
        self._caching: dict[str, Any] = {}
        self._fetching: dict[str, Any] = {}
        self._stage: dict[str, Any] = {}
        self._drawing: dict[str, Any] = {}
        self._ending: dict[str, Any] = {}
        self._paused = False
        self.saved: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []
        self.warnings: list[tuple[str, str]] = []  # code and sentence

    @property
    def kind(self) -> str:
        return str(self.job.get("kind", "train"))

    @property
    def processes(self) -> int:
        """How many processes train together."""
        settings = self.job.get("settings")
        asked = settings.get("num_processes") if self.kind == "train" and isinstance(settings, dict) else None
        return asked if isinstance(asked, int) and 1 <= asked <= MOST_PROCESSES else 1

    @property
    def output_name(self) -> str:
        """What a training's files are called that has begun; empty before."""
        return str(self._start.get("output_name") or "")

    @property
    def ended(self) -> bool:
        return self.state in ("done", "stopped", "failed")

    @property
    def is_final(self) -> bool:
        """Whether it has said its last word, after which nothing changes."""
        return bool(self._ending)

    @property
    def alive(self) -> bool:
        return self.state in ("starting", "running", "paused")

    def refresh(self) -> bool:
        """Looks at the folder; False where it holds no job (yet)."""
        try:
            stamp = (self.folder / JOB).stat().st_mtime_ns
            if stamp != self._stamp:
                job = read_json(self.folder / JOB)
                self.job, self._stamp = (job if isinstance(job, dict) else {}), stamp
        except FileNotFoundError:
            return False
        except (OSError, ValueError):  # written by hand, and wrong: nothing of it counts
            self.job = {}
        self._read_events()
        self.state = self._look()
        return True

    def _read_events(self) -> None:
        lines, self._offset, afresh = new_lines(self.folder / EVENTS, self._offset)
        if afresh:
            self._forget()
            lines, self._offset, _ = new_lines(self.folder / EVENTS, 0)
        last = b""
        for line in lines:
            if _PROGRESS in line[:120]:
                last = line  # of the many only the newest counts here; curves read them all
                continue
            self._take(_event(line))
        self._take(_event(last))

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        if kind == "start":
            self._start = event
        elif kind == "stage":
            self._stage = event
        elif kind == "progress":
            self._progress = event
        elif kind == "caching":
            self._caching = event
        elif kind == "fetching":
            self._fetching = event
        elif kind == "drawing":
            self._drawing = event
        elif kind in ("paused", "continued"):
            self._paused = kind == "paused"
        elif kind == "saved":
            self.saved.append(event)
        elif kind == "sample":
            self.samples.append(event)
        elif kind == "warning":
            self.warnings.append((str(event.get("code", "")), str(event.get("message", ""))))
        elif kind in _ENDS:
            self._ending = event

    def _look(self) -> str:
        if self._ending:
            return _ENDS[self._ending["kind"]]
        started, pid = self.job.get("started"), self.job.get("pid")
        if not isinstance(started, (int, float)) and isinstance(self.job.get("queued"), (int, float)):
            return "queued"
        # Looking at the lock holds it for a moment, which must not keep a process from taking it: while that process is
        # about to, its number and time of beginning have to do.
        young = isinstance(started, (int, float)) and 0 <= time.time() - started < STARTING
        if young and not self._offset:
            known = isinstance(pid, int)
            if not known or is_running(pid, str(self.job.get("process_started", ""))):
                return "starting"
        if is_alive(self.folder):
            return "paused" if self._paused else "running"
        self._read_events()  # its last words may have come since the look before
        return _ENDS[self._ending["kind"]] if self._ending else "failed"

    @property
    def resume_from(self) -> str | None:
        """The newest state that a new job can go on from."""
        states = [event.get("state") for event in [*self.saved, self._ending]]
        found = [state for state in states if isinstance(state, str) and (Path(state) / STATE_FILE).is_file()]
        return found[-1] if found else None

    @property
    def message(self) -> str:
        """The one sentence that says how it stands, where there is one."""
        if self._ending:
            return str(self._ending.get("message") or self._ending.get("summary") or "")
        if self.state == "failed":
            return KILLED if self.job.get("killed") else WITHOUT_A_WORD
        if self.alive and self._fetching and not self._start:
            done, total = (round(float(self._fetching.get(name) or 0) / 1e6) for name in ("done", "total"))
            return (
                f"The tagger is being fetched: {done} of {total} MB." if total else f"The tagger is being fetched: {done} MB."
            )
        if self.alive and self._caching and not self._progress:
            done, total = self._caching.get("done", 0), self._caching.get("total", 0)
            return (
                f"Preparing the pictures: {done} of {total}."
                if done < total
                else "The pictures are prepared; now the model is loaded."
            )
        return ""

    @property
    def written(self) -> list[Path]:
        """The LoRA files that a training saved, in their order; some may be gone by now."""
        told = [event.get("path") for event in [*self.saved, self._ending]]
        return [Path(path) for path in told if isinstance(path, str) and path.lower().endswith(".safetensors")]

    @property
    def lora(self) -> str | None:
        """The name of the finished LoRA for a prompt: its file's, without extension."""
        path = self._ending.get("published") or self._ending.get("path")
        return Path(path).stem if isinstance(path, str) and self.kind == "train" else None

    def as_dict(self) -> dict[str, Any]:
        """The job for a page's list."""
        progress, job = self._progress, self.job
        return {
            "id": self.id,
            "kind": self.kind,
            "title": str(job.get("title") or self._start.get("output_name") or self.id),
            "project": job.get("project"),
            "state": self.state,
            "message": self.message,
            "step": progress.get("step", self._ending.get("steps") or self._start.get("step", 0)),
            "steps": progress.get("steps", self._start.get("steps", self._start.get("total", 0))),
            "epoch": progress.get("epoch", 0),
            "epochs": self._start.get("epochs", 0),
            "stage": self._stage.get("stage") or self._start.get("stage", 1),
            "stages": self._start.get("stages", 1),
            **{name: progress.get(name) for name in _TOLD},
            "seconds_left": progress.get("seconds_left") if self.alive else None,
            "created": job.get("created"),
            "started": job.get("started"),
            "ended": self._ended_at(),
            "resumable": self.kind == "train" and self.state in ("failed", "stopped") and self.resume_from is not None,
            "resumed_from": job.get("resumed_from"),
            "lora": self.lora,
            "published": self._ending.get("published"),
            "samples": len(self.samples),
            "samples_share": self._samples_share(),
            **{name: self._ending[name] for name in ("changed", "kept", "failed", "change") if name in self._ending},
        }

    def _samples_share(self) -> float | None:
        """How much is done of the sample pictures that a training draws right now, 0 … 1; None where it draws none."""
        share = self._drawing.get("share")
        return share if self.alive and isinstance(share, (int, float)) and 0 <= share < 1 else None

    def _ended_at(self) -> float | None:
        if not self.ended:
            return None
        try:
            if self._ending:
                return datetime.fromisoformat(str(self._ending["time"])).timestamp()
            return (self.folder / EVENTS).stat().st_mtime
        except (OSError, KeyError, ValueError):
            return self.job.get("killed") or self.job.get("started")

    def details(self) -> dict[str, Any]:
        """What the job's own page shows beside."""
        return {
            **self.as_dict(),
            "settings": self.job.get("settings"),
            "folder": self.job.get("folder"),
            "options": self.job.get("options"),
            "path": self._ending.get("path"),
            "lines": self._ending.get("lines") or [],
            "warnings": [told for code, told in self.warnings if not (self._ending and code.endswith(_OF_THE_MACHINE))][-100:],
            "saved": [
                {"path": path, "name": Path(path).name, "epoch": event.get("epoch"), "step": event.get("step")}
                for event in self.saved
                if isinstance(path := event.get("path"), str)
            ],
            "samples": [
                {"name": name, "epoch": event.get("epoch"), "step": event.get("step"), "prompt": event.get("prompt")}
                for name, event in self._named_samples().items()
            ],
            "log_tail": self.log_tail(),
        }

    def _named_samples(self) -> dict[str, dict[str, Any]]:
        return {Path(event["path"]).name: event for event in self.samples if isinstance(event.get("path"), str)}

    def sample(self, name: str) -> Path | None:
        """The sample picture of that name, where the job drew one."""
        event = self._named_samples().get(name)
        return Path(event["path"]) if event else None

    def log_tail(self, most: int = _TAIL) -> str:
        """The end of what the process printed, then of its log."""
        parts = [tail(self.folder / name, most) for name in ("output.txt", "log.txt")]
        return "\n".join(part for part in parts if part)


def new_lines(path: Path, offset: int) -> tuple[list[bytes], int, bool]:
    """Whole lines from `offset` on, the offset behind them, and whether the file is another than before (shorter)."""
    try:
        size = path.stat().st_size
        if size == offset:
            return [], offset, False
        if size < offset:
            return [], 0, True
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(size - offset)
    except OSError:  # not begun yet
        return [], offset, False
    whole = content.rpartition(b"\n")[0]
    return (whole.split(b"\n"), offset + len(whole) + 1, False) if whole else ([], offset, False)


def events_in(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        event = _event(line)
        if event:
            yield event


def _event(line: bytes) -> dict[str, Any]:
    """The event in a line; empty for half a line that a killed writer left."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def tail(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most))
            return file.read(most).decode("utf-8", errors="replace")
    except OSError:  # nothing was printed
        return ""
