"""Jobs as folders in the data folder: made, listed, started, asked for things, ended, gone on with."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..installer.environment import VENV, venv_python
from ..trainer_core import requests
from ..trainer_core.events import EventLog, is_alive, new_job_folder
from ..trainer_core.files import read_json, write_json
from .curves import Curve
from .errors import MISSING, NOT_NOW, Refused
from .job_process import is_running, kill, spawn, started_at
from .job_reader import JOB, KILLED, JobReader
from .rights import shown
from .same_output import waiting_words

_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z]{1,20}(-[0-9]{1,4})?")
_KILL_WAIT = 5.0
_LINGER = 120.0  # seconds in which a process may put its things away after its last word


def trainer_command(folder: Path) -> list[str]:
    """The program of a job: a list of words, nothing of which comes from a request."""
    return [str(venv_python(VENV)), "-I", "-X", "utf8", "-u", "-m", "lora_workbench.trainer_core", "job", str(folder)]


def together(command: list[str], number: int) -> list[str]:
    """The same program in that many processes, started by torch's launcher, which ends all of them where one ends badly."""
    launcher = ["-I", "-X", "utf8", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(number)]
    return [command[0], *launcher, "--no-python", *command]


class Jobs:
    """The jobs of a data folder. Safe from several threads, and beside other servers on the same folder."""

    def __init__(self, data: Path, command: Callable[[Path], list[str]] = trainer_command) -> None:
        self.folder = data / "jobs"
        self._command = command
        self._readers: dict[str, JobReader] = {}
        self._curves: dict[str, Curve] = {}
        self._gone: set[str] = set()  # ended jobs whose process was seen to be gone
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.RLock()

    def refresh(self) -> list[JobReader]:
        """Looks at all folders; the jobs, newest first."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]  # reaps: no zombies
            try:
                names = {path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name) and not path.is_symlink()}
            except OSError:  # no job yet
                names = set()
            for gone in set(self._readers) - names:
                self._readers.pop(gone)
                self._curves.pop(gone, None)
            found = []
            for name in names:
                reader = self._readers.setdefault(name, JobReader(self.folder / name))
                if reader.is_final or reader.refresh():
                    found.append(reader)
            return sorted(found, key=lambda reader: (float(reader.job.get("created") or 0), reader.id), reverse=True)

    def get(self, job_id: Any) -> JobReader:
        """The job as its folder is now; Refused where there is none."""
        with self._lock:
            known = isinstance(job_id, str) and _ID.fullmatch(job_id) is not None
            folder = self.folder / str(job_id)
            if known and folder.is_dir() and not folder.is_symlink():
                reader = self._readers.setdefault(folder.name, JobReader(folder))
                if reader.refresh():
                    return reader
            raise Refused(f"There is no job {shown(job_id)}; it may have been removed.", MISSING)

    def curve(self, job_id: Any) -> Curve:
        reader = self.get(job_id)
        with self._lock:
            return self._curves.setdefault(reader.id, Curve(reader.folder))

    def add(self, kind: str, title: str, project: str | None, content: Mapping[str, Any], *, first: bool = False) -> JobReader:
        """A new job at the end of the queue, or at its head."""
        with self._lock:
            folder = new_job_folder(self.folder, kind)
            job = {"kind": kind, "title": title, "project": project, "created": time.time(), "queued": self._place(first)}
            write_json(folder / JOB, {**job, **content})
            return self.get(folder.name)

    def _place(self, first: bool) -> float:
        places = [float(reader.job["queued"]) for reader in queue_of(self.refresh())]
        return min([time.time(), *places]) - 1 if first else max([time.time(), *(place + 1e-3 for place in places)])

    def change(self, reader: JobReader, **values: Any) -> None:
        """Takes values into job.json; None takes one out."""
        job = {**read_json(reader.folder / JOB), **values}
        write_json(reader.folder / JOB, {name: value for name, value in job.items() if value is not None})
        reader.refresh()

    def start(self, reader: JobReader) -> None:
        """Starts a queued job's process; what keeps it from starting is the job's own error. One that somebody took out of the
        queue since the look at it is left alone."""
        with self._lock:
            if not reader.refresh() or reader.state != "queued":
                return
            self.change(reader, started=time.time())
            command = self._command(reader.folder)
            if reader.processes > 1:
                command = together(command, reader.processes)
            try:
                child = spawn(command, reader.folder)
            except OSError as error:
                events = EventLog(reader.folder)
                events.write("error", message=f"The trainer could not be started ({error.strerror}): set it up again.")
                events.close()
                return
            self._children.append(child)
            self.change(reader, pid=child.pid, process_started=started_at(child.pid))

    def lingering(self) -> bool:
        """Whether a process of a job that has ended is still there, with all its memory; one that stays too long is ended."""
        with self._lock:
            ended = [reader for reader in self._readers.values() if reader.ended and reader.id not in self._gone]
        found = False
        for reader in ended:
            pid, began = reader.job.get("pid"), str(reader.job.get("process_started", ""))
            if not isinstance(pid, int) or not is_running(pid, began):
                self._gone.add(reader.id)
                continue
            found = True
            if time.time() - float(reader.as_dict()["ended"] or 0) > _LINGER:
                kill(pid, began)
        return found

    def ask(self, reader: JobReader, what: str) -> JobReader:
        """Asks a living job for something; a queued one has nothing to give."""
        if not reader.alive:
            raise Refused(f"The job is not running ({reader.state}), so it can't be asked to {what}.", NOT_NOW)
        requests.ask(reader.folder, what)
        return self.get(reader.id)

    def stop(self, reader: JobReader) -> JobReader:
        """A running job saves and stops; a queued one leaves the queue, but stays in the history."""
        with self._lock:
            if reader.state == "queued":
                events = EventLog(reader.folder)
                events.write("stopped", path=None, state=None, step=0, message="It was taken out of the queue before it began.")
                events.close()
                return self.get(reader.id)
        return self.ask(reader, requests.STOP)

    def go_on(self, reader: JobReader) -> JobReader:
        """Ends a pause."""
        if not reader.alive:
            raise Refused(f"The job is not paused ({reader.state}).", NOT_NOW)
        requests.taken(reader.folder, requests.PAUSE)
        return self.get(reader.id)

    def kill(self, reader: JobReader) -> JobReader:
        """Ends the job's process by force, and no other: its number, its time of beginning and its lock must agree."""
        pid, began = reader.job.get("pid"), str(reader.job.get("process_started", ""))
        if not reader.alive or not isinstance(pid, int):
            raise Refused(f"The job has no process that could be ended ({reader.state}).", NOT_NOW)
        if reader.state != "starting" and not is_alive(reader.folder):
            raise Refused("The job has ended by itself just now.", NOT_NOW)
        if not kill(pid, began):
            raise Refused("The job's process is not the one that was started for it, so it was left alone.", NOT_NOW)
        self.change(reader, killed=time.time())
        deadline = time.monotonic() + _KILL_WAIT
        while (is_running(pid, began) or is_alive(reader.folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        requests.clear(reader.folder)
        return self.get(reader.id)

    def first(self, reader: JobReader) -> JobReader:
        with self._lock:
            if reader.state != "queued":
                raise Refused(f"The job is not in the queue ({reader.state}).", NOT_NOW)
            self.change(reader, queued=self._place(first=True))
            return self.get(reader.id)

    def remove(self, reader: JobReader) -> dict[str, Any]:
        """Takes a job out of queue or history with its folder; what it made elsewhere stays."""
        with self._lock:
            if reader.alive:
                raise Refused("The job is running: stop it first.", NOT_NOW)
            shown_last = reader.as_dict()
            shutil.rmtree(reader.folder)
            self._readers.pop(reader.id, None)
            self._curves.pop(reader.id, None)
            return {**shown_last, "state": "removed"}


def queue_of(readers: list[JobReader]) -> list[JobReader]:
    """The jobs that wait, the next one first."""
    return sorted((reader for reader in readers if reader.state == "queued"), key=lambda reader: float(reader.job["queued"]))


def listed(reader: JobReader, readers: list[JobReader], queue: list[str]) -> dict[str, Any]:
    """The job for a page's list, with its place in the queue, counted from 1. `queue`: ids in their order."""
    told = reader.as_dict()
    place = queue.index(reader.id) + 1 if reader.id in queue else None
    return {**told, "message": told["message"] or waiting_words(reader, readers, queue), "place": place}


def was_killed(reader: JobReader) -> bool:
    return reader.message == KILLED
