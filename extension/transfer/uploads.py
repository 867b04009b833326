"""Uploads from their first piece to the dataset. The end takes its time: it goes on by itself while the page asks how far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..trouble import sentence_of
from .names import cleaned, common_folder, kind_of, told
from .placing import Arrived, Placed, place
from .staging import ZIP, Staging, Upload
from .unpacking import look_into, unpack

_MOST_TOLD = 200
_PATIENCE = 3.0  # seconds that one answer may take; proxies wait a minute, people less
_ENDS_KEPT = 50


@dataclass
class _Work:
    """An upload on its way into the dataset."""

    thread: threading.Thread | None = None
    done: int = 0
    total: int = 0
    placed: Placed = field(default_factory=Placed)
    error: str = ""
    ended: bool = False


class Uploads:
    """All uploads of a server. Safe from several threads; `placing` is done by one of them at a time."""

    def __init__(self, data: Path) -> None:
        self.staging = Staging(data)
        self._works: dict[str, _Work] = {}
        self._lock, self._placing = threading.Lock(), threading.Lock()

    def finish(self, upload_id: Any, then: Callable[[Upload], None]) -> dict[str, Any]:
        """Puts a whole upload into its dataset, or says how far that is. `then` is called at its good end.

        Asked again after the end, it tells the end again: an answer may have been lost on its way.
        """
        with self._lock:
            work = self._works.get(str(upload_id))
            if work is None or work.error:
                upload = self.staging.get(upload_id)
                self.staging.whole(upload)
                work = _Work()
                work.thread = threading.Thread(target=self._work, args=(upload, work, then), daemon=True, name="lw-upload")
                self._works[upload.id] = work
                while len(self._works) > _ENDS_KEPT:
                    del self._works[next(iter(self._works))]
                work.thread.start()
        if work.thread:
            work.thread.join(_PATIENCE)
        if work.error:
            raise Refused(work.error)
        told_files = work.placed.left_out[:_MOST_TOLD] if work.ended else []
        return {
            **asdict(work.placed),
            "ended": work.ended,
            "done": work.done,
            "total": work.total,
            "left_out": told_files,
            "left_out_count": len(work.placed.left_out) if work.ended else 0,
        }

    def stop(self, upload_id: Any) -> None:
        """Forgets an upload and what has arrived of it; one that is on its way into the dataset goes on to its end."""
        with self._lock:
            work = self._works.get(str(upload_id))
            if work is None or work.error:
                self.staging.forget(upload_id)

    def _work(self, upload: Upload, work: _Work, then: Callable[[Upload], None]) -> None:
        try:
            with self._placing:
                self.staging.mark_placing(upload)
                place(upload.folder, self._arrived(upload, work), work.placed)
                then(upload)
            self.staging.forget(upload.id)
            work.ended = True
        except Exception as error:  # noqa: BLE001  the thread's last place that can turn it into a sentence
            work.error = sentence_of(error)[1]

    def _arrived(self, upload: Upload, work: _Work) -> Iterator[Arrived]:
        """Every file of the upload and of the zips in it, as they are unpacked."""
        loose = [one for one in upload.files if kind_of(one.name) != ZIP]
        outer = common_folder(one.name for one in loose)
        work.total = len(loose)
        for one in loose:
            work.done += 1
            yield Arrived(cleaned(one.name.removeprefix(outer)), one.part)
        for source, archive in enumerate((one for one in upload.files if kind_of(one.name) == ZIP), 1):
            if not archive.part.is_file():  # an earlier try, which was cut off, had placed all of it
                continue
            try:
                contents = look_into(archive.part, archive.name)
            except Refused as why:
                work.placed.left_out.append(told(archive.name, why))
                continue
            work.placed.left_out += contents.left_out
            work.total += len(contents.members)
            for member, path, why in unpack(archive.part, contents.members, upload.place / str(source)):
                work.done += 1
                if path is None:
                    work.placed.left_out.append(told(member.name, why))
                else:
                    yield Arrived(member.name, path, source)
