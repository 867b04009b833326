"""Processes that torchrun or accelerate started do one thing together: each its share, and they wait for each other.

All of them come to the same places in the same order (`wait`, `total`, `of_first`, …). Where one has failed, the others
learn it at the next such place, and all end with its sentence.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from ..tagger.shares import share
from .endings import told_as_sentence
from .events import LOG, JobLock
from .problems import UserError

T = TypeVar("T")
_TURN = ".turn"
_LOOK = 0.02  # seconds between two tries to get a turn
_PATIENCE = timedelta(days=2)  # how long those that are done wait for the others
_LAUNCHED = "TORCHELASTIC_RUN_ID"  # torch's launcher tells it to its processes
# What other starters than torchrun tell their processes.
_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


class EndedTogether(UserError):
    """Another process has failed, and this one ends with it."""


class _Report(Exception):
    """What another process wrote about its failure, for the log."""


@dataclass(frozen=True)
class Processes:
    """This process's number and how many there are. `launcher`: the number of torch's, where that one can be watched."""

    rank: int = 0
    world: int = 1
    launcher: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the one that holds the folder, writes what there is one of, and speaks."""
        return self.rank == 0

    def launcher_is_gone(self) -> bool:
        """Whether the launcher has ended before this process, as only force makes it: nobody would hand on a stop or end the
        others when one fails."""
        return self.launcher is not None and os.getppid() != self.launcher

    def mine(self, items: Sequence[T]) -> list[T]:
        """Every `world`-th; all must have waited since they looked what there is to do."""
        return list(items[self.rank :: self.world])

    def wait(self) -> None:
        """Until all have come here. UserError where one of them has failed or ended."""
        if self.world > 1 and self._sum(0):
            self._end_with_the_failed(None)

    def total(self, value: float) -> Any:
        """The sum over all processes, of the value's own kind; each must ask."""
        self.wait()
        return value if self.world == 1 else self._sum(value)

    def of_first(self, ask: Callable[[], T]) -> T:
        """What the first process answers; the others wait for it, and do nothing."""
        answers = [ask() if self.is_first else None]
        self.wait()
        if self.world > 1:
            import torch.distributed

            with _others_are_there():
                torch.distributed.broadcast_object_list(answers, src=0)
        return answers[0]  # type: ignore[return-value]

    def pooled(self, own: dict[Any, T]) -> dict[Any, T]:
        """What all processes have made, as one dict in the order of their numbers."""
        self.wait()
        if self.world == 1:
            return own
        import torch.distributed

        parts: list[Any] = [None] * self.world
        with _others_are_there():
            torch.distributed.all_gather_object(parts, own)
        return {key: value for part in parts for key, value in part.items()}

    def sum_gradients(self, parameters: Sequence[Any]) -> None:
        """Every parameter's gradient becomes the sum over all processes; it stays None where none of them has one."""
        if self.world == 1:
            return
        import torch

        there = [parameter.grad is not None for parameter in parameters]
        flat = torch.cat(
            [
                torch.tensor(there, dtype=torch.float32, device=parameters[0].device),
                *(
                    (one.grad if has else torch.zeros_like(one)).flatten().float()
                    for one, has in zip(parameters, there, strict=True)
                ),
            ]
        )
        self.wait()
        with _others_are_there():
            torch.distributed.all_reduce(flat)
        counts, sums = flat.split([len(parameters), len(flat) - len(parameters)])
        for one, count, part in zip(parameters, counts.tolist(), sums.split([one.numel() for one in parameters]), strict=True):
            one.grad = part.reshape(one.shape).to(one.dtype) if count else None

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

    @contextlib.contextmanager
    def one_voice(self) -> Iterator[None]:
        """Within, the first process alone speaks, and an error of any process ends all of them with its sentence.

        The first one raises it; the others end with its exit status.
        """
        if self.world == 1:
            yield
            return
        with contextlib.ExitStack() as stack:
            if not self.is_first:
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
            try:
                yield
                self.wait()
            except EndedTogether:
                if self.is_first:
                    raise
                raise SystemExit(1) from None
            except Exception as error:  # noqa: BLE001  whatever it is, the others must not wait for ever
                told = told_as_sentence(error, Path(LOG))
                try:
                    self._sum(1)
                    self._end_with_the_failed((str(told), traceback.format_exc()))
                except EndedTogether as end:
                    unheard = not isinstance(end.__cause__, _Report)
                    if self.is_first or unheard:
                        raise error from None
                    raise SystemExit(getattr(told, "exit_status", 1)) from None

    def _end_with_the_failed(self, own: tuple[str, str] | None) -> None:
        """Raises EndedTogether with the sentence of the first process that has failed; each gives its own."""
        import torch.distributed

        told: list[Any] = [None] * self.world
        with _others_are_there():
            torch.distributed.all_gather_object(told, own)
        number, (sentence, report) = next((number, one) for number, one in enumerate(told) if one)
        raise EndedTogether(sentence) from _Report(f"Process {number} of {self.world} failed:\n{report}")

    def _sum(self, value: float) -> Any:
        import torch

        whole = torch.tensor(value, dtype=torch.float64)
        with _others_are_there():
            torch.distributed.all_reduce(whole)
        return type(value)(whole)


ALONE = Processes()


@contextlib.contextmanager
def _others_are_there() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise EndedTogether("Another process of this run has ended: its message says why.") from error


@contextlib.contextmanager
def processes(minutes: int | None = None) -> Iterator[Processes]:
    """Those of this run: one, or as many as torchrun says, joined until the block ends.

    minutes: how long one waits for the others, in place of two days.
    """
    rank, world = share()
    if world == 1:
        yield ALONE
        return
    import torch
    import torch.distributed

    # Its functions take the group that is there at its import as their default. Imported later (diffusers does), it keeps the
    # group beyond its end, and the group's threads abort the process when they meet the closing interpreter.
    import torch.distributed.nn.functional

    nccl = torch.cuda.is_available() and torch.distributed.is_nccl_available()
    try:
        torch.distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if nccl else "gloo", timeout=timedelta(minutes=minutes) if minutes else _PATIENCE
        )
    except (ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise UserError(
            f"The {world} processes of this run found no way to each other ({why}): start them with torchrun."
        ) from error
    try:
        yield Processes(rank, world, _launcher())
    finally:
        torch.distributed.destroy_process_group()


def _launcher() -> int | None:
    """The parent, where that is torch's launcher; None on Windows, where a process keeps a dead parent's number."""
    return os.getppid() if _LAUNCHED in os.environ and os.name != "nt" else None


def require_processes(asked: int | None, started: int) -> None:
    """UserError where others than the processes that were asked for have been started: `accelerate launch --cpu` starts one."""
    by_mpi = next((int(os.environ[name]) for name in _MPI if os.environ.get(name, "").isdecimal()), 1)
    if started == 1 < by_mpi:
        raise UserError(f"mpirun started {by_mpi} processes, which know nothing of each other: start them with torchrun.")
    if asked is not None and asked != started:
        were = "process was" if started == 1 else "processes were"
        raise UserError(
            f"num_processes is {asked}, but {started} {were} started: start with "
            f"`{Path(sys.executable).name} -m torch.distributed.run --nproc_per_node {asked} -m lora_workbench.trainer_core "
            "train …`, or set num_processes to what is started."
        )
