"""The two layouts of Stable Diffusion files: the original one ("LDM") and diffusers', and the names between them.

Everything inside the trainer uses diffusers' names; files of either layout come in, and `ldm_names` leads back. Where a
tensor of ours is only a part of one in the file, or lies there transposed, its place there says so: see open_clip.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .header import ModelHeader
from .open_clip import open_clip_places

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
OPEN_CLIP = "cond_stage_model.model."  # SD 2.x
TEXT_1, TEXT_2 = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."  # SDXL
PARTS = ("text_encoder", "text_encoder_2", "unet", "vae")
_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_UNET_ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}


def unet_name(name: str) -> str | None:
    """The diffusers name of an LDM UNet tensor (without its prefix), two resnets a level; None where there is none."""
    stem, _, kind = name.rpartition(".")
    if stem in _UNET_ENDS:
        return f"{_UNET_ENDS[stem]}.{kind}"
    if middle := re.fullmatch(r"middle_block\.([012])\.(.+)", name):
        place, rest = int(middle[1]), middle[2]
        return f"mid_block.attentions.0.{rest}" if place == 1 else f"mid_block.resnets.{place // 2}.{_inside(rest)}"
    found = re.fullmatch(r"(input_blocks|output_blocks)\.(\d+)\.(\d+)\.(.+)", name)
    if not found:
        return None
    side, block, place, rest = found[1], int(found[2]), int(found[3]), found[4]
    if side == "input_blocks":
        level, layer = divmod(block - 1, 3)
        where, resample, at = f"down_blocks.{level}", ("op.", "downsamplers.0.conv."), (0,)
    else:
        level, layer = divmod(block, 3)
        where, resample, at = f"up_blocks.{level}", ("conv.", "upsamplers.0.conv."), (1, 2)
    if layer == 2 and place in at and rest.startswith(resample[0]):
        return f"{where}.{resample[1]}{rest.removeprefix(resample[0])}"
    if place == 0:
        return f"{where}.resnets.{layer}.{_inside(rest)}"
    return f"{where}.attentions.{layer}.{rest}"


def _inside(rest: str) -> str:
    stem, _, kind = rest.rpartition(".")
    return f"{_RESNET.get(stem, stem)}.{kind}"


def vae_name(name: str, levels: int) -> str | None:
    """The diffusers name of an LDM VAE tensor (without its prefix) of a VAE with that many levels."""
    name = name.replace("nin_shortcut", "conv_shortcut").replace("norm_out.", "conv_norm_out.")
    if name.startswith(("quant_conv.", "post_quant_conv.")):
        return name
    found = re.fullmatch(r"(encoder|decoder)\.(.+)", name)
    if not found:
        return None
    side, rest = found[1], found[2]
    if block := re.fullmatch(r"mid\.block_(\d)\.(.+)", rest):
        return f"{side}.mid_block.resnets.{int(block[1]) - 1}.{block[2]}"
    if attention := re.fullmatch(r"mid\.attn_1\.(\w+)\.(weight|bias)", rest):
        return f"{side}.mid_block.attentions.0.{_VAE_ATTENTION.get(attention[1], attention[1])}.{attention[2]}"
    if level := re.fullmatch(r"(down|up)\.(\d+)\.(.+)", rest):
        number = int(level[2]) if level[1] == "down" else levels - 1 - int(level[2])
        inner = re.sub(r"^block\.", "resnets.", level[3])
        inner = inner.replace("downsample.conv", "downsamplers.0.conv").replace("upsample.conv", "upsamplers.0.conv")
        return f"{side}.{level[1]}_blocks.{number}.{inner}"
    return name


def text_name(name: str, *, projection: bool = False) -> str | None:
    """The name within the text model: without the `text_model.` that files have and the newer class has not.

    projection: with the matrix of the pooled output, which only some text encoders have a use for.
    """
    name = name.removeprefix("text_model.")
    known = ("embeddings.", "encoder.", "final_layer_norm.", *(("text_projection.",) if projection else ()))
    return name if name.startswith(known) and "position_ids" not in name else None


def part_names(header: ModelHeader, part: str) -> dict[str, str]:
    """{diffusers name: place in the file} of one of the PARTS; {} where the file lacks it.

    A place is a tensor's name, or, in OpenCLIP's layout, a name with a mark of the piece (open_clip.py).
    """
    if header.files:
        own = [(name.split(":", 1)[1], name) for name in header.tensors if name.startswith(f"{part}:")]
        if part.startswith("text_encoder"):
            return {short: name for long, name in own if (short := text_name(long, projection=part == "text_encoder_2"))}
        return {_newer_vae(long): name for long, name in own}
    if part.startswith("text_encoder"):
        return _text_places(header, part)
    prefix = {"unet": UNET, "vae": VAE}[part]
    if part == "vae" and not any(name.startswith(VAE) for name in header.tensors):
        prefix = ""
    own = [(name[len(prefix) :], name) for name in header.tensors if name.startswith(prefix)]
    if part == "unet":
        pairs = [(unet_name(short), name) for short, name in own]
    elif part == "vae":
        levels = 1 + max(
            (int(level[1]) for short, _ in own if (level := re.match(r"encoder\.down\.(\d+)\.", short))), default=-1
        )
        pairs = [(vae_name(short, levels), name) for short, name in own]
        if levels == 0:  # a VAE on its own that already has diffusers' names
            pairs = [(_newer_vae(short), name) for short, name in own if re.match(r"encoder|decoder|quant|post_quant", short)]
    return {new: old for new, old in pairs if new}


def unet_width(header: ModelHeader) -> int | None:
    """Channels of the UNet's first level; None where it has no first convolution."""
    place = part_names(header, "unet").get("conv_in.weight")
    return header.tensors[place].shape[0] if place else None


