"""Networks for tests, made from targets and ranks or from settings as users write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.networks.choice import Choice, Placed, choose_network
from lora_workbench.trainer_core.networks.kind_shapes import KindOptions, module_shapes
from lora_workbench.trainer_core.networks.network import Network
from lora_workbench.trainer_core.networks.targets import Target
from lora_workbench.trainer_core.settings import Settings


def placed(target: Target, rank: int, alpha: float, kind: str = "lora", **options: Any) -> Placed:
    return Placed(target, kind, rank, float(alpha or rank), module_shapes(kind, target, rank, KindOptions(**options)))


def lora_shapes(target: Target, rank: int, conv_dim: int | None = None) -> dict[str, tuple[int, ...]]:
    """{tensor's name in a plain LoRA's file: shape}."""
    return placed(target, (conv_dim or rank) if target.kernel > 1 else rank, 1.0).file_shapes()


def lora_network(
    model: object,
    targets: Sequence[Target],
    *,
    rank: int,
    alpha: float,
    conv_dim: int | None = None,
    conv_alpha: float | None = None,
    **more: Any,
) -> Network:
    """Plain LoRA on the targets; conv_alpha is 1 where not given, as kohya has it."""
    modules = []
    for target in targets:
        wide = target.kernel > 1 and conv_dim is not None
        own_alpha = (1.0 if conv_alpha is None else conv_alpha) if wide else alpha
        modules.append(placed(target, (conv_dim or rank) if target.kernel > 1 else rank, own_alpha))
    return Network.of(model, modules, **more)


def chosen(base: Path, module: str = "lycoris.kohya", *args: str, **settings: Any) -> Choice:
    given = {"network_dim": 4, "network_alpha": 2.0, **settings}
    return choose_network(
        Settings.of(pretrained_model_name_or_path=str(base), network_module=module, network_args=list(args), **given),
        read_header(base),
    )


def network_of(model: object, choice: Choice, seed: int = 0, **more: Any) -> Network:
    return Network.of(model, choice.placed, options=choice.options, seed=seed, **more)


def filled(network: Network, seed: int = 0, size: float = 0.1) -> Network:
    """Random numbers in all that is trained; lengths of DoRA and OFT's rescaling stay near what they are."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.loras.values():
            for suffix, tensor in module.numbers().items():
                noise = torch.randn(tensor.shape, generator=generator) * size
                module.take(suffix, tensor * (1 + noise) if suffix in ("dora_scale", "rescale") else noise)
    return network
