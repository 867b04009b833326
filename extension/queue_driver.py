"""The queue: a thread looks once a second. Of several servers on a folder one starts jobs; the next takes over when it dies."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..trainer_core.events import JobLock
from .job_reader import JobReader
from .jobs import Jobs, queue_of, was_killed

ON_GPU = ("train", "reg", "grid", "prior", "loop")  # kinds of jobs that need the GPU's memory
_LOOK = 1.0
_LOG = logging.getLogger("lora_workbench")


class QueueDriver:
    """Starts what waits when nothing runs. `make_room` readies the GPU and says whether it is; `give_back` undoes that."""

    def __init__(
        self,
        jobs: Jobs,
        is_ready: Callable[[], bool],
        make_room: Callable[[], bool],
        give_back: Callable[[], None],
        all_done: Callable[[], None],
    ) -> None:
        self._jobs, self._is_ready = jobs, is_ready
        self._make_room, self._give_back, self._all_done = make_room, give_back, all_done
        self._lock = JobLock(jobs.folder / "queue.lock")
        self._drives = False
        self._running: str | None = None
        self._woken, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Starts the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="lora_workbench-queue", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Looks at once: a job came in, or one ended."""
        self._woken.set()

    def end(self) -> None:
        """Stops looking and lets another server drive; running jobs go on."""
        self._ending.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        self._give_back()
        self._lock.release()
        self._drives = False

    def _watch(self) -> None:
        told = ""
        while not self._ending.is_set():
            try:
                self.look()
                told = ""
            except Exception as error:  # noqa: BLE001  a thread that died would leave the queue standing
                if str(error) != told:  # the next look may fare better; where it doesn't, once is enough
                    _LOG.exception("LoRA Workbench: the queue had to pass over an error")
                told = str(error)
            self._woken.wait(_LOOK)
            self._woken.clear()

    def look(self) -> None:
        """One look: notices what ended, and starts what is next."""
        readers = self._jobs.refresh()
        running = next((reader for reader in readers if reader.alive), None)
        waiting = queue_of(readers)
        if running is not None:
            if running.kind in ON_GPU:
                self._make_room()  # found running after a restart, or started by another server
            self._running = running.id
            return
        if self._jobs.lingering():
            return
        if not self._drives:
            self._drives = self._lock.acquire()
        if waiting and self._drives and self._is_ready():
            self._start(waiting[0])
            return
        if not waiting:
            self._give_back()
            self._notice_the_end(readers)

    def _start(self, reader: JobReader) -> None:
        if reader.kind in ON_GPU and not self._make_room():
            return  # a picture is being generated: the next look tries again
        self._running = reader.id
        self._jobs.start(reader)

    def _notice_the_end(self, readers: list[JobReader]) -> None:
        """After the last job; not where a user ended that job, who is still there then."""
        ended, self._running = next((reader for reader in readers if reader.id == self._running), None), None
        if ended is not None and self._drives and ended.state in ("done", "failed") and not was_killed(ended):
            self._all_done()


def when_done(options: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
    """What the user chose for the end of all jobs: nothing, a command of his (words, no shell), or shutting down."""
    if options["when_done"] == "command" and options["command"].strip():
        command = words(options["command"])
    elif options["when_done"] == "shutdown":
        command = shutdown_command()
    else:
        return None
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        _LOG.error("LoRA Workbench: the command for the end of all jobs can't be run (%s): %s", error.strerror, command[0])
        return None


def words(command: str) -> list[str]:
    """The words of a command line, as people quote them on this system; nothing in them is expanded."""
    if os.name != "nt":
        return shlex.split(command)
    return [word[1:-1] if word[:1] == word[-1:] == '"' else word for word in shlex.split(command, posix=False)]


def shutdown_command() -> list[str]:
    if os.name == "nt":
        return ["shutdown", "/s", "/t", "60"]
    return (
        ["osascript", "-e", 'tell app "System Events" to shut down'] if sys.platform == "darwin" else ["systemctl", "poweroff"]
    )
