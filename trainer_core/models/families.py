"""Which family a model file belongs to, told from its tensor names and shapes, and what the families differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .header import CheckpointError, ModelHeader

Family = Literal["sd1", "sd2", "sdxl", "lora", "vae", "unknown"]
TextPart = Literal["text_encoder", "text_encoder_2"]


@dataclass(frozen=True)
class TextFacts:
    """A text encoder of a family: its part of the model and the prefix that its modules have in LoRA files.

    open_clip: OpenCLIP's, whose chunks are filled with 0 behind the end mark and whose activation is the exact GELU.
    penultimate: the state before the last layer is taken, without the final norm. pooled: it gives a pooled state too.
    """

    part: TextPart
    lora_prefix: str
    open_clip: bool = False
    penultimate: bool = False
    pooled: bool = False


@dataclass(frozen=True)
class FamilyFacts:
    """What the rest of the program asks of a family.

    `webui`: its word in webui's cards. `size_step`: sizes of pictures are multiples of it. `architectures`,
    `implementation`: modelspec's names for a LoRA, the former of models that predict noise and velocity. `ldm_names`: LoRA
    files name the UNet's modules as the original layout does, not as diffusers. `has_clip_skip`: whether webui and other
    programs heed clip skip with it.
    """

    title: str
    base_model_version: str
    architectures: tuple[str, str]
    resolution: int
    scaling_factor: float
    text: tuple[TextFacts, ...]
    webui: str
    size_step: int = 8
    ldm_names: bool = False
    has_clip_skip: bool = True
    implementation: str = "diffusers"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that a LoRA may train, in the order of LoRA files."""
        return (*(one.part for one in self.text), "unet")


FAMILIES: dict[str, FamilyFacts] = {
    "sd1": FamilyFacts(
        "Stable Diffusion 1.x",
        "sd_v1",
        ("stable-diffusion-v1/lora", "stable-diffusion-v1/lora"),
        512,
        0.18215,
        (TextFacts("text_encoder", "lora_te_text_model"),),
        "SD1",
    ),
    "sd2": FamilyFacts(
        "Stable Diffusion 2.x",
        "sd_v2",
        ("stable-diffusion-v2-512/lora", "stable-diffusion-v2-768-v/lora"),
        768,
        0.18215,
        (TextFacts("text_encoder", "lora_te_text_model", open_clip=True),),
        "SD2",
        has_clip_skip=False,
    ),
    "sdxl": FamilyFacts(
        "Stable Diffusion XL",
        "sdxl_base_v1-0",
        ("stable-diffusion-xl-v1-base/lora", "stable-diffusion-xl-v1-base/lora"),
        1024,
        0.13025,
        (
            TextFacts("text_encoder", "lora_te1_text_model", penultimate=True),
            TextFacts("text_encoder_2", "lora_te2_text_model", open_clip=True, penultimate=True, pooled=True),
        ),
        "SDXL",
        size_step=32,
        ldm_names=True,
        has_clip_skip=False,
        implementation="https://github.com/Stability-AI/generative-models",
    ),
}
_CHECKPOINT_TITLES = "Stable Diffusion 1.x, 2.x or XL"


_LORA_WORDS = (".lora_down.", ".lora_A.", ".hada_w1", ".lokr_w")
_LORA_ENDS = (".oft_blocks", ".on_input", ".w_norm", ".diff")


def identify(header: ModelHeader) -> Family:
    names = header.tensors.keys()
    if any(word in name for name in names for word in _LORA_WORDS) or any(name.endswith(_LORA_ENDS) for name in names):
        return "lora"
    if header.files:
        if "text_encoder_2" in header.files:
            return "sdxl"
        width = next((info.shape[-1] for name, info in header.tensors.items() if name.endswith("token_embedding.weight")), 0)
        if not width:
            return "unknown"
        linear = len(header.tensors.get("unet:mid_block.attentions.0.proj_in.weight", _NOTHING).shape) == 2
        return "sd2" if linear else "sd1"
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


class _Nothing:
    shape: tuple[int, ...] = ()


_NOTHING = _Nothing()


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
    kind = _other_kind(header, family)
    if kind:
        raise CheckpointError(f"{path} is {kind}, which can't be trained here: give {_CHECKPOINT_TITLES}, the ordinary model.")
    name = "unet:conv_in.weight" if header.files else "model.diffusion_model.input_blocks.0.0.weight"
    conv_in = header.tensors.get(name)
    if conv_in is not None and conv_in.shape[1] != 4:
        raise CheckpointError(
            f"{path} is an inpainting or editing model ({conv_in.shape[1]} input channels): give the ordinary model."
        )
    return family


def _other_kind(header: ModelHeader, family: Family) -> str:
    """What a relative of a family is called that looks like it and isn't trained; "" for the family itself."""
    names = header.tensors.keys()
    has_labels = any(name.startswith(("model.diffusion_model.label_emb.", "unet:add_embedding.")) for name in names)
    if family == "sdxl" and not header.files:
        if not any(name.startswith("conditioner.embedders.0.transformer.") for name in names):
            return "the refiner of Stable Diffusion XL"
        if any(name.startswith("edm_") for name in names):
            return "a model of the EDM kind (CosXL)"
    elif family == "sd2" and has_labels:
        return "an image variation model (unCLIP)"
    return ""
