"""What a run shows while it goes: a bar in the terminal, events in the job's folder, curves for TensorBoard."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from .events import EventLog
from .settings import Settings

_LOGGED_EVERY = 30.0  # seconds between two lines of the bar where no terminal shows it


class Progress:
    """A context manager around the loop; `step` after each optimizer step. shown: whether this process speaks."""

    def __init__(self, settings: Settings, events: EventLog, first: int, total: int, shown: bool = True) -> None:
        from tqdm import tqdm

        self._events, self._first, self._total = events, first, total
        often = 0.1 if sys.stderr.isatty() else _LOGGED_EVERY
        self._bar = tqdm(
            total=total,
            initial=first,
            desc="steps",
            unit="step",
            smoothing=0.1,
            dynamic_ncols=True,
            mininterval=often,
            disable=not shown,
        )
        self._curves = _summary_writer(settings) if shown else None
        self._begun = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()
        if self._curves:
            self._curves.close()

    def stage(self, number: int, of: int, step: int) -> None:
        """Another stage begins behind step `step`."""
        self._events.write("stage", stage=number, stages=of, step=step)
        self._bar.write(f"stage {number} of {of} begins after step {step}", file=sys.stdout)

    def waited(self, seconds: float) -> None:
        """A pause: it says nothing about how long the rest will take."""
        self._begun += seconds

    def step(
        self,
        step: int,
        epoch: int,
        loss: float,
        average: float,
        rates: dict[str, float],
        memory: dict[str, int | None],
        **more: float,
    ) -> None:
        """`step`: steps done; `loss`: this step's; `average`: over the last epoch's length; `rates`: by part.

        `memory`: bytes in use, of the process ("ram") and of the GPU ("gpu"); `more`: further numbers of this step.
        """
        left = (time.monotonic() - self._begun) / (step - self._first) * (self._total - step)
        self._events.write(
            "progress",
            step=step,
            steps=self._total,
            epoch=epoch,
            loss=loss,
            average=average,
            lr=rates,
            seconds_left=round(left, 1),
            memory=memory,
            **more,
        )
        self._bar.set_postfix_str(f"avr_loss={average:.4f}", refresh=False)
        self._bar.update(1)
        if self._curves:
            self._curves.add_scalar("loss/current", loss, step)
            self._curves.add_scalar("loss/average", average, step)
            for part, rate in rates.items():
                self._curves.add_scalar(f"lr/{part.replace('text_encoder', 'textencoder')}", rate, step)
            for name, value in more.items():
                self._curves.add_scalar(name, value, step)

    def validation(self, step: int, epoch: int, loss: float) -> None:
        """The loss of the pictures that aren't trained, after `step` steps."""
        self._events.write("validation", step=step, epoch=epoch, loss=loss)
        self._bar.write(f"validation loss after step {step}: {loss:.4f}", file=sys.stdout)
        if self._curves:
            self._curves.add_scalar("loss/validation", loss, step)


def _summary_writer(settings: Settings) -> Any:
    """TensorBoard's writer in `logging_dir/<log_prefix><time>/network_train`, as kohya lays it out, or None."""
    if settings.logging_dir is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    folder = (settings.log_prefix or "") + time.strftime("%Y%m%d%H%M%S")
    return SummaryWriter(str(Path(settings.logging_dir).expanduser() / folder / "network_train"))
