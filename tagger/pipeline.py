"""Keeps the model busy: pictures are read and resized in threads while it computes; order kept, memory bounded."""

from __future__ import annotations

import os
import sqlite3
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .model import Tagger
from .pictures import load_picture, prepared
from .results import Choice, Chooser
from .store import LOWEST, Scores, Store, content_key


@dataclass
class Seen:
    """One picture and what each model saw in it, [tags] each; or why it could not be read."""

    picture: Path
    rows: list[np.ndarray | None] = field(default_factory=list)
    reason: str = ""
    stat: os.stat_result | None = None
    content: bytes = b""
    shown: dict[int, np.ndarray] = field(default_factory=dict)  # by size, until the models have seen it

    @property
    def waits(self) -> bool:
        return not self.reason and any(row is None for row in self.rows)


class Pipeline:
    """Yields what the taggers see, in the order of the pictures. `store`: where to look first, and to put what was seen."""

    def __init__(self, taggers: Sequence[Tagger], store: Store | None = None, readers: int | None = None) -> None:
        self.taggers, self.store = taggers, store
        self.readers = readers or min(8, os.cpu_count() or 2)
        self.batch = max(tagger.batch for tagger in taggers)
        self.trouble = ""  # why the store could not be used to the end
        self._keys = [""] * len(taggers)
        try:
            if store is not None:
                self._keys = [store.model_key(tagger.path, tagger.labels) for tagger in taggers]
        except sqlite3.Error as error:
            self._give_up(error)
        self._kept = [Chooser(tagger.labels, Choice()) for tagger in taggers]

    def __call__(self, pictures: Iterable[Path]) -> Iterator[Seen]:
        readers, model = ThreadPoolExecutor(self.readers), ThreadPoolExecutor(1)
        running: Future[list[Seen]] | None = None
        try:
            for group in self._groups(self._read_ahead(pictures, readers)):
                following = model.submit(self._look, group)
                if running:
                    yield from self._remembered(running.result())
                running = following
            if running:
                yield from self._remembered(running.result())
        finally:
            readers.shutdown(cancel_futures=True)
            model.shutdown(cancel_futures=True)

    def _read_ahead(self, pictures: Iterable[Path], readers: ThreadPoolExecutor) -> Iterator[Seen]:
        """Read pictures in order, never more than two batches ahead."""
        coming: deque[Future[Seen]] = deque()
        for picture in pictures:
            coming.append(readers.submit(self._read, picture))
            if len(coming) >= 2 * self.batch + self.readers:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    def _groups(self, read: Iterable[Seen]) -> Iterator[list[Seen]]:
        """As many as make a batch for the models; those that the store knows come along with their neighbours."""
        group: list[Seen] = []
        waiting = 0
        for one in read:
            group.append(one)
            waiting += one.waits
            if waiting == self.batch or len(group) == 8 * self.batch:
                yield group
                group, waiting = [], 0
        if group:
            yield group

    def _read(self, picture: Path) -> Seen:
        """From the store where it is known; else the picture itself, ready for the models."""
        seen = Seen(picture, [None] * len(self.taggers))
        try:
            seen.stat = os.stat(picture)
            self._look_up(seen, None)
            if not seen.waits:
                return seen
            content = picture.read_bytes()
        except OSError as error:
            seen.reason = f"it can't be read ({error.strerror or error})"
            return seen
        self._look_up(seen, content)
        if seen.waits:
            loaded = load_picture(content)
            if isinstance(loaded, str):
                seen.reason = loaded
            else:
                seen.shown = {size: prepared(loaded, size) for size in {tagger.size for tagger in self.taggers}}
        return seen

    def _look_up(self, seen: Seen, content: bytes | None) -> None:
        """Fills in the rows that the store knows, of the file's content or, without it, of the file as it is remembered."""
        store = self.store
        if store is None:
            return
        try:
            seen.content = content_key(content) if content is not None else store.content_of(seen.picture) or b""
            for place, (tagger, key) in enumerate(zip(self.taggers, self._keys, strict=True)):
                if seen.content and (found := store.scores(seen.content, key)):
                    seen.rows[place] = _row(found, len(tagger.labels))
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        """Goes on without the store: a full disk or a damaged cache must not keep pictures from being tagged."""
        self.store, self.trouble = None, str(error)

    def _look(self, group: list[Seen]) -> list[Seen]:
        """Fills in the rows that are missing; on the models' own thread."""
        for place, tagger in enumerate(self.taggers):
            missing = [one for one in group if not one.reason and one.rows[place] is None]
            for one, row in zip(missing, tagger.ask([one.shown[tagger.size] for one in missing]), strict=True):
                one.rows[place] = row
        return group

    def _remembered(self, group: list[Seen]) -> list[Seen]:
        """Puts what is new into the store, and goes on with just what the store keeps, so that a second run says the same."""
        store = self.store
        if store is not None:
            fresh = [one for one in group if one.shown]
            found = [(one, place, _kept(self._kept[place], one.rows[place])) for one in fresh for place in range(len(one.rows))]
            for one, place, scores in found:
                one.rows[place] = _row(scores, len(self.taggers[place].labels))
            files = [(one.picture, one.stat, one.content) for one in group if one.content and one.stat and not one.reason]
            try:
                store.remember(files, [(one.content, self._keys[place], scores) for one, place, scores in found])
            except sqlite3.Error as error:
                self._give_up(error)
        for one in group:
            one.shown.clear()
        return group


def _kept(chooser: Chooser, row: np.ndarray) -> Scores:
    """All ratings, and of characters and general tags those from LOWEST on and the next one below, which MCut may need."""
    keep = row >= LOWEST
    keep[chooser.ratings] = True
    for places in (chooser.characters, chooser.general):
        below = places[row[places] < LOWEST]
        if len(below):
            keep[below[np.argmax(row[below])]] = True
    found = np.flatnonzero(keep)
    return Scores(array("I", found.astype(np.uint32).tobytes()), array("f", row[found].astype(np.float32).tobytes()))


def _row(scores: Scores, count: int) -> np.ndarray:
    row = np.zeros(count, dtype=np.float32)
    row[np.frombuffer(scores.places, dtype=np.uint32)] = np.frombuffer(scores.scores, dtype=np.float32)
    return row
