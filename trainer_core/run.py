"""Gets a run ready: model, latents, network, optimizer and, where it goes on, its state."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import EventLog
from .plan import Plan
from .problems import UserError
from .processes import ALONE, Processes, require_processes
from .randomness import uniform_int
from .resuming import about_run
from .run_model import TEXT_PARTS, load_base
from .settings import Settings

TRAINED_PARTS = (*TEXT_PARTS, "unet")


@dataclass(frozen=True)
class Run:
    """Everything that the loop works with; nothing in it changes identity while the run lasts.

    `measured`: what is kept for validation, or None. `average`: the weights' moving average, None without ema_decay.
    """

    settings: Settings
    plan: Plan
    accelerator: Any
    model: Any
    network: Any
    latents: Any
    masks: Any
    measured: Any
    text: Any
    optimizer: Any
    schedule: Any
    seed: int
    trained: tuple[str, ...]
    average: Any = None
    processes: Processes = ALONE

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
    settings: Settings, plan: Plan, resumed: Any, name: str, folder: Path, events: EventLog, those: Processes = ALONE
) -> tuple[Run, Any, Any]:
    """Loads the base model, puts the network on it, and makes what trains it, in each of `those` processes."""
    from accelerate import Accelerator

    from .dataset.caption_text import tags_as_trained
    from .dataset.masks import Masks
    from .networks.metadata import parent_of, training_metadata
    from .snapshots import Saver
    from .state import TrainState

    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    require_processes(accelerator.num_processes if accelerator.num_processes > 1 else None, those.world)
    drawn = those.of_first(lambda: secrets.randbelow(2**32))
    seed = resumed[0].seed if resumed else settings.seed if settings.seed is not None else drawn
    _try_out(settings, plan.steps)
    base = load_base(settings, plan, accelerator, seed, events, those)
    model = base.model
    network, trained = _attach_network(settings, model, accelerator, seed)
    optimizer, schedule = _make_optimizer(settings, plan, network, trained, accelerator)
    state = TrainState(
        seed=seed,
        session_id=uniform_int(0, 2**32, seed, "session"),
        started_at=time.time(),
        output_name=name,
        steps_per_epoch=plan.steps_per_epoch,
        about=those.of_first(lambda: about_run(settings)),
    )
    run = Run(
        settings=settings,
        plan=plan,
        accelerator=accelerator,
        model=model,
        network=network,
        latents=base.latents,
        masks=Masks(plan.training_set, seed),
        measured=base.measured,
        text=base.text,
        optimizer=optimizer,
        schedule=schedule,
        seed=seed,
        trained=trained,
        average=_moving_average(settings, network, trained),
        processes=those,
    )
    if resumed:
        state = _go_on(run, *resumed)
    metadata = training_metadata(
        settings,
        plan,
        started_at=state.started_at,
        session_id=state.session_id,
        seed=seed,
        output_name=name,
        model_hashes=base.hashes,
        vae_hashes=base.vae_hashes,
        optimizer=optimizer.optimizer,
        network=network,
        tags_of=tags_as_trained,
        family=model.family,
        prediction=model.prediction,
        zero_terminal=model.zero_terminal,
        parent=parent_of(state.about),
    )
    saver = Saver(settings, Path(settings.output_dir).expanduser(), folder, metadata, plan.steps, plan.epochs, events)
    return run, state, saver


def _attach_network(settings: Settings, model: Any, accelerator: Any, seed: int) -> tuple[Any, tuple[str, ...]]:
    """The LoRA on the model, and the parts that are trained: those that are wanted and have a rate."""
    from .models.header import read_header
    from .models.memory import prepare_for_training
    from .networks.choice import choose_network
    from .networks.format import read_lora
    from .networks.network import Network

    options = settings.network_options()
    choice = choose_network(settings, read_header(settings.pretrained_model_name_or_path))
    weights = read_lora(settings.network_weights)[0] if settings.network_weights else None
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
    rates = settings.learning_rates()
    trained = tuple(part for part in TRAINED_PARTS if network.trainable(part) and rates[f"{part}_lr"])
    for part in TRAINED_PARTS:
        if part not in trained:
            for parameter in network.trainable(part):
                parameter.requires_grad_(False)
    network.train()
    return network, trained


def _try_out(settings: Settings, steps: int) -> None:
    """Optimizer and schedule of a single number: what their classes refuse is told before the model is loaded."""
    import torch

    from .optimizer_table import ParameterGroup
    from .optimizers import make_optimizer
    from .planning.advice import trained_parts
    from .schedules import make_schedule

    groups = [ParameterGroup(part, [torch.nn.Parameter(torch.zeros(1))]) for part in trained_parts(settings)]
    make_schedule(settings, make_optimizer(settings, groups), steps)


def _make_optimizer(settings: Settings, plan: Plan, network: Any, trained: Sequence[str], accelerator: Any) -> tuple[Any, Any]:
    from .optimizers import make_optimizer
    from .schedules import make_schedule

    optimizer = make_optimizer(settings, [group for part in trained for group in network.groups(part)])
    schedule = make_schedule(settings, optimizer, plan.steps)
    return accelerator.prepare_optimizer(optimizer, device_placement=False), schedule


def _moving_average(settings: Settings, network: Any, trained: Sequence[str]) -> Any:
    from .averages import MovingAverage

    parameters = [parameter for part in trained for parameter in network.trainable(part)]
    return MovingAverage(parameters, settings.ema_decay) if settings.ema_decay else None


def _go_on(run: Run, state: Any, tensors: dict[str, Any], machinery: dict[str, Any]) -> Any:
    """Puts a saved state into the run; raises UserError where it doesn't fit."""
    run.network.load(tensors)
    try:
        run.optimizer.load_state_dict(machinery["optimizer"])
        if run.schedule:
            run.schedule.load_state_dict(machinery["schedule"])
        if run.accelerator.scaler and machinery["scaler"]:
            run.accelerator.scaler.load_state_dict(machinery["scaler"])
        if run.average:
            run.average.load_state_dict(machinery["average"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The state in {run.settings.resume} is of another optimizer or network ({error}): give the settings it "
            "was made with."
        ) from error
    return state
