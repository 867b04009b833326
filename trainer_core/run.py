"""Gets a run ready: model, latents, network, optimizer and, where it goes on, its state."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .endings import Stopped
from .events import EventLog
from .files import data_folder
from .plan import Plan
from .problems import UserError
from .randomness import uniform_int
from .requests import STOP, asked, wait_while_paused
from .settings import Settings

VAE_PARTS, TRAINED_PARTS = ("vae",), ("text_encoder", "unet")


@dataclass(frozen=True)
class Run:
    """Everything that the loop works with; nothing in it changes identity while the run lasts."""

    settings: Settings
    plan: Plan
    accelerator: Any
    model: Any
    network: Any
    latents: Any
    optimizer: Any
    schedule: Any
    seed: int
    trained: tuple[str, ...]

    def machinery(self) -> dict[str, Any]:
        """State dicts of what, beside the network, a resume needs."""
        scaler = self.accelerator.scaler
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "scaler": scaler.state_dict() if scaler else None,
        }


def prepare(settings: Settings, plan: Plan, resumed: Any, name: str, folder: Path, events: EventLog) -> tuple[Run, Any, Any]:
    """Loads the model in the order that needs least memory: VAE and latents first, then what is trained."""
    from accelerate import Accelerator

    from .dataset.caption_text import tags_as_trained
    from .models.checkpoint import load_model
    from .models.hashes import model_hashes
    from .networks.metadata import training_metadata
    from .snapshots import Saver
    from .state import TrainState

    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    if accelerator.num_processes > 1:
        raise UserError(f"Training with {accelerator.num_processes} processes is not built yet: start one.")
    seed = resumed[0].seed if resumed else settings.seed if settings.seed is not None else secrets.randbelow(2**32)
    path = settings.pretrained_model_name_or_path
    hashes = model_hashes(path, settings.data_dir)
    vae_hashes = model_hashes(settings.vae, settings.data_dir) if settings.vae else None

    base = load_model(path, settings.vae, parts=VAE_PARTS)
    vae, scaling_factor = base.vae.to(accelerator.device), base.scaling_factor
    latents = _cache_latents(settings, plan, vae, scaling_factor, (vae_hashes or hashes)[1], accelerator, seed, events)
    model = load_model(path, parts=TRAINED_PARTS, dtype=_frozen_dtype(accelerator))
    if settings.sample_prompts or not settings.cache_latents:  # samples may be asked for at any time
        model.vae = vae
    del base, vae

    network, trained = _attach_network(settings, model, accelerator, seed)
    optimizer, schedule = _make_optimizer(settings, plan, network, trained, accelerator)
    state = TrainState(
        seed=seed,
        session_id=uniform_int(0, 2**32, seed, "session"),
        started_at=time.time(),
        output_name=name,
        steps_per_epoch=plan.steps_per_epoch,
    )
    run = Run(settings, plan, accelerator, model, network, latents, optimizer, schedule, seed, trained)
    if resumed:
        state = _go_on(run, *resumed)
    metadata = training_metadata(
        settings,
        plan,
        started_at=state.started_at,
        session_id=state.session_id,
        seed=seed,
        output_name=name,
        model_hashes=hashes,
        vae_hashes=vae_hashes,
        optimizer=optimizer.optimizer,
        network=network,
        tags_of=tags_as_trained,
        family=model.family,
    )
    saver = Saver(settings, Path(settings.output_dir).expanduser(), folder, metadata, plan.steps, plan.epochs, events)
    return run, state, saver


def _cache_latents(
    settings: Settings, plan: Plan, vae: Any, scaling_factor: float, vae_key: str, accelerator: Any, seed: int, events: EventLog
) -> Any:
    from .dataset.latents import Latents

    cache = data_folder(settings.data_dir) / "cache" / "latents" if settings.cache_latents_to_disk else None
    latents = Latents(
        plan.training_set,
        vae,
        cached=settings.cache_latents,
        cache_folder=cache,
        vae_key=vae_key,
        scaling_factor=scaling_factor,
        device=accelerator.device,
        dtype=vae.dtype,
        batch_size=settings.vae_batch_size,
        seed=seed,
    )
    if settings.cache_latents:
        print("Encoding the pictures …", flush=True)

        def told(done: int, total: int) -> None:
            events.write("caching", done=done, total=total)
            _heed_requests(settings, events)

        latents.prepare(told)
        for notice in latents.notices:
            events.write("warning", code="latent-cache", message=notice)
        latents.vae = None
    return latents


def _heed_requests(settings: Settings, events: EventLog) -> None:
    """A pause or a stop that is asked for before the first step; what else is asked for waits until then."""
    wait_while_paused(events.folder, events, 0)
    if STOP in asked(events.folder):
        message = "The run was stopped before its first step: nothing was learnt yet."
        raise Stopped(message, 0, state=Path(settings.resume) if settings.resume else None)


def _frozen_dtype(accelerator: Any) -> Any:
    """Frozen weights have the precision of the computation; on a CPU, where that only costs time, they stay full."""
    import torch

    if accelerator.device.type == "cpu":
        return torch.float32
    return {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[accelerator.mixed_precision]


def _attach_network(settings: Settings, model: Any, accelerator: Any, seed: int) -> tuple[Any, tuple[str, ...]]:
    """The LoRA on the model, and the parts that are trained: those that are wanted and have a rate."""
    from .models.header import read_header
    from .models.memory import prepare_for_training
    from .networks.format import ranks, read_lora
    from .networks.lora import LoraNetwork
    from .networks.targets import lora_targets

    options = settings.network_options()
    weights = read_lora(settings.network_weights)[0] if settings.network_weights else None
    dims = {"network_dim": settings.network_dim or 4, "network_alpha": settings.network_alpha, **options}
    if weights is not None and settings.dim_from_weights:
        dims |= ranks(weights)
    prepare_for_training(model, settings, accelerator.device)
    targets = lora_targets(
        read_header(settings.pretrained_model_name_or_path),
        unet=not settings.network_train_text_encoder_only,
        text_encoder=not settings.network_train_unet_only,
        conv=dims["conv_dim"] is not None,
    )
    network = LoraNetwork.of(
        model,
        targets,
        rank=dims["network_dim"],
        alpha=dims["network_alpha"],
        conv_dim=dims["conv_dim"],
        conv_alpha=dims["conv_alpha"],
        dropout=settings.network_dropout,
        rank_dropout=options["rank_dropout"],
        module_dropout=options["module_dropout"],
        seed=seed,
    )
    network.to(accelerator.device)
    if weights is not None:
        network.load(weights)
    rates = settings.learning_rates()
    trained = tuple(part for part in TRAINED_PARTS if network.trainable(part) and rates[f"{part}_lr"])
    for part in TRAINED_PARTS:
        if part not in trained:
            for parameter in network.trainable(part):
                parameter.requires_grad_(False)
    network.train()
    return network, trained


def _make_optimizer(settings: Settings, plan: Plan, network: Any, trained: Sequence[str], accelerator: Any) -> tuple[Any, Any]:
    from .optimizers import make_optimizer
    from .schedules import make_schedule

    optimizer = make_optimizer(settings, [group for part in trained for group in network.groups(part)])
    schedule = make_schedule(settings, optimizer, plan.steps)
    return accelerator.prepare_optimizer(optimizer, device_placement=False), schedule


def _go_on(run: Run, state: Any, tensors: dict[str, Any], machinery: dict[str, Any]) -> Any:
    """Puts a saved state into the run; raises UserError where the run is another one."""
    if state.steps_per_epoch != run.plan.steps_per_epoch:
        raise UserError(
            f"The state in {run.settings.resume} is of a run with {state.steps_per_epoch} steps an epoch, this one has "
            f"{run.plan.steps_per_epoch}: give the same pictures, repeats and batch size, or start anew with its LoRA "
            "as --network_weights."
        )
    if state.step >= run.plan.steps:
        raise UserError(
            f"The state in {run.settings.resume} has {state.step} steps done, and the plan has {run.plan.steps}: set "
            "max_train_epochs or max_train_steps higher."
        )
    run.network.load(tensors)
    try:
        run.optimizer.load_state_dict(machinery["optimizer"])
        if run.schedule:
            run.schedule.load_state_dict(machinery["schedule"])
        if run.accelerator.scaler and machinery["scaler"]:
            run.accelerator.scaler.load_state_dict(machinery["scaler"])
    except (ValueError, KeyError) as error:
        raise UserError(
            f"The state in {run.settings.resume} is of another optimizer or network ({error}): give the settings it "
            "was made with."
        ) from error
    return state
