"""Has every kind of network loaded by a webui's own loader: are all keys taken, and do the weights become what ours do?

    python -m lora_workbench.benchmarks.host_loaders --a1111 FOLDER --forge FOLDER

The hosts' files are imported as they are; what they import of the rest of the host is stood in for. A model of random
weights, small but with the real layout, stands in for the base.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .make_checkpoint import make_checkpoint

# What is tried: a title, network_module, network_args.
KINDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("LoRA (LierLa)", "networks.lora", ()),
    ("LoCon (C3Lier)", "networks.lora", ("conv_dim=2",)),
    ("LoCon, preset full", "lycoris.kohya", ("algo=locon",)),
    ("LoCon, Tucker", "lycoris.kohya", ("algo=locon", "use_tucker=true")),
    ("DoRA", "lycoris.kohya", ("algo=locon", "dora_wd=true")),
    ("LoHa", "lycoris.kohya", ("algo=loha",)),
    ("LoHa, Tucker", "lycoris.kohya", ("algo=loha", "use_tucker=true")),
    ("LoHa, DoRA", "lycoris.kohya", ("algo=loha", "dora_wd=true")),
    ("LoKr", "lycoris.kohya", ("algo=lokr",)),
    ("LoKr, factor 8, both decomposed", "lycoris.kohya", ("algo=lokr", "factor=8", "decompose_both=true")),
    ("LoKr, Tucker", "lycoris.kohya", ("algo=lokr", "factor=2", "use_tucker=true")),
    ("LoKr, full matrix, DoRA", "lycoris.kohya", ("algo=lokr", "full_matrix=true", "dora_wd=true")),
    ("(IA)^3", "lycoris.kohya", ("algo=ia3",)),
    ("DyLoRA", "networks.dylora", ("unit=2",)),
    ("GLoRA", "lycoris.kohya", ("algo=glora",)),
    ("Full difference", "lycoris.kohya", ("algo=full",)),
    ("LoCon with norms", "lycoris.kohya", ("algo=locon", "train_norm=true")),
    ("Diag-OFT", "lycoris.kohya", ("algo=diag-oft",)),
    ("Diag-OFT, rescaled", "lycoris.kohya", ("algo=diag-oft", "rescaled=true")),
    ("BOFT", "lycoris.kohya", ("algo=boft",)),
    ("networks.oft", "networks.oft", ("enable_conv=true",)),
)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--a1111", type=Path, help="folder of AUTOMATIC1111's webui")
    parser.add_argument("--forge", type=Path, help="folder of Forge")
    parser.add_argument("--model", default="toy", choices=("toy", "tiny_sd2", "tiny_sdxl"), help="the base's family")
    words = parser.parse_args(argv)
    hosts: list[tuple[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        base = make_checkpoint(Path(folder) / "base.safetensors", words.model, dtype="fp32")
        if words.a1111:
            hosts.append(("A1111", _A1111(words.a1111, base, words.model)))
        if words.forge:
            hosts.append(("Forge", _Forge(words.forge, base, words.model)))
        for title, module, arguments in KINDS:
            path, tensors, expected = _saved(Path(folder) / "network.safetensors", base, module, arguments)
            found = [f"{name}: {host.says(path, tensors, expected)}" for name, host in hosts]
            print(f"{title:32} {len(tensors):5} keys   {'   '.join(found)}", flush=True)
    return 0


def _saved(path: Path, base: Path, module: str, arguments: Sequence[str]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A file with random numbers; its tensors, and {module: (weight, bias) that it should make}."""
    import torch

    from ..trainer_core.models.checkpoint import load_model
    from ..trainer_core.models.header import read_header
    from ..trainer_core.networks.apply import applied
    from ..trainer_core.networks.choice import choose_network
    from ..trainer_core.networks.format import read_lora, save_lora
    from ..trainer_core.networks.network import Network
    from ..trainer_core.settings import Settings

    settings = Settings.of(network_module=module, network_args=list(arguments), network_dim=4, network_alpha=2.0)
    choice = choose_network(settings, read_header(base))
    model = load_model(base)
    network = Network.of(model, choice.placed, options=choice.options, seed=0)
    network.detach()
    generator = torch.Generator().manual_seed(0)
    for trained in network.loras.values():
        for suffix, tensor in trained.numbers().items():
            noise = torch.randn(tensor.shape, generator=generator) * 0.1
            with torch.no_grad():
                trained.take(suffix, tensor * (1 + noise) if suffix in ("dora_scale", "rescale") else noise)
    save_lora(path, network.tensors(), {})
    expected = {}
    with applied(model, [(path, 1.0, 1.0)]):
        for name, trained in network.loras.items():
            weight, bias = trained.base.weight, trained.base.bias
            expected[name] = (weight.detach().clone(), None if bias is None else bias.detach().clone())
    return path, read_lora(path)[0], expected


