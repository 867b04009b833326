"""Which family a model file belongs to, told from its tensor names and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .header import CheckpointError, ModelHeader

Family = Literal["sd1", "sd2", "sdxl", "lora", "vae", "unknown"]


@dataclass(frozen=True)
class FamilyFacts:
    """What the rest of the program asks of a family."""

    title: str
    base_model_version: str
    architecture: str
    resolution: int
    scaling_factor: float


FAMILIES: dict[str, FamilyFacts] = {
    "sd1": FamilyFacts("Stable Diffusion 1.x", "sd_v1", "stable-diffusion-v1/lora", 512, 0.18215),
    "sd2": FamilyFacts("Stable Diffusion 2.x", "sd_v2", "stable-diffusion-v2-512/lora", 512, 0.18215),
    "sdxl": FamilyFacts("Stable Diffusion XL", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora", 1024, 0.13025),
}
TRAINABLE = ("sd1",)


def identify(header: ModelHeader) -> Family:
    names = header.tensors.keys()
    if any(".lora_down." in name or ".lora_A." in name or ".hada_w1" in name or ".lokr_w" in name for name in names):
        return "lora"
    if header.files:
        if "text_encoder_2" in header.files:
            return "sdxl"
        width = next((info.shape[-1] for name, info in header.tensors.items() if name.endswith("token_embedding.weight")), 0)
        return "sd2" if width == 1024 else "sd1" if width else "unknown"
    if any(name.startswith("conditioner.embedders.") for name in names):
        return "sdxl"
    has_unet = any(name.startswith("model.diffusion_model.input_blocks.") for name in names)
    if has_unet and any(name.startswith("cond_stage_model.model.") for name in names):
        return "sd2"
    if has_unet and any(name.startswith("cond_stage_model.transformer.") for name in names):
        return "sd1"
    if not has_unet and any(name.removeprefix("first_stage_model.").startswith("decoder.conv_in.") for name in names):
        return "vae"
    return "unknown"


def require_base(header: ModelHeader) -> Family:
    """The family of a base model that can be trained here; CheckpointError with one sentence for anything else."""
    family, path = identify(header), header.path
    if family == "lora":
        raise CheckpointError(f"{path} is a LoRA, not a base model: give the checkpoint that it is to be trained on.")
    if family == "vae":
        raise CheckpointError(f"{path} is a VAE, not a base model: give it as --vae, beside a checkpoint.")
    if family == "unknown":
        raise CheckpointError(
            f"{path} is not a Stable Diffusion checkpoint with UNet, VAE and text encoder: give another file."
        )
    if family not in TRAINABLE:
        raise CheckpointError(
            f"{path} is a {FAMILIES[family].title} model, which can't be trained yet: give a Stable Diffusion 1.x model."
        )
    name = "unet:conv_in.weight" if header.files else "model.diffusion_model.input_blocks.0.0.weight"
    conv_in = header.tensors.get(name)
    if conv_in is not None and conv_in.shape[1] != 4:
        raise CheckpointError(
            f"{path} is an inpainting or editing model ({conv_in.shape[1]} input channels): give the ordinary model."
        )
    return family
