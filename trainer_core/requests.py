"""What a running job is asked to do: empty files in its `requests` folder, which it takes away when they are carried out.

stop: save everything and end. save: a snapshot with its state, now. sample: the sample pictures, now. pause: wait, for as
long as the file lies there. Whoever asks needs no connection to the process, and none is lost when webui is killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from .events import EventLog

FOLDER = "requests"
STOP, SAVE, SAMPLE, PAUSE = KINDS = ("stop", "save", "sample", "pause")
_PAUSE_LOOK = 0.25  # seconds between two looks while a job is paused


def ask(folder: Path, what: str) -> None:
    """Asks the job in `folder` for one of KINDS; asking twice is asking once."""
    _known(what)
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / FOLDER / what).touch()


def asked(folder: Path) -> frozenset[str]:
    """What the job is asked to do right now; a look at one folder, cheap enough for every step."""
    try:
        names = os.listdir(folder / FOLDER)  # noqa: PTH208  a list of names, without a Path for each
    except OSError:  # nobody has asked yet
        return frozenset()
    return frozenset(KINDS).intersection(names)


def taken(folder: Path, what: str) -> bool:
    """Takes a request away; whether it was there."""
    _known(what)
    try:
        (folder / FOLDER / what).unlink()
    except FileNotFoundError:
        return False
    return True


def clear(folder: Path) -> None:
    """Takes all requests away: the job has ended, and nothing will carry them out."""
    for what in asked(folder):
        taken(folder, what)


def wait_while_paused(
    folder: Path,
    events: EventLog,
    step: int,
    stop_asked: Callable[[], bool] = lambda: False,
    meanwhile: Callable[[frozenset[str]], None] = lambda wanted: None,
) -> float:
    """Waits while a pause is asked for, and tells it in the job's events; seconds waited, 0 where none is.

    `step`: what is done so far. `meanwhile` gets everything that is asked for, at each look. A stop, by a request or by
    `stop_asked`, ends the pause, so that what goes on from here isn't paused at once.
    """
    if PAUSE not in asked(folder):
        return 0.0
    begun = time.monotonic()
    events.write("paused", step=step)
    while PAUSE in (wanted := asked(folder)):
        if STOP in wanted or stop_asked():
            taken(folder, PAUSE)
            break
        meanwhile(wanted)
        time.sleep(_PAUSE_LOOK)
    waited = time.monotonic() - begun
    events.write("continued", step=step, seconds=round(waited, 1))
    return waited


def _known(what: str) -> None:
    if what not in KINDS:
        raise ValueError(f"{what!r} is no request; there are {', '.join(KINDS)}")
