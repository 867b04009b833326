"""Loads a run's base model part by part, in the order that needs least memory, and lets go of what is done with.

First the VAE, which encodes the pictures; then the text encoders, which may encode all captions; the UNet comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .endings import Stopped
from .events import EventLog, Unheard
from .files import data_folder, file_sha256
from .plan import Plan
from .planning.stages import StagePlan
from .processes import Processes
from .requests import STOP, asked, wait_while_paused
from .settings import Settings

TEXT_PARTS = ("text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class Pictures:
    """A stage's latents and masks. `measured`: the pictures that are kept for validation, None where there are none."""

    latents: Any
    masks: Any
    measured: Any


@dataclass(frozen=True)
class Base:
    """The base model as a run needs it. hashes, vae_hashes: (legacy, SHA-256) of its file and of a VAE's own, else None.

    `pictures`: those of each stage.
    """

    model: Any
    pictures: tuple[Pictures, ...]
    text: Any
    hashes: tuple[str, str]
    vae_hashes: tuple[str, str] | None


def load_base(
    settings: Settings,
    plan: Plan,
    stages: Sequence[StagePlan],
    accelerator: Any,
    seed: int,
    events: EventLog,
    those: Processes,
) -> Base:
    """Loads what the run needs, with base_weights merged in, encodes what it is to cache, and keeps what is needed then.

    `stages`: those of the plan, as they will run here; `those`: the processes of the run, which encode a share each.
    """
    from .models.checkpoint import load_into, load_model
    from .models.hashes import model_hashes
    from .models.memory import put_idle_away
    from .networks.apply import merge

    path, device = settings.pretrained_model_name_or_path, accelerator.device
    hashes = those.of_first(lambda: model_hashes(path, settings.data_dir))
    vae_hashes = those.of_first(lambda: model_hashes(settings.vae, settings.data_dir)) if settings.vae else None
    model = load_model(
        path,
        settings.vae,
        parts=("vae",),
        v_parameterization=settings.v_parameterization,
        zero_terminal_snr=settings.zero_terminal_snr,
    )
    model.vae.to(device)
    vae_key = (vae_hashes or hashes)[1]
    pictures = _pictures(stages, model, vae_key, device, seed, events, those)
    if all(stage.settings.cache_latents for stage in stages) and not settings.sample_prompts:
        model.drop("vae")
    else:  # samples may be asked for at any time
        put_idle_away(model, settings, device)
    dtype = _frozen_dtype(accelerator)
    eight_bit = _eight_bit(settings)
    load_into(model, TEXT_PARTS, dtype, eight_bit)
    merge(model, settings.merged_loras(), TEXT_PARTS)
    text = _text(settings, plan.steps, stages, model, accelerator, seed, events, those)
    load_into(model, ("unet",), dtype, eight_bit)
    merge(model, settings.merged_loras(), ("unet",))
    return Base(model, pictures, text, hashes, vae_hashes)


def _eight_bit(settings: Settings) -> dict[str, str]:
    """{part: how its weights are kept in 8 bits}."""
    if settings.int8_base:
        return dict.fromkeys((*TEXT_PARTS, "unet"), "int8")
    parts = (*TEXT_PARTS, "unet") if settings.fp8_base else ("unet",) if settings.fp8_base_unet else ()
    return dict.fromkeys(parts, "fp8")