class _A1111:
    """extensions-builtin/Lora, with stand-ins for what it imports of webui."""

    def __init__(self, root: Path, base: Path, family: str) -> None:
        import torch

        folder = str(base.parent / "loras")
        _stand_in(
            "modules.shared",
            sd_model=None,
            opts=types.SimpleNamespace(lora_functional=False),
            cmd_opts=types.SimpleNamespace(lora_dir=folder, lyco_dir_backcompat=folder),
            walk_files=lambda *_paths, **_options: [],
        )
        _stand_in("modules.devices", cpu=torch.device("cpu"), device=torch.device("cpu"), dtype=torch.float32)
        _stand_in("modules.sd_models", read_state_dict=_read)
        _stand_in("modules.textual_inversion.textual_inversion")
        _stand_in("modules.models.sd3.mmdit", QkvLinear=type("QkvLinear", (torch.nn.Linear,), {}))
        for name in ("cache", "errors", "hashes", "scripts", "sd_hijack", "patches"):
            _stand_in(f"modules.{name}")
        _stand_in("lora_patches")
        sys.path.insert(0, str(root / "extensions-builtin" / "Lora"))
        import networks

        self.networks, self.shared = networks, sys.modules["modules.shared"]
        self.shared.sd_model = _as_webui(base, family)
        networks.assign_network_names_to_compvis_modules(self.shared.sd_model)

    def says(self, path: Path, tensors: dict[str, Any], expected: dict[str, Any]) -> str:
        told: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)
        try:
            net = self.networks.load_network("a", types.SimpleNamespace(filename=str(path)))
        finally:
            logging.getLogger().removeHandler(handler)
        unmatched = [line for line in told if "didn't match keys" in line]
        net.te_multiplier = net.unet_multiplier = 1.0
        net.dyn_dim = None
        worst, largest = 0.0, 0.0
        for module in net.modules.values():
            weight, bias = _weight_and_bias(module)
            change, bias_change = module.calc_updown(weight)
            largest = max(largest, float(change.detach().abs().max()))
            name = module.network_key.partition(".")[0]
            worst = max(worst, float((weight + change.reshape(weight.shape) - expected[name][0]).abs().max()))
            if bias_change is not None:
                worst = max(worst, _most(bias + bias_change - expected[name][1]))
        if unmatched:
            return unmatched[0][:200]
        return f"{len(net.modules)} of {len(expected)} modules, difference {worst:.0e} of {largest:.2g}"


class _Forge:
    """backend/patcher/lora.py and the collections that it reads with."""

    def __init__(self, root: Path, base: Path, family: str) -> None:
        _stand_in("backend.memory_management", cast_to_device=lambda tensor, device, dtype: tensor.to(device, dtype))
        _stand_in("backend.utils")
        _stand_in("backend.operations")
        sys.path.insert(0, str(root))
        _load_file("backend.patcher.lora", root / "backend" / "patcher" / "lora.py")
        self.lora = sys.modules["backend.patcher.lora"]
        self.weights = {name.removeprefix("model."): tensor for name, tensor in _unet_weights(base)}
        self.weights |= dict(_forge_text(base, family))
        config = _unet_config(family)
        unet = types.SimpleNamespace(
            state_dict=lambda: self.weights,
            diffusion_model=types.SimpleNamespace(config=config),
            config=types.SimpleNamespace(huggingface_repo="stable-diffusion"),
        )
        self.keys = dict(self.lora.model_lora_keys_unet(unet, {}))
        clip = types.SimpleNamespace(state_dict=lambda: self.weights)
        self.keys |= self.lora.model_lora_keys_clip(clip, {})

    def says(self, path: Path, tensors: dict[str, Any], expected: dict[str, Any]) -> str:
        patches, remaining = self.lora.load_lora(dict(tensors), self.keys)
        if remaining:
            return f"refused, {len(remaining)} keys unknown" if len(remaining) > 12 else f"{len(remaining)} keys unknown"
        names = {key: name for name, key in self.keys.items() if name in expected}
        worst, largest = 0.0, 0.0
        for key, patch in patches.items():
            weight = self.weights[key]
            try:
                found = self.lora.merge_lora_to_weight([(1.0, patch, 1.0, None, None)], weight.clone(), key)
            except RuntimeError as error:
                return f"fails at {key}: {str(error)[:60]} …"
            name = names.get(key) or names[key.removesuffix(".bias") + ".weight"]
            wanted = expected[name][1 if key.endswith(".bias") and key not in names else 0]
            worst, largest = max(worst, _most(found - wanted)), max(largest, _most(found - weight))
        return f"{len(patches)} weights, difference {worst:.0e} of {largest:.2g}"


