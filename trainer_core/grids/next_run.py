"""From a chosen cell of a grid to the next run: what is kept, what it is trained with, and what the cell says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..generate.request import Lora
from ..generate.run_snapshots import Snapshot, read_snapshot, settings_of_run, snapshots_of_run
from ..problems import UserError
from ..settings import Settings
from .choose import Choice, find_choice, next_settings, others_of, verdict

_RATES = (("unet", "unet_lr"), ("te", "text_encoder_lr"))


@dataclass(frozen=True)
class NextRun:
    """The chosen cell and snapshot, all snapshots of its run, the old settings and those of the next run."""

    choice: Choice
    chosen: Snapshot
    of_run: list[Snapshot]
    old: dict[str, Any]
    settings: dict[str, Any]

    def verdict(self) -> str:
        trained = [part for part, setting in _RATES if setting in self.settings]
        return verdict(self.choice.te, self.choice.unet, self.chosen, self.of_run, trained)

    def rates(self) -> dict[str, tuple[float, float]]:
        """{setting: (old, new)} of the parts that are trained."""
        before = Settings.from_dict(self.old).learning_rates()
        return {name: (before[name], self.settings[name]) for _, name in _RATES if name in self.settings}

    def others(self) -> list[Path]:
        """The run's other snapshots; UserError where the files don't say which run they are of."""
        return others_of(self.of_run, self.choice.path)


def next_run(
    folder: Path,
    wanted: str,
    given: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    named: Sequence[Snapshot] = (),
) -> NextRun:
    """What comes of the cell; writes nothing. UserError where it can't become a run.

    `given`: settings that the run was trained with, in place of those of its job; `known`: those to go by where it has none.
    `named`: as in `find_choice`.
    """
    choice = find_choice(folder, wanted, named)
    chosen = read_snapshot(choice.path)
    if chosen.digest != choice.digest:
        raise UserError(f"{choice.path} has changed since the grid was drawn: run the grid again, then choose.")
    of_run = snapshots_of_run(choice.path)
    chosen = next((one for one in of_run if one.path.resolve() == choice.path.resolve()), chosen)
    old = dict(given or settings_of_run(of_run) or known or {})
    if not old:
        raise UserError(f"The settings {chosen.run} was trained with are not found: give them with --config_file.")
    return NextRun(choice, chosen, of_run, old, next_settings(old, choice.te, choice.unet, chosen, choice.lbw, choice.x))


def as_json(run: NextRun) -> dict[str, Any]:
    """The choice as JSON values. `others`: snapshots that may be deleted; None where they can't be told for sure."""
    choice = run.choice
    try:
        others: list[str] | None = [str(one) for one in run.others()]
    except UserError:
        others = None
    return {
        "cell": choice.id,
        "lora": str(choice.path),
        "te": choice.te,
        "unet": choice.unet,
        "verdict": run.verdict(),
        "settings": run.settings,
        "rates": {name: list(pair) for name, pair in run.rates().items()},
        "lbw": choice.lbw,
        "x": choice.x,
        "webui": Lora(run.chosen.name, choice.digest, choice.te, choice.unet, choice.lbw, choice.x).word(),
        "others": others,
    }
