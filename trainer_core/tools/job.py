"""Jobs that work on finished LoRA files: `job.json` says which tool and its options, the events tell progress and proof.

Events: start {total}, progress {step, steps, seconds_left}, warning for what is to be known of the result, done {summary, path,
lines}; or stopped, after a request or a signal, between two modules: then nothing was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import requests
from ..endings import Stopped, StopSignal, stop_signals
from ..events import EventLog
from ..files import free_name
from ..problems import UserError
from ..questions import text_of
from . import proof
from .outputs import Tell
from .weighted import Weighted

Options = Mapping[str, Any]
Done = tuple[Path, list[str], list[str]]  # what was written, its proof, what is to be known of it
_EVERY = 0.2  # seconds between two progress events


def run_tool_job(folder: Path, job: Mapping[str, Any], events: EventLog) -> None:
    """Writes one file, under the wanted name or the next free one. UserError and Stopped end it with nothing written."""
    tool, options = job.get("tool"), job.get("options")
    if not isinstance(tool, str) or tool not in TOOLS or not isinstance(options, dict):
        raise UserError(f"{folder} asks for the tool {tool!r}: there are {', '.join(TOOLS)}, each with its options.")
    with stop_signals() as stop:
        path, lines, notes = TOOLS[tool](options, free_name(Path(text_of(options, "out"))), _ToldInJob(events, stop))
    for note in notes:
        events.write("warning", code="tool", message=note)
    for line in (*lines, *(f"note: {note}" for note in notes), f"written: {path}"):
        print(line, flush=True)
    events.write("done", summary=f"{path.name} is written.", path=str(path), lines=lines)


class _ToldInJob:
    """Tells a job's events how many modules are done; a request to stop raises Stopped, a pause waits."""

    def __init__(self, events: EventLog, stop: StopSignal) -> None:
        self._events, self._stop = events, stop
        self._begun = self._told = time.monotonic()
        self._started = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._started:
            self._events.write("start", total=total)
            self._started = True
        if done == total or now - self._told >= _EVERY:
            left = (now - self._begun) / done * (total - done)
            self._events.write("progress", step=done, steps=total, seconds_left=round(left, 1))
            self._told = now
        folder = self._events.folder
        self._begun += requests.wait_while_paused(folder, self._events, done, lambda: self._stop.asked)
        if self._stop.asked or requests.STOP in requests.asked(folder):
            raise Stopped("It was stopped before its end: nothing was written.", done)


def _bake(options: Options, out: Path, tell: Tell) -> Done:
    from .bake import Wanted, bake

    wanted = Wanted(text_of(options, "block_weights"), options.get("x"), options.get("te", 1.0), options.get("unet", 1.0))
    done = bake(text_of(options, "path"), wanted, out, tell)
    return done.path, proof.baked_lines(done), list(done.notices)


def _resize(options: Options, out: Path, tell: Tell) -> Done:
    from .low_rank import check_method
    from .resize import Wanted, resize

    check_method(options.get("method"), options.get("parameter"))
    names = ("rank", "conv_rank", "method", "parameter", "precision")
    done = resize(text_of(options, "path"), Wanted(*(options.get(name) for name in names)), out, tell=tell)
    return done.path, proof.resized_lines(done), []


def _cut(options: Options, out: Path, tell: Tell) -> Done:
    from .cut import cut

    done = cut(text_of(options, "path"), options["rank"], out, tell=tell)
    return done.path, proof.cut_lines(done, options["rank"]), list(done.notices)


def _convert(options: Options, out: Path, tell: Tell) -> Done:
    from .convert import convert

    done = convert(Path(text_of(options, "path")), out, precision=options.get("precision"), tell=tell)
    return done.path, proof.converted_lines(done), []


def _merge(options: Options, out: Path, tell: Tell) -> Done:
    loras = [
        Weighted(
            Path(text_of(one, "path")),
            *(one.get(name, 1.0) for name in ("ratio", "te", "unet")),
            one.get("block_weights") or None,
            options.get("x"),
        )
        for one in options.get("loras") or ()
    ]
    precision = options.get("precision")
    if options.get("base"):
        from .merge_checkpoint import merge_into_checkpoint

        into = merge_into_checkpoint(text_of(options, "base"), loras, out, precision=precision, tell=tell)
        return into.path, proof.merged_checkpoint_lines(into, loras), list(into.notices)
    from .merge_loras import merge_loras

    ranks = {"rank": options.get("rank"), "conv_rank": options.get("conv_rank")}
    done = merge_loras(loras, out, precision=precision, tell=tell, **ranks)
    return done.path, proof.merged_lines(done, loras), list(done.notices)


def _extract(options: Options, out: Path, tell: Tell) -> Done:
    from .extract import Wanted, extract

    names = ("dim", "conv_dim", "min_diff", "clamp_quantile", "unet", "text_encoder", "precision", "velocity")
    wanted = Wanted(**{name: options[name] for name in names if name in options})
    done = extract(text_of(options, "original"), text_of(options, "tuned"), wanted, out, tell=tell)
    hints = proof.extracted_hints(done, conv=bool(wanted.conv_dim), unet=wanted.unet)
    return done.path, proof.extracted_lines(done), hints


TOOLS: dict[str, Callable[[Options, Path, Tell], Done]] = {
    "extract": _extract,
    "merge": _merge,
    "resize": _resize,
    "bake": _bake,
    "cut": _cut,
    "convert": _convert,
}