def _weight_and_bias(module: Any) -> tuple[Any, Any]:
    """Of OpenCLIP's attention, which has query, key and value in one weight, the part that is meant."""
    own = module.sd_module
    if not hasattr(own, "in_proj_weight"):
        return own.weight.detach(), None if own.bias is None else own.bias.detach()
    number = "qkv".index(module.network_key.partition(".")[0].split("_")[-2])
    return own.in_proj_weight.detach().chunk(3)[number], own.in_proj_bias.detach().chunk(3)[number]


def _most(difference: Any) -> float:
    return float(difference.detach().abs().max())


def _stand_in(name: str, **content: Any) -> None:
    """An empty module, with its packages, under a name that the host's file imports."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        if whole not in sys.modules:
            sys.modules[whole] = types.ModuleType(whole)
            sys.modules[whole].__path__ = []  # type: ignore[attr-defined]
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[whole])
    for key, value in content.items():
        setattr(sys.modules[name], key, value)


def _load_file(name: str, path: Path) -> None:
    import importlib.util

    _stand_in(name.rpartition(".")[0])
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def _read(path: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(path)


def _unet_weights(base: Path) -> Iterator[tuple[str, Any]]:
    for name, tensor in _read(str(base)).items():
        if name.startswith("model.diffusion_model."):
            yield name, tensor


def _unet_config(family: str) -> dict[str, Any]:
    """What Forge knows of the UNet's shape: blocks a level, and transformer layers in each."""
    if family == "tiny_sdxl":
        down, middle, up = [0, 0, 1, 1, 2, 2], 2, [0, 0, 0, 1, 1, 1, 2, 2, 2]
        return {"num_res_blocks": [2, 2, 2], "channel_mult": [1, 2, 4], "transformer_depth": down,
                "transformer_depth_middle": middle, "transformer_depth_output": up, "num_blocks": 3}  # fmt: skip
    down, up = [1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    return {"num_res_blocks": [2] * 4, "channel_mult": [1, 1, 2, 2], "transformer_depth": down,
            "transformer_depth_middle": 1, "transformer_depth_output": up}  # fmt: skip


def _forge_text(base: Path, family: str) -> Iterator[tuple[str, Any]]:
    """The text encoders under Forge's names, from the model as we read it."""
    from ..trainer_core.models.checkpoint import load_model

    model = load_model(base)
    names = {"toy": ("clip_l",), "tiny_sd2": ("clip_h",), "tiny_sdxl": ("clip_l", "clip_g")}[family]
    for name, part in zip(names, ("text_encoder", "text_encoder_2"), strict=False):
        for key, tensor in getattr(model, part).state_dict().items():
            yield f"{name}.transformer.text_model.{key.removeprefix('text_model.')}", tensor


def _as_webui(base: Path, family: str) -> Any:
    """A model with the modules that webui's has, by name, and the file's weights."""
    weights = _read(str(base))
    unet = _tree({name.removeprefix("model."): t for name, t in weights.items() if name.startswith("model.diffusion_model.")})
    if family == "tiny_sdxl":
        embedders = [
            types.SimpleNamespace(wrapped=_tree(_below(weights, f"conditioner.embedders.{number}."))) for number in (0, 1)
        ]
        return types.SimpleNamespace(is_sdxl=True, model=unet, conditioner=types.SimpleNamespace(embedders=embedders))
    text = _tree(_below(weights, "cond_stage_model."))
    return types.SimpleNamespace(is_sdxl=False, model=unet, cond_stage_model=text)


def _below(weights: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _tree(weights: dict[str, Any]) -> Any:
    """Nested modules with layers where the names have weights."""
    from torch import nn

    root = nn.Module()
    for name, weight in weights.items():
        path, _, last = name.rpartition(".")
        if last == "in_proj_weight":
            _place(root, path, nn.MultiheadAttention(weight.shape[1], 1), weights)
            continue
        if last != "weight" or weight.dim() not in (1, 2, 4) or path.endswith(".attn.out_proj"):
            continue
        shape, biased = weight.shape, f"{path}.bias" in weights
        layer: Any
        if weight.dim() == 4:
            layer = nn.Conv2d(shape[1], shape[0], tuple(shape[2:]), padding=shape[2] // 2, bias=biased)
        else:
            layer = nn.Linear(shape[1], shape[0], bias=biased) if weight.dim() == 2 else nn.LayerNorm(shape[0])
        _place(root, path, layer, weights)
    return root


def _place(root: Any, path: str, layer: Any, weights: dict[str, Any]) -> None:
    """Puts a layer with the file's weights at its place, making what is above it."""
    import torch
    from torch import nn

    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(weights[f"{path}.{name}"])
    *parts, own = path.split(".")
    for part in parts:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]
    root.add_module(own, layer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