def _text_places(header: ModelHeader, part: str) -> dict[str, str]:
    """SD 1.x and SDXL's first: CLIP as transformers has it. SD 2.x and SDXL's second: OpenCLIP.

    Of SD 2.x's text encoder the last layer is left out: the model was trained on the state before it, as diffusers' folders
    and kohya's trainer take it.
    """
    if part == "text_encoder_2":
        return open_clip_places(header.tensors, TEXT_2, projection=True)
    if any(name.startswith(OPEN_CLIP) for name in header.tensors):
        return open_clip_places(header.tensors, OPEN_CLIP, last_layer=False)
    prefix = TEXT if any(name.startswith(TEXT) for name in header.tensors) else TEXT_1
    own = [(text_name(name[len(prefix) :]), name) for name in header.tensors if name.startswith(prefix)]
    return {short: name for short, name in own if short}


def _newer_vae(name: str) -> str:
    """Old diffusers files call the VAE's attention query, key, value and proj_attn."""
    found = re.fullmatch(r"(.*attentions\.0\.)(query|key|value|proj_attn)(\..*)", name)
    return (
        f"{found[1]}{ {'query': 'to_q', 'key': 'to_k', 'value': 'to_v', 'proj_attn': 'to_out.0'}[found[2]] }{found[3]}"
        if found
        else name
    )


def ldm_names(names: Iterable[str], part: str) -> dict[str, str]:
    """{diffusers name: full LDM name} of a part's tensors; for `text_encoder` SD 1.x's names. The inverse of `part_names`."""
    names = list(names)
    if part == "text_encoder":
        return {name: f"{TEXT}text_model.{name.removeprefix('text_model.')}" for name in names}
    if part == "unet":
        attending = {name.split(".")[1] for name in names if name.startswith("up_blocks.") and ".attentions." in name}
        return {name: UNET + _ldm_unet_name(name, attending) for name in names}
    levels = 1 + max(int(name.split(".")[2]) for name in names if name.startswith("encoder.down_blocks."))
    return {name: VAE + _ldm_vae_name(name, levels) for name in names}


def _ldm_unet_name(name: str, attending: set[str]) -> str:
    """`attending`: the levels of the up side that have attention; there the upsampler comes third, else second."""
    stem, _, kind = name.rpartition(".")
    if stem in _UNET_ENDS.values():
        return f"{_inverse(_UNET_ENDS)[stem]}.{kind}"
    if resample := re.fullmatch(r"(down|up)_blocks\.(\d+)\.(?:down|up)samplers\.0\.conv", stem):
        level = int(resample[2])
        if resample[1] == "down":
            return f"input_blocks.{3 * level + 3}.0.op.{kind}"
        return f"output_blocks.{3 * level + 2}.{2 if resample[2] in attending else 1}.conv.{kind}"
    found = re.fullmatch(r"(down_blocks|up_blocks|mid_block)\.(?:(\d+)\.)?(resnets|attentions)\.(\d+)\.(.+)", stem)
    if not found:
        raise ValueError(f"{name} is no tensor of a Stable Diffusion UNet")
    side, level, is_resnet, number, rest = found[1], int(found[2] or 0), found[3] == "resnets", int(found[4]), found[5]
    if is_resnet:
        rest = _inverse(_RESNET)[rest]
    if side == "mid_block":
        return f"middle_block.{2 * number if is_resnet else 1}.{rest}.{kind}"
    block = f"input_blocks.{3 * level + number + 1}" if side == "down_blocks" else f"output_blocks.{3 * level + number}"
    return f"{block}.{0 if is_resnet else 1}.{rest}.{kind}"


def _ldm_vae_name(name: str, levels: int) -> str:
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    if middle := re.fullmatch(r"(encoder|decoder)\.mid_block\.resnets\.(\d)\.(.+)", name):
        return f"{middle[1]}.mid.block_{int(middle[2]) + 1}.{middle[3]}"
    if attention := re.fullmatch(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.+)\.(weight|bias)", name):
        return f"{attention[1]}.mid.attn_1.{_inverse(_VAE_ATTENTION)[attention[2]]}.{attention[3]}"
    if block := re.fullmatch(r"(encoder|decoder)\.(down|up)_blocks\.(\d+)\.(.+)", name):
        level = int(block[3]) if block[2] == "down" else levels - 1 - int(block[3])
        inner = re.sub(r"^resnets\.", "block.", block[4]).replace("samplers.0.conv", "sample.conv")
        return f"{block[1]}.{block[2]}.{level}.{inner}"
    return name


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}
