"""What the base model's family means for a run: what it predicts, which settings don't go with it, and its usual sizes."""

from __future__ import annotations

from collections.abc import Iterable

from ..dataset.items import TrainingSet
from ..models.families import FAMILIES, FamilyFacts, identify
from ..models.header import CheckpointError, ModelHeader, read_header
from ..models.layout import part_names
from ..models.open_clip import place_info
from ..models.prediction import prediction_of, prediction_problems
from ..problems import Problem
from ..settings import Settings

SDXL_HIGH_RANK = 64
_SMALL = 0.6  # of the family's usual side


def base_words(header: ModelHeader, settings: Settings) -> str:
    """The family and what the model is taken to predict, for the plan's page."""
    facts = prediction_of(header, settings.v_parameterization, settings.zero_terminal_snr)
    what = "velocity" if facts.prediction == "v_prediction" else "noise"
    end = ", to the very end of pure noise (zero-terminal SNR)" if facts.zero_terminal else ""
    return f"{header.path.name}: {FAMILIES[identify(header)].title}, predicts {what}{end}"


def family_problems(settings: Settings, header: ModelHeader, training_set: TrainingSet) -> list[Problem]:
    family = identify(header)
    facts = FAMILIES[family]
    return [
        *prediction_problems(header, family, settings.v2, settings.v_parameterization, settings.zero_terminal_snr),
        *_text_problems(settings, facts),
        *_size_problems(settings, facts, training_set),
        *_network_problems(settings, facts),
        *_vae_problems(settings, facts),
        *_weights_problems(settings, header, facts),
    ]


def _text_problems(settings: Settings, facts: FamilyFacts) -> list[Problem]:
    found = []
    rates = settings.text_encoder_lr  # kohya_ss writes the one rate twice, whatever the model
    if rates is not None and len(set(rates)) > len(facts.text):
        message = f"text_encoder_lr has {len(rates)} rates, but {facts.title} has one text encoder."
        found.append(Problem("error", "text-encoder-rates", message, "Give one rate."))
    if (settings.clip_skip or 1) > 1 and not facts.has_clip_skip:
        if facts.text[0].penultimate:
            message = f"clip_skip {settings.clip_skip} is ignored: {facts.title} has its own way of reading text."
        else:
            message = f"webui draws with {facts.title} without clip skip, and clip_skip is {settings.clip_skip}."
        found.append(Problem("warning", "clip-skip-family", message, "Take clip_skip out."))
    return found


def _size_problems(settings: Settings, facts: FamilyFacts, training_set: TrainingSet) -> list[Problem]:
    found, step = [], facts.size_step
    for dataset in training_set.datasets:
        if dataset.enable_bucket and dataset.bucket_reso_steps % step:
            message = f"bucket_reso_steps is {dataset.bucket_reso_steps}, but sizes for {facts.title} are multiples of {step}."
            found.append(Problem("error", "size-step", message, f"Set bucket_reso_steps to {step} or 64."))
        elif not dataset.enable_bucket and any(side % step for side in dataset.resolution):
            width, height = dataset.resolution
            message = f"The resolution {width}×{height} doesn't do: sizes for {facts.title} are multiples of {step}."
            found.append(Problem("error", "size-step", message, "Give another resolution, or enable_bucket."))
        width, height = dataset.resolution
        if facts.size_step > 8 and width * height < (facts.resolution * _SMALL) ** 2:
            message = f"{width}×{height} is small for {facts.title}, which draws at {facts.resolution}×{facts.resolution}."
            found.append(
                Problem("note", "resolution-small", message, f"Set resolution to {facts.resolution} if memory allows.")
            )
    return found


def _network_problems(settings: Settings, facts: FamilyFacts) -> list[Problem]:
    """What the guide says of SDXL: 16 is there what 64 is with SD 1.x, and bf16 is preferred."""
    if not facts.ldm_names:
        return []
    found = []
    if (settings.network_dim or 0) > SDXL_HIGH_RANK and not settings.network_options()["full_matrix"]:
        message = f"network_dim {settings.network_dim} is high for {facts.title}, where 16 holds about what 64 does elsewhere."
        found.append(Problem("note", "rank-high-sdxl", message, "Try 16, 24 or 32."))
    if settings.mixed_precision == "fp16":
        message = f"{facts.title} is trained in bf16 rather than fp16 where the GPU knows it."
        found.append(Problem("note", "bf16-preferred", message, "Set mixed_precision to bf16."))
    return found


def _vae_problems(settings: Settings, facts: FamilyFacts) -> list[Problem]:
    """A VAE out of a whole checkpoint shows its family; one in a file of its own doesn't."""
    if settings.vae is None:
        return []
    try:
        other = FAMILIES.get(identify(read_header(settings.vae)))
    except CheckpointError:
        return []  # told already
    if other is None or other.scaling_factor == facts.scaling_factor:
        return []
    message = f"{settings.vae} is of {other.title}, and its VAE doesn't go with {facts.title}."
    return [Problem("error", "vae-family", message, "Give another VAE, or leave vae out.")]


_LDM_NAMES = ("lora_unet_input_blocks_", "lora_unet_middle_block_", "lora_unet_output_blocks_")
_DIFFUSERS_NAMES = ("lora_unet_down_blocks_", "lora_unet_mid_block_", "lora_unet_up_blocks_")


def has_other_names(names: Iterable[str], facts: FamilyFacts) -> bool:
    """Whether a LoRA's tensors are named as those of the other families are: with or without the original layout's words."""
    return any(name.startswith(_DIFFUSERS_NAMES if facts.ldm_names else _LDM_NAMES) for name in names)


def _weights_problems(settings: Settings, header: ModelHeader, facts: FamilyFacts) -> list[Problem]:
    """A LoRA to go on from must be of the base's family: the same names in the UNet, text states of the same width."""
    if settings.network_weights is None:
        return []
    try:
        tensors = read_header(settings.network_weights).tensors
    except CheckpointError:
        return []  # told already
    foreign = has_other_names(tensors, facts)
    theirs = {info.shape[1] for name, info in tensors.items() if "_attn2_to_k.lora_down." in name and len(info.shape) == 2}
    ours = {
        place_info(header.tensors, old).shape[1]
        for new, old in part_names(header, "unet").items()
        if new.endswith(".attn2.to_k.weight")
    }
    if not foreign and theirs <= ours:
        return []
    message = f"{settings.network_weights} is a LoRA for another kind of model than {header.path.name}, which is {facts.title}."
    return [Problem("error", "network-weights-family", message, "Give a LoRA that was trained on a model of that family.")]
