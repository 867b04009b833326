"""A job of the queue that draws variants: they wait for a look, and are looked through while others are still drawn.

Events: start {total}, progress {step, steps, share, seconds_left, picture}, done {summary, folder, made}; or stopped, after a
request or a signal, at the next step: whole batches stay, and the same job made again draws what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..endings import stop_signals
from ..events import EventLog
from ..generate.folder_lock import drawing_in
from ..generate.telling import ToldInJob
from ..questions import path_of, settings_of
from .draw import draw_planned, plan
from .review import read_review
from .words import read_options


def run_variants_job(folder: Path, job: Mapping[str, Any], events: EventLog) -> None:
    """`job`: dataset and review (folders), settings (the training's), options (the command's, by their names)."""
    dataset, where, settings = path_of(job, "dataset"), path_of(job, "review"), settings_of(job)
    options = read_options(job.get("options"), dataset, where)
    with stop_signals() as stop:
        told = ToldInJob(events, stop)
        review = read_review(dataset, where)
        review.folder.mkdir(parents=True, exist_ok=True)
        with drawing_in(review.folder):
            names = plan(review, options, settings)
            told.start(len(names))
            draw_planned(review, names, settings, options.batch_size, lambda: False, told)
    events.write("done", summary=_summary(len(names)), folder=str(review.folder), made=len(names))


def _summary(made: int) -> str:
    if not made:
        return "All that was asked for was there: change the seed or the number for others."
    return "1 variant drawn: look at it." if made == 1 else f"{made} variants drawn: look through them."
