"""Processes that torchrun started draw one set or grid together: each its share, and they wait for each other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from ...tagger.shares import share
from ..events import JobLock
from ..problems import UserError

T = TypeVar("T")
_TURN = ".turn"
_LOOK = 0.02  # seconds between two tries to get a turn
_PATIENCE = timedelta(days=2)  # how long those that are done wait for the others


@dataclass(frozen=True)
class Processes:
    """This process's number and how many there are."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that holds the folder, writes what there is one of, and speaks."""
        return self.rank == 0

    def mine(self, items: Sequence[T]) -> list[T]:
        """Every `world`-th; all must have waited since they looked what there is to do."""
        return list(items[self.rank :: self.world])

    def wait(self) -> None:
        """Until all have come here. UserError where one of them has ended."""
        if self.world > 1:
            import torch.distributed

            try:
                torch.distributed.barrier()
            except RuntimeError as error:
                raise UserError("Another process of this run has ended: its message says why.") from error

    def total(self, count: int) -> int:
        """The sum over all processes; each must ask."""
        if self.world == 1:
            return count
        import torch

        counts = torch.tensor(count)
        torch.distributed.all_reduce(counts)
        return int(counts)

    @contextlib.contextmanager
    def turn(self, folder: Path) -> Iterator[None]:
        """One process after the other; the first one takes the lock's file away in the end (`clear`)."""
        if self.world == 1:
            yield
            return
        lock = JobLock(folder / _TURN)
        while not lock.acquire():
            time.sleep(_LOOK)
        try:
            yield
        finally:
            lock.release()

    def clear(self, folder: Path) -> None:
        if self.world > 1 and self.is_first:
            (folder / _TURN).unlink(missing_ok=True)


ALONE = Processes()


@contextlib.contextmanager
def processes() -> Iterator[Processes]:
    """Those of this run: one, or as many as torchrun says, joined until the block ends."""
    rank, world = share()
    if world == 1:
        yield ALONE
        return
    import torch.distributed

    torch.distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Processes(rank, world)
    finally:
        torch.distributed.destroy_process_group()
