"""Gets a run ready: model, latents, network, optimizer and, where it goes on, its state."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .events import EventLog
from .plan import Plan
from .planning.stages import StagePlan
from .problems import UserError
from .processes import ALONE, Processes, require_processes
from .randomness import uniform_int
from .resuming import Resumed, about_run
from .run_model import Pictures, load_base
from .settings import Settings


@dataclass(frozen=True)
class Run:
    """Everything that the loop works with; nothing in it changes identity while a stage lasts.

    `settings`: the stage's, the run's with its own. `stages`: all of them, as they run here, and `pictures_by_stage` what
    they train. `trained`: the parts that learn in it. `average`: the weights' moving average, None without ema_decay.
    """

    settings: Settings
    plan: Plan
    accelerator: Any
    model: Any
    network: Any
    stages: tuple[StagePlan, ...]
    stage: StagePlan
    pictures_by_stage: tuple[Pictures, ...]
    pictures: Pictures
    text: Any
    optimizer: Any
    schedule: Any
    seed: int
    trained: tuple[str, ...]
    average: Any = None
    processes: Processes = ALONE

    @property
    def latents(self) -> Any:
        return self.pictures.latents

    @property
    def masks(self) -> Any:
        return self.pictures.masks

    @property
    def measured(self) -> Any:
        """What is kept for validation, or None."""
        return self.pictures.measured

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within, the network holds the weights that are saved and drawn with, where those aren't the ones it trains."""
        from .optimizers import averaged

        with (
            self.average.shown() if self.average and self.settings.ema_save == "instead" else averaged(self.optimizer.optimizer)
        ):
            yield

    def learnt(self) -> Any:
        """What is to be saved (snapshots.Learnt), copied where it is not the weights that are trained."""
        from .snapshots import Learnt

        with self.shown():
            lora = {name: tensor.clone() for name, tensor in self.network.tensors().items()}
        average = None
        if self.average and self.settings.ema_save == "beside":
            with self.average.shown():
                average = {name: tensor.clone() for name, tensor in self.network.tensors().items()}
        return Learnt(lora, self.network.tensors(), self.machinery(), average)

    def machinery(self) -> dict[str, Any]:
        """State dicts of what, beside the network, a resume needs."""
        scaler = self.accelerator.scaler
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "scaler": scaler.state_dict() if scaler else None,
            "average": self.average.state_dict() if self.average else None,
        }


def prepare(
    settings: Settings, plan: Plan, resumed: Resumed | None, name: str, folder: Path, events: EventLog, those: Processes = ALONE
) -> tuple[Run, Any, Any]:
    """Loads the base model, puts the network on it, and makes what trains it, in each of `those` processes."""
    from accelerate import Accelerator

    from .networks.format import read_lora
    from .snapshots import Saver
    from .stages import make_trainer, train_parts_of
    from .state import TrainState

    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    require_processes(accelerator.num_processes if accelerator.num_processes > 1 else None, those.world)
    drawn = those.of_first(lambda: secrets.randbelow(2**32))
    seed = resumed.state.seed if resumed else settings.seed if settings.seed is not None else drawn
    stages = tuple(replace(stage, settings=own) for stage, own in zip(plan.stages, settings.stage_settings(), strict=True))
    number = resumed.state.stage if resumed else 1
    stage = stages[number - 1]
    _try_out(stages)
    weights = read_lora(settings.network_weights)[0] if settings.network_weights else None  # before the model: it may be broken
    base = load_base(settings, plan, stages, accelerator, seed, events, those)
    model = base.model
    network = _attach_network(settings, model, accelerator, seed, weights)
    average = _moving_average(stages, network)
    trained = train_parts_of(stage.settings, network)
    optimizer, schedule = make_trainer(stages, number, network, accelerator)
    state = TrainState(
        seed=seed,
        session_id=uniform_int(0, 2**32, seed, "session"),
        started_at=time.time(),
        output_name=name,
        stretch=stage.stretch,
        about=those.of_first(lambda: about_run(stage.settings)),
    )
    run = Run(
        settings=stage.settings,
        plan=plan,
        accelerator=accelerator,
        model=model,
        network=network,
        stages=stages,
        stage=stage,
        pictures_by_stage=base.pictures,
        pictures=base.pictures[number - 1],
        text=base.text,
        optimizer=optimizer,
        schedule=schedule,
        seed=seed,
        trained=trained,
        average=average,
        processes=those,
    )
    if resumed:
        state = _go_on(run, resumed)
    metadata = _metadata(run, state, base)
    saver = Saver(settings, Path(settings.output_dir).expanduser(), folder, metadata, plan.steps, plan.epochs, events)
    return run, state, saver


