"""Everything that a server needs, put together once a process."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from . import versions
from .caption_shelf import Shelves
from .helper import Helper
from .host import Host
from .jobs import Jobs, listed, queue_of
from .languages.translate import language_of
from .projects import Projects
from .queue_driver import QueueDriver, when_done
from .rights import Rights
from .setup import Setup
from .transfer.uploads import Uploads

_SHOWN_ENDED = 20
_FRESH = 0.8  # seconds for which several open pages share one look


class Workbench:
    """The parts, and what more than one of the API's topics asks of them."""

    def __init__(self, host: Host, jobs: Jobs | None = None, setup: Setup | None = None) -> None:
        self.host = host
        self.projects = Projects(host.data)
        self.jobs = jobs or Jobs(host.data)
        self.setup = setup or Setup()
        self.plans, self.thumbs, self.tagger, self.words = (
            Helper(kind, host.data) for kind in ("plan", "thumbs", "tagger", "words")
        )
        self.captions = Shelves()
        self.uploads = Uploads(host.data)
        self.loaded = versions.on_disk()
        self.queue = QueueDriver(
            self.jobs, lambda: self.setup.ready, host.memory.free, host.memory.restore, self._when_all_is_done
        )
        self._snapshot: tuple[float, dict[str, Any]] = (0.0, {})
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Starts the queue's thread, once."""
        self.queue.begin()

    def end(self) -> None:
        self.queue.end()
        for helper in (self.plans, self.thumbs, self.tagger, self.words):
            helper.end()

    @property
    def rights(self) -> Rights:
        """The host's, with its checkpoints for everybody: who owns the machine put them there, or said where they are."""
        return replace(self.host.rights(), listed=self._checkpoints)

    def _checkpoints(self) -> list[str]:
        return [one["path"] for one in self.host.checkpoints(self.projects.options()["models_folder"])]

    def language(self, accepted: str) -> str:
        """The page's: what the user chose, else the host's, else what the browser asks for."""
        chosen = str(self.projects.options()["language"])
        if chosen != "auto":
            return chosen
        return language_of(self.host.language() or accepted.split(",")[0])

    def restart_needed(self) -> bool:
        """Whether the files on the disk are no longer those that this process runs."""
        return versions.on_disk() != self.loaded

    def snapshot(self) -> dict[str, Any]:
        """What live pages show, in English; one look serves all pages of a second."""
        with self._lock:
            made, content = self._snapshot
            if time.monotonic() - made < _FRESH:
                return content
            readers = self.jobs.refresh()
            queue = [reader.id for reader in queue_of(readers)]
            unended = [reader for reader in readers if not reader.ended]
            newest = [reader for reader in readers if reader.ended][:_SHOWN_ENDED]
            project = self.projects.current()
            content = {
                "jobs": [listed(reader, readers, queue) for reader in [*unended, *newest]],
                "queue": queue,
                "setup": self.setup.state(),
                "project": project["name"] if project else None,
            }
            self._snapshot = (time.monotonic(), content)
            return content

    def changed(self) -> None:
        """Something was done: the next look is a new one, and the queue looks at once."""
        with self._lock:
            self._snapshot = (0.0, {})
        self.queue.wake()

    def _when_all_is_done(self) -> None:
        options = self.projects.options()
        if self.rights.restricted or options["when_done"] == "nothing":
            return
        if options["when_done"] == "shutdown":  # once, and not again when the machine is used next
            self.projects.set_options({"when_done": "nothing"}, self.rights)
        when_done(options)
