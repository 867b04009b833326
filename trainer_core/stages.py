"""What changes when a run comes to its next stage: settings, pictures, rates and schedule. The network goes on.

The optimizer goes on too, with all that it has learnt, where type and arguments stay the same; another one begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .optimizer_table import ParameterGroup
from .optimizers import make_optimizer, set_rates
from .planning.advice import trained_parts
from .planning.stages import StagePlan
from .resuming import about_run
from .run_model import TEXT_PARTS
from .schedules import make_schedule
from .settings import Settings

TRAINED_PARTS = (*TEXT_PARTS, "unet")


def train_parts_of(settings: Settings, network: Any) -> tuple[str, ...]:
    """Freezes the network's parts that a stage doesn't train, and frees the others, whose names it returns."""
    wanted = trained_parts(settings)
    trained = tuple(part for part in TRAINED_PARTS if part in wanted and network.trainable(part))
    for part in TRAINED_PARTS:
        for parameter in network.trainable(part):
            parameter.requires_grad_(part in trained)
    return trained


def make_trainer(stages: Sequence[StagePlan], number: int, network: Any, accelerator: Any) -> tuple[Any, Any]:
    """Optimizer (as accelerate has it) and schedule at the beginning of stage `number`, counted from 1."""
    stage = stages[number - 1]
    optimizer = make_optimizer(stage.settings, all_groups(network), _others_with_it(stages, number))
    schedule = make_schedule(stage.settings, optimizer, stage.stretch.steps)
    return accelerator.prepare_optimizer(optimizer, device_placement=False), schedule


def all_groups(network: Any) -> list[ParameterGroup]:
    return [group for part in TRAINED_PARTS for group in network.groups(part)]


def next_stage(run: Any, state: Any) -> Any:
    """The run in the stage behind the state's, and the state with it; called once that one's last step is done."""
    stage = run.stages[state.stage]
    settings, before = stage.settings, run.settings
    trained = train_parts_of(settings, run.network)
    if same_optimizer(before, settings):
        optimizer = run.optimizer
        set_rates(optimizer.optimizer, settings, all_groups(run.network))
        schedule = make_schedule(settings, optimizer.optimizer, stage.stretch.steps)
    else:
        run.accelerator.free_memory()  # it would still unscale the gradients of the optimizer before
        optimizer, schedule = make_trainer(run.stages, stage.number, run.network, run.accelerator)
    state.stage, state.stretch = stage.number, stage.stretch
    state.about = run.processes.of_first(lambda: about_run(settings))
    return replace(
        run,
        settings=settings,
        stage=stage,
        pictures=run.pictures_by_stage[stage.number - 1],
        optimizer=optimizer,
        schedule=schedule,
        trained=trained,
    )


def same_optimizer(one: Settings, other: Settings) -> bool:
    return (one.optimizer_type, one.optimizer_args) == (other.optimizer_type, other.optimizer_args)


def _others_with_it(stages: Sequence[StagePlan], number: int) -> list[Settings]:
    """The settings of the stages before and behind that one optimizer trains together with stage `number`."""
    own = stages[number - 1].settings
    found = []
    for direction in (reversed(stages[: number - 1]), stages[number:]):
        for stage in direction:
            if not same_optimizer(stage.settings, own):
                break
            found.append(stage.settings)
    return found
