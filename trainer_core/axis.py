"""A run's one axis: steps and epochs are counted on through all its stages. Light: standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stretch:
    """A stage's part of the axis. `steps`: its optimizer steps; `first_step`, `first_epoch`: how many are done before it.

    Its last epoch is cut short where its steps don't fill it; the next stage begins an epoch of its own.
    """

    steps: int
    steps_per_epoch: int
    first_step: int = 0
    first_epoch: int = 0

    @property
    def end(self) -> int:
        """Steps of the run that are done when it is over."""
        return self.first_step + self.steps

    @property
    def epochs(self) -> int:
        return -(-self.steps // self.steps_per_epoch) if self.steps_per_epoch else 0

    def place(self, step: int) -> tuple[int, int]:
        """Of the step that `step` others precede: its epoch, counted from 0 over the run, and its number in that epoch."""
        epoch, number = divmod(step - self.first_step, self.steps_per_epoch)
        return self.first_epoch + epoch, number

    def epochs_begun(self, step: int) -> int:
        """Epochs of the run that have begun when `step` steps are done, of this stage at the most all."""
        return self.first_epoch + -(-(step - self.first_step) // self.steps_per_epoch)

    def ends_epoch(self, step: int) -> bool:
        """Whether an epoch is over once `step` steps are done."""
        return step == self.end or (step - self.first_step) % self.steps_per_epoch == 0
