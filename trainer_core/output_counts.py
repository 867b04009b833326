"""How many LoRA files and states a run leaves: counted beforehand, as `snapshots.Saver` writes them and takes them away."""

from __future__ import annotations

from .settings import Settings


def epoch_interval(settings: Settings, epochs: int) -> int | None:
    """Epochs from one snapshot to the next in a run of so many; None where epochs bring none."""
    if settings.save_every_n_epochs:
        return settings.save_every_n_epochs
    ratio = settings.save_n_epoch_ratio
    return max(1, epochs // ratio) if ratio else None


def kept_files(settings: Settings, steps: int, epochs: int) -> int:
    """LoRA files that the run will leave: the final one, snapshots, and a moving average beside each where it is saved so."""
    snapshots = _kept(settings, steps, epochs, settings.save_last_n_epochs, settings.save_last_n_steps)
    each = 2 if settings.ema_decay and settings.ema_save == "beside" else 1
    return (1 + snapshots) * each


def kept_states(settings: Settings, steps: int, epochs: int) -> int:
    """States that the run will leave, the final one included."""
    final = int(settings.save_state or settings.save_state_on_train_end)
    if not settings.save_state:
        return final
    last_epochs = settings.save_last_n_epochs_state or settings.save_last_n_epochs
    last_steps = settings.save_last_n_steps_state or settings.save_last_n_steps
    return final + _kept(settings, steps, epochs, last_epochs, last_steps)


def _kept(settings: Settings, steps: int, epochs: int, last_epochs: int | None, last_steps: int | None) -> int:
    """Snapshots that stay. The last epoch and the last step have the final file only; `last_epochs` counts snapshots, and
    `last_steps` steps, as kohya has it."""
    every, every_steps = epoch_interval(settings, epochs), settings.save_every_n_steps
    of_epochs = max(0, epochs - 1) // every if every else 0
    of_steps = max(0, steps - 1) // every_steps if every_steps else 0
    if last_epochs is not None:
        of_epochs = min(of_epochs, last_epochs)
    if last_steps is not None and every_steps:
        of_steps = min(of_steps, last_steps // every_steps + 1)
    return of_epochs + of_steps
