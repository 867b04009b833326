"""Of which kind each module of a LoRA file is, in the words that people use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..networks.blocks import block_of
from .lora_arrays import LoraFile

OTHER = "other"  # a family that is none of those here
_KINDS = {
    "lora_mid.weight": "LoCon (Tucker)",
    "lora_down.weight": "LoRA",
    "hada_w1_a": "LoHa",
    "lokr_w1": "LoKr",
    "lokr_w1_a": "LoKr",
    "on_input": "(IA)^3",
    "a1.weight": "GLoRA",
    "diff": "full difference",
    "w_norm": "norm",
    "oft_blocks": "OFT",
}


def kind_of_module(suffixes: Iterable[str]) -> str:
    """The kind by a module's suffixes, "DoRA" where lengths are learnt beside it; "unknown" for anything else."""
    there = set(suffixes)
    if "dora_scale" in there:
        return "DoRA"
    return next((kind for suffix, kind in _KINDS.items() if suffix in there), "unknown")


def counted_kinds(file: LoraFile) -> dict[str, int]:
    """{kind: how many modules}, most frequent first."""
    counts: dict[str, int] = {}
    for infos in file.modules.values():
        kind = kind_of_module(infos)
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def base_family(file: LoraFile) -> str:
    """ "sd1", "sd2" or "sdxl": what the metadata say, else the width that attention takes text states in with.

    OTHER where none of its modules is in a block of theirs.
    """
    if all(block_of(module) is None for module in file.modules):
        return OTHER
    if file.family == "sdxl":
        return "sdxl"
    told = file.metadata.get("ss_base_model_version", "")
    if file.metadata.get("ss_v2") == "True" or told.startswith("sd_v2"):
        return "sd2"
    return "sd2" if _text_width(file.modules) == 1024 else "sd1"


def _text_width(modules: Mapping[str, Mapping[str, object]]) -> int:
    for name, infos in modules.items():
        if name.endswith("attn2_to_k") and "lora_down.weight" in infos:
            shape: tuple[int, ...] = getattr(infos["lora_down.weight"], "shape", ())
            return shape[1] if len(shape) > 1 else 0
    return 0
