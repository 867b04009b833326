"""The two layouts of Stable Diffusion files: the original one ("LDM") and diffusers', and the names between them.

Everything inside the trainer uses diffusers' names; files of either layout come in, and `ldm_names` leads back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .header import ModelHeader

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
PARTS = ("text_encoder", "unet", "vae")
_RESNET = {"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
           "out_layers.3": "conv2", "skip_connection": "conv_shortcut"}
_UNET_ENDS = {"time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
              "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out"}
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
        where, resample = f"down_blocks.{level}", ("op.", "downsamplers.0.conv.")
    else:
        level, layer = divmod(block, 3)
        where, resample = f"up_blocks.{level}", ("conv.", "upsamplers.0.conv.")
    if rest.startswith(resample[0]) and (side == "input_blocks" or place > 0):
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


def text_name(name: str) -> str | None:
    """The name within the text model: without the `text_model.` that files have and the newer class has not."""
    name = name.removeprefix("text_model.")
    return name if name.startswith(("embeddings.", "encoder.", "final_layer_norm.")) and "position_ids" not in name else None


def part_names(header: ModelHeader, part: str) -> dict[str, str]:
    """{diffusers name: name in the file} of one part ("unet", "vae" or "text_encoder"); {} where the file lacks it."""
    if header.files:
        own = [(name.split(":", 1)[1], name) for name in header.tensors if name.startswith(f"{part}:")]
        if part == "text_encoder":
            return {short: name for long, name in own if (short := text_name(long))}
        return {_newer_vae(long): name for long, name in own}
    prefix = {"unet": UNET, "vae": VAE, "text_encoder": TEXT}[part]
    if part == "vae" and not any(name.startswith(VAE) for name in header.tensors):
        prefix = ""
    own = [(name[len(prefix):], name) for name in header.tensors if name.startswith(prefix)]
    if part == "unet":
        pairs = [(unet_name(short), name) for short, name in own]
    elif part == "vae":
        levels = 1 + max((int(level[1]) for short, _ in own if (level := re.match(r"encoder\.down\.(\d+)\.", short))), default=-1)
        pairs = [(vae_name(short, levels), name) for short, name in own]
        if levels == 0:  # a VAE on its own that already has diffusers' names
            pairs = [(_newer_vae(short), name) for short, name in own if re.match(r"encoder|decoder|quant|post_quant", short)]
    else:
        pairs = [(text_name(short), name) for short, name in own]
    return {new: old for new, old in pairs if new}


def _newer_vae(name: str) -> str:
    """Old diffusers files call the VAE's attention query, key, value and proj_attn."""
    found = re.fullmatch(r"(.*attentions\.0\.)(query|key|value|proj_attn)(\..*)", name)
    return f"{found[1]}{ {'query': 'to_q', 'key': 'to_k', 'value': 'to_v', 'proj_attn': 'to_out.0'}[found[2]]}{found[3]}" if found else name


def ldm_names(names: Iterable[str], part: str, levels: int = 4) -> dict[str, str]:
    """{diffusers name: full LDM name} for writing a checkpoint; the inverse of `part_names`, by trying all LDM names."""
    if part == "text_encoder":
        return {name: f"{TEXT}text_model.{name.removeprefix('text_model.')}" for name in names}
    wanted, found = set(names), {}
    prefix, candidates = (UNET, _unet_candidates(levels)) if part == "unet" else (VAE, _vae_candidates(levels))
    for stem in candidates:
        for kind in ("weight", "bias"):
            old = f"{stem}.{kind}"
            new = unet_name(old) if part == "unet" else vae_name(old, levels)
            # the upsampler of a level without attention sits at place 1, else at 2: the first that fits is kept
            if new in wanted and new not in found:
                found[new] = prefix + old
    if "upsamplers" in " ".join(wanted) and part == "unet":
        for level in range(levels - 1):
            if f"up_blocks.{level}.attentions.2.proj_in.weight" in wanted:
                for kind in ("weight", "bias"):
                    found[f"up_blocks.{level}.upsamplers.0.conv.{kind}"] = f"{UNET}output_blocks.{3 * level + 2}.2.conv.{kind}"
    return found


def _unet_candidates(levels: int) -> list[str]:
    attention = ["norm", "proj_in", "proj_out"]
    attention += [f"transformer_blocks.0.{name}" for name in
                  ("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2",
                   *(f"attn{a}.{to}" for a in (1, 2) for to in ("to_q", "to_k", "to_v", "to_out.0")))]
    stems = list(_UNET_ENDS)
    for side in ("input_blocks", "output_blocks"):
        for block in range(3 * levels):
            stems += [f"{side}.{block}.0.{name}" for name in (*_RESNET, "op")]
            stems += [f"{side}.{block}.1.{name}" for name in (*attention, "conv")]
    stems += [f"middle_block.{place}.{name}" for place in (0, 2) for name in _RESNET]
    return stems + [f"middle_block.1.{name}" for name in attention]


def _vae_candidates(levels: int) -> list[str]:
    resnet = ("norm1", "conv1", "norm2", "conv2", "nin_shortcut")
    stems = ["quant_conv", "post_quant_conv"]
    for side, way, count in (("encoder", "down", 2), ("decoder", "up", 3)):
        stems += [f"{side}.{name}" for name in ("conv_in", "norm_out", "conv_out")]
        stems += [f"{side}.mid.block_{number}.{name}" for number in (1, 2) for name in resnet]
        stems += [f"{side}.mid.attn_1.{name}" for name in _VAE_ATTENTION]
        for level in range(levels):
            stems += [f"{side}.{way}.{level}.block.{block}.{name}" for block in range(count) for name in resnet]
            stems += [f"{side}.{way}.{level}.{way}sample.conv"]
    return stems
