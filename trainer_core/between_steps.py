"""What a run does between two steps beside learning: sample pictures when they are due, and what it is asked for."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from .endings import Stopped, StopSignal
from .events import EventLog
from .problems import UserError
from .requests import SAMPLE, SAVE, STOP, asked, taken, wait_while_paused
from .run import Run
from .settings import Settings

FULL_GPU_LOOKED_FOR = (10, 100)  # steps after the start: by then the largest batches have been seen
_SAID_EVERY = 1.0  # seconds between two words about samples that are being drawn
_GONE = 1 << 16  # in the sum of what the processes want: more than all of them wanting to stop


def warn_of_full_gpu(done: int, events: EventLog) -> None:
    """`done`: steps since the start."""
    from .machine import full_gpu

    if done in FULL_GPU_LOOKED_FOR and (sentence := full_gpu()):
        events.write("warning", code="gpu-full", message=sentence)
        print(f"warning: {sentence}", flush=True)


def carry_out_requests(run: Run, state: Any, saver: Any, events: EventLog, progress: Any, stop: StopSignal) -> None:
    """What was asked for during the step; the training goes on as if it had not been. Raises Stopped in all processes.

    The first process carries it out; a signal to stop counts whichever process it has reached, and so does a launcher that
    is gone.
    """
    those = run.processes
    own = int(stop.asked or (those.is_first and bool(asked(events.folder)))) + _GONE * those.launcher_is_gone()
    told = those.total(own)
    if told:
        stop.asked = stop.asked or told > own or told >= _GONE
        stopped = those.of_first(lambda: _carried_out(run, state, saver, events, progress, stop, told >= _GONE))
        if stopped:
            raise Stopped(*stopped)


def _carried_out(
    run: Run, state: Any, saver: Any, events: EventLog, progress: Any, stop: StopSignal, gone: bool
) -> tuple[str, int, Path, Path | None] | None:
    """What Stopped tells where the run ends here, else None; `gone`: whether a launcher is."""
    those = run.processes

    def at_once(wanted: frozenset[str]) -> None:
        if SAVE in wanted:
            saver.save_asked(state, run.learnt())
            taken(events.folder, SAVE)
        if SAMPLE in wanted:
            _draw(run, state, events, stop, asked_for=True)
            taken(events.folder, SAMPLE)

    at_once(asked(events.folder))
    if state.step == run.plan.steps:
        return None

    def is_over() -> bool:
        return stop.asked or those.launcher_is_gone()

    progress.waited(wait_while_paused(events.folder, events, state.step, is_over, at_once))
    gone = gone or those.launcher_is_gone()
    if gone or stop.asked or STOP in asked(events.folder):
        path, state_path = saver.save_asked(state, run.learnt())
        how = f"and Resume (--resume {state_path}) goes on from there." if state_path else "but its state could not be saved."
        message = f"The run was stopped after step {state.step}; what it learnt is in {path}, {how}"
        if gone:
            message = (
                f"The launcher of this run was ended, so it stopped after step {state.step}; what it learnt is in {path}, {how}"
            )
        return message, state.step, path, state_path
    return None


def samples_due(settings: Settings, state: Any) -> bool:
    """Whether sample pictures are due after the step just done, by epochs or else by steps."""
    if not settings.sample_prompts:
        return False
    if settings.sample_every_n_epochs:
        return state.epoch_ended and state.epoch % settings.sample_every_n_epochs == 0
    return bool(settings.sample_every_n_steps) and state.step % settings.sample_every_n_steps == 0


def samples_there(settings: Settings, state: Any) -> bool:
    """Whether the run has drawn the samples that were due after the step just done, all of them."""
    from .generate.during_training import sample_moment
    from .generate.prompts_file import sample_requests

    folder = Path(settings.output_dir).expanduser() / "sample"
    start = f"{state.output_name}_{sample_moment(settings, state.epoch, state.step)}_"
    drawn = [path for path in folder.glob("*.png") if path.name.startswith(start) and path.stat().st_mtime >= state.started_at]
    return len(drawn) >= len(sample_requests(settings).requests)


def draw_samples(run: Run, state: Any, events: EventLog, stop: StopSignal) -> None:
    """Pictures of the sample prompts as the LoRA is now; the training is as if they had not been made.

    Where they can't be drawn the run goes on all the same, with a warning. The first process draws, the others wait. Who
    asks to stop need not wait for the last of them.
    """
    run.processes.of_first(lambda: _draw(run, state, events, stop))


class _AskedToStop(Exception):
    """Ends the drawing; the stop itself is carried out where all others are."""


def _draw(run: Run, state: Any, events: EventLog, stop: StopSignal, asked_for: bool = False) -> None:
    import torch
    from tqdm import tqdm

    from .generate.during_training import sample_now

    if not run.settings.sample_prompts:
        events.write("warning", code="no-sample-prompts", message="No sample was drawn: set sample_prompts before the start.")
        return
    device, said = run.accelerator.device, float("-inf")

    def told(done: int, steps: int) -> None:
        nonlocal said
        if stop.asked or STOP in asked(events.folder):
            raise _AskedToStop
        if done == steps or time.monotonic() - said >= _SAID_EVERY:
            said = time.monotonic()
            events.write("drawing", step=state.step, share=round(done / steps, 4))

    paths: list[Path] = []
    try:
        with run.shown():
            for prompt, path in sample_now(
                run.model,
                run.network,
                run.settings,
                state.output_name,
                epoch=state.epoch,
                step=state.step,
                device=device,
                asked=asked_for,
                progress=told,
            ):
                paths.append(path)
                events.write("sample", path=str(path), epoch=state.epoch, step=state.step, prompt=prompt)
    except _AskedToStop:
        pass
    except (UserError, OSError, torch.cuda.OutOfMemoryError) as error:
        why = str(error).splitlines()[0]
        message = f"No sample was drawn after step {state.step}: {why}"
        if paths:
            message = f"The samples after step {state.step} are not all drawn: {why}"
        events.write("warning", code="sample-failed", message=message)
        events.write("drawing", step=state.step, share=1.0)
    if paths:
        drawn = "1 sample picture" if len(paths) == 1 else f"{len(paths)} sample pictures"
        tqdm.write(f"{drawn} drawn after step {state.step}: {paths[0].parent}", file=sys.stdout)
