"""How a job ends before it is done: stopped because someone asked, or failed with one sentence in its events."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command_errors import has_mend, system_sentence
from .events import LOG, EventLog
from .problems import UserError


class Stopped(UserError):
    """A run that ended because it was asked to. `path`: what it learnt, `state`: what a resume needs; None before step 1."""

    def __init__(self, message: str, step: int, path: Path | None = None, state: Path | None = None) -> None:
        super().__init__(message)
        self.step, self.path, self.state = step, path, state


@contextmanager
def endings_told(folder: Path, events: EventLog) -> Iterator[None]:
    """Stops and errors reach the job's events as a sentence, and its log in full; what is raised on is for the command."""
    try:
        yield
    except Stopped as stop:
        path, state = (str(one) if one else None for one in (stop.path, stop.state))
        events.write("stopped", path=path, state=state, step=stop.step, message=str(stop))
        raise
    except (Exception, KeyboardInterrupt) as error:
        with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(traceback.format_exc())
        told = told_as_sentence(error, folder / LOG)
        events.write("error", message=str(told))
        if told is error or isinstance(error, (KeyboardInterrupt, BrokenPipeError)):  # the command has its own end for these
            raise
        raise told from error


def told_as_sentence(error: BaseException, log: Path) -> BaseException:
    """The error itself where it is a sentence for users, or the sentence that takes its place."""
    if isinstance(error, UserError):
        return error
    torch = sys.modules.get("torch")  # a job that never imported it has not filled the GPU either
    if torch and isinstance(error, torch.cuda.OutOfMemoryError):
        return UserError(
            "The GPU's memory is full: turn on gradient_checkpointing and cache_latents, or lower resolution or "
            "train_batch_size; close other programs that use the GPU."
        )
    if isinstance(error, MemoryError):
        return UserError("The memory is full: close other programs, or lower resolution or train_batch_size.")
    if isinstance(error, KeyboardInterrupt):
        return UserError("The run was ended at once: go on from its last state, where it saved one.")
    if isinstance(error, OSError):
        sentence = system_sentence(error)
        return UserError(sentence if has_mend(error) else f"{sentence} The full report is in {log}.")
    kind = f"{type(error).__name__}: {error}".splitlines()[0]
    return UserError(f"Something went wrong that should not have ({kind}). The full report is in {log}.")


@dataclass
class StopSignal:
    """Whether the process was told to stop."""

    asked: bool = False


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Ctrl+C or a termination signal ends the run after the current step, with everything saved; a second one at once."""
    stop = StopSignal()

    def ask(number: int, _frame: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        print("\nStopping after this step; once more to stop at once.", flush=True)

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        before = {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