def _frozen_dtype(accelerator: Any) -> Any:
    """Frozen weights have the precision of the computation; on a CPU, where that only costs time, they stay full."""
    import torch

    if accelerator.device.type == "cpu":
        return torch.float32
    return {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[accelerator.mixed_precision]


def _pictures(
    stages: Sequence[StagePlan], model: Any, vae_key: str, device: Any, seed: int, events: EventLog, those: Processes
) -> tuple[Pictures, ...]:
    """What each stage trains; stages that share a set of pictures share all that is made of it."""
    from .dataset.masks import Masks

    made: dict[int, Pictures] = {}
    for stage in stages:
        own, pictures = stage.settings, stage.training_set
        if id(pictures) not in made:
            latents = _cache_latents(own, pictures, model, vae_key, device, seed, events, those, own.cache_latents)
            measured = _measured(own, pictures, model, vae_key, device, seed, events, those)
            made[id(pictures)] = Pictures(latents, Masks(pictures, seed), measured)
    return tuple(made[id(stage.training_set)] for stage in stages)


def _cache_latents(
    settings: Settings,
    pictures: Any,
    model: Any,
    vae_key: str,
    device: Any,
    seed: int,
    events: EventLog,
    those: Processes,
    cached: bool,
) -> Any:
    from .dataset.latents import Latents

    latents = Latents(
        pictures,
        model.vae,
        cached=cached,
        cache_folder=_cache(settings, "latents") if settings.cache_latents_to_disk else None,
        vae_key=vae_key,
        scaling_factor=model.scaling_factor,
        device=device,
        dtype=model.vae.dtype,
        batch_size=settings.vae_batch_size,
        seed=seed,
    )
    if cached:
        print("Encoding the pictures …", flush=True)
        latents.prepare(_told(settings, events), those.mine, those.pooled)
        for notice in latents.notices:
            events.write("warning", code="latent-cache", message=notice)
        latents.vae = None
    return latents


@dataclass(frozen=True)
class Measured:
    """The pictures that are kept for validation, their latents and masks, and the batches in which they are asked."""

    pictures: Any
    latents: Any
    masks: Any
    batches: list[Any]


def _measured(
    settings: Settings, trained: Any, model: Any, vae_key: str, device: Any, seed: int, events: EventLog, those: Processes
) -> Measured | None:
    from .dataset.masks import Masks
    from .dataset.validation import validation_batches, validation_set

    if not trained.validation:
        return None
    pictures = validation_set(trained)
    latents = _cache_latents(settings, pictures, model, vae_key, device, seed, events, those, True)
    return Measured(pictures, latents, Masks(pictures, seed), validation_batches(pictures, settings.max_validation_steps))


def _text(
    settings: Settings,
    steps: int,
    stages: Sequence[StagePlan],
    model: Any,
    accelerator: Any,
    seed: int,
    events: EventLog,
    those: Processes,
) -> Any:
    """Where captions come as text states from; with cache_text_encoder_outputs the text encoders are gone afterwards."""
    from .dataset.caption_states import CaptionStates
    from .dataset.tensor_files import TensorFiles
    from .planning.advice import trained_parts

    text = CaptionStates(
        model,
        max_token_length=settings.max_token_length,
        clip_skip=settings.clip_skip,
        trained=any(part in TEXT_PARTS for stage in stages for part in trained_parts(stage.settings)),
        device=accelerator.device,
        weighted=settings.weighted_captions,
    )
    if not settings.cache_text_encoder_outputs:
        return text
    print("Encoding the captions …", flush=True)
    for part in TEXT_PARTS:
        if getattr(model, part) is not None:
            getattr(model, part).to(accelerator.device)
    kept = settings.cache_text_encoder_outputs_to_disk
    files = TensorFiles(_cache(settings, "text_states"), "text state") if kept else None
    with accelerator.autocast():
        captions, told = _captions(settings, steps, stages, seed), _told(settings, events)
        text.keep(captions, files, those.of_first(lambda: _encoders_key(settings)), told, those.mine, those.pooled)
    for notice in text.notices:
        events.write("warning", code="text-cache", message=notice)
        print(f"note: {notice}", flush=True)
    _keep_prompts(settings, model)
    model.drop(*TEXT_PARTS)
    return text


def _captions(settings: Settings, steps: int, stages: Sequence[StagePlan], seed: int) -> list[str]:
    """Every caption that the run will ask for: each picture has one, since nothing that changes captions goes with it."""
    from .dataset.caption_text import caption_at, whole_caption

    sets = [stage.training_set for stage in stages]
    trained = [caption_at(item, seed, 0, 0, 0, steps) for pictures in sets for item in pictures.items]
    kept = [settings.prior_preservation] if settings.prior_preservation else []
    return [*trained, *(whole_caption(item) for pictures in sets for item in pictures.validation), *kept]


def _encoders_key(settings: Settings) -> str:
    """The text encoders' content and what was done to it, so that others' states are never taken for theirs."""
    from .models.hashes import model_hashes
    from .models.header import read_header

    header = read_header(settings.pretrained_model_name_or_path)
    files = [header.files[part] for part in TEXT_PARTS if part in header.files] or [header.path]
    words = [model_hashes(file, settings.data_dir)[1] for file in files]
    words += [f"{file_sha256(Path(path))} {strength}" for path, strength, *_unet in settings.merged_loras()]
    return " ".join([*words, _eight_bit(settings).get("text_encoder", "")])


def _keep_prompts(settings: Settings, model: Any) -> None:
    """The sample prompts' states, since the text encoders won't be there when samples are drawn."""
    import torch

    from .generate.prompt import encode_prompt
    from .generate.prompts_file import sample_requests
    from .generate.sample import text_keys

    if settings.sample_prompts:
        with torch.no_grad():
            for key in text_keys(sample_requests(settings).requests):
                model.kept_prompts[key] = encode_prompt(model, *key).to("cpu")


def _cache(settings: Settings, name: str) -> Path:
    return data_folder(settings.data_dir) / "cache" / name


def _told(settings: Settings, events: EventLog) -> Callable[[int, int], None]:
    """What is called after each picture or caption that is encoded: tells of it, and heeds what is asked for meanwhile."""

    def told(done: int, total: int) -> None:
        events.write("caching", done=done, total=total)
        _heed_requests(settings, events)

    return told


def _heed_requests(settings: Settings, events: EventLog) -> None:
    """A pause or a stop that is asked for before the first step; what else is asked for waits until then.

    Of several processes the first one heeds it: the others learn it from that one.
    """
    if isinstance(events, Unheard):
        return
    wait_while_paused(events.folder, events, 0)
    if STOP in asked(events.folder):
        message = "The run was stopped before its first step: nothing was learnt yet."
        raise Stopped(message, 0, state=Path(settings.resume) if settings.resume else None)
