"""LoRA files of every kind with a module in each of a few blocks, made of random numbers."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

BLOCKS = {
    "BASE": "lora_te_text_model_encoder_layers_0_mlp_fc1",
    "IN04": "lora_unet_down_blocks_1_attentions_0_proj_in",
    "M00": "lora_unet_mid_block_attentions_0_proj_in",
    "OUT05": "lora_unet_up_blocks_1_attentions_2_proj_in",
}
KINDS = ("lora", "conv", "tucker", "loha", "loha_tucker", "lokr", "lokr_low", "lokr_tucker", "glora", "full", "ia3", "norm")


def module(kind: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """{suffix: tensor} of a module whose weight is [6, 4], or [6, 4, 3, 3] for convolutions; rank 2, alpha 1."""
    torch.manual_seed(seed)
    alpha = {"alpha": torch.tensor(1.0)}
    r = torch.randn
    tucker = {"hada_t1": r(2, 2, 3, 3), "hada_t2": r(2, 2, 3, 3)}
    made: dict[str, dict[str, torch.Tensor]] = {
        "lora": {"lora_down.weight": r(2, 4), "lora_up.weight": r(6, 2), **alpha},
        "conv": {"lora_down.weight": r(2, 4, 3, 3), "lora_up.weight": r(6, 2, 1, 1), **alpha},
        "tucker": {
            "lora_down.weight": r(2, 4, 1, 1), "lora_mid.weight": r(2, 2, 3, 3), "lora_up.weight": r(6, 2, 1, 1), **alpha,
        },
        "loha": {"hada_w1_a": r(6, 2), "hada_w1_b": r(2, 4), "hada_w2_a": r(6, 2), "hada_w2_b": r(2, 4), **alpha},
        "loha_tucker": {
            "hada_w1_a": r(2, 6), "hada_w1_b": r(2, 4), "hada_w2_a": r(2, 6), "hada_w2_b": r(2, 4), **tucker, **alpha,
        },
        "lokr": {"lokr_w1": r(2, 2), "lokr_w2": r(3, 2), **alpha},
        "lokr_low": {"lokr_w1_a": r(2, 1), "lokr_w1_b": r(1, 2), "lokr_w2_a": r(3, 1), "lokr_w2_b": r(1, 2), **alpha},
        "lokr_tucker": {
            "lokr_w1": r(2, 2), "lokr_t2": r(2, 2, 3, 3), "lokr_w2_a": r(2, 3), "lokr_w2_b": r(2, 2), **alpha,
        },
        "glora": {"a1.weight": r(2, 4), "a2.weight": r(4, 2), "b1.weight": r(2, 4), "b2.weight": r(6, 2), **alpha},
        "full": {"diff": r(6, 4), "diff_b": r(6)},
        "ia3": {"weight": r(6), "on_input": torch.tensor(False)},
        "norm": {"w_norm": r(6), "b_norm": r(6)},
        "dora": {"lora_down.weight": r(2, 4), "lora_up.weight": r(6, 2), "dora_scale": r(1, 4), **alpha},
        "oft": {"oft_blocks": r(3, 2, 2)},
        "boft": {"oft_blocks": r(2, 3, 2, 2)},
    }  # fmt: skip
    return made[kind]


def write(path: Path, kind: str, dtype: torch.dtype = torch.float32, **metadata: str) -> dict[str, dict[str, torch.Tensor]]:
    """Writes a file with a module of the kind in each of BLOCKS; {block: its tensors}, rounded as in the file."""
    modules = {}
    for number, block in enumerate(BLOCKS):
        own = {suffix: t.to(dtype) if t.is_floating_point() else t for suffix, t in module(kind, number).items()}
        modules[block] = own
    tensors = {f"{BLOCKS[block]}.{suffix}": t.contiguous() for block, own in modules.items() for suffix, t in own.items()}
    save_file(tensors, path, {"ss_network_dim": "2", **metadata})
    return modules