def _metadata(run: Run, state: Any, base: Any) -> dict[str, str]:
    """What the LoRA's file says of the run: its first stage's settings, and all stages where there are several."""
    from .dataset.caption_text import tags_as_trained
    from .networks.metadata import parent_of, training_metadata
    from .optimizer_table import spec_of
    from .optimizers import load_class

    settings, model = run.stages[0].settings, run.model
    return training_metadata(
        settings,
        run.plan,
        started_at=state.started_at,
        session_id=state.session_id,
        seed=run.seed,
        output_name=state.output_name,
        model_hashes=base.hashes,
        vae_hashes=base.vae_hashes,
        optimizer=load_class("optimizer_type", spec_of(settings).import_path),
        network=run.network,
        tags_of=tags_as_trained,
        family=model.family,
        prediction=model.prediction,
        zero_terminal=model.zero_terminal,
        parent=parent_of(state.about),
    )


def _attach_network(settings: Settings, model: Any, accelerator: Any, seed: int, weights: Any) -> Any:
    """The LoRA on the model; `weights`: the tensors that it goes on from, or None."""
    from .models.header import read_header
    from .models.memory import prepare_for_training
    from .networks.choice import choose_network
    from .networks.network import Network

    options = settings.network_options()
    choice = choose_network(settings, read_header(settings.pretrained_model_name_or_path))
    prepare_for_training(model, settings, accelerator.device)
    network = Network.of(
        model,
        choice.placed,
        options=choice.options,
        dropout=settings.network_dropout or options["dropout"],
        rank_dropout=options["rank_dropout"],
        module_dropout=options["module_dropout"],
        rank_dropout_scale=bool(options["rank_dropout_scale"]),
        seed=seed,
    )
    network.to(accelerator.device)
    if weights is not None:
        network.load(weights, as_placed=not settings.dim_from_weights)
    network.train()
    return network


def _try_out(stages: Sequence[StagePlan]) -> None:
    """Optimizer and schedule of single numbers: what their classes refuse is told before the model is loaded."""
    import torch

    from .optimizer_table import ParameterGroup
    from .optimizers import make_optimizer
    from .planning.advice import trained_parts
    from .schedules import make_schedule

    for stage in stages:
        groups = [ParameterGroup(part, [torch.nn.Parameter(torch.zeros(1))]) for part in trained_parts(stage.settings)]
        make_schedule(stage.settings, make_optimizer(stage.settings, groups), stage.stretch.steps)


def _moving_average(stages: Sequence[StagePlan], network: Any) -> Any:
    """Of all that learns in any of the stages, or None."""
    from .averages import MovingAverage
    from .planning.advice import trained_parts
    from .stages import TRAINED_PARTS

    learning, decay = {part for stage in stages for part in trained_parts(stage.settings)}, stages[0].settings.ema_decay
    parameters = [one for part in TRAINED_PARTS if part in learning for one in network.trainable(part)]
    return MovingAverage(parameters, decay) if decay else None


def _go_on(run: Run, resumed: Resumed) -> Any:
    """Puts a saved state into the run; raises UserError where it doesn't fit."""
    from .optimizers import load_optimizer

    run.network.load(resumed.network)
    machinery = resumed.machinery
    try:
        load_optimizer(run.optimizer.optimizer, machinery["optimizer"])
        if run.schedule:
            run.schedule.load_state_dict(machinery["schedule"])
        if run.accelerator.scaler and machinery["scaler"]:
            run.accelerator.scaler.load_state_dict(machinery["scaler"])
        if run.average:
            run.average.load_state_dict(machinery["average"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The state in {resumed.folder} is of another optimizer or network ({error}): give the settings it was made with."
        ) from error
    resumed.state.stretch = run.stage.stretch  # its end may be another one by now
    return resumed.state
