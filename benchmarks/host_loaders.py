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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .host_stand_ins import as_webui, forge_text, load_file, read_weights, stand_in, unet_config, unet_weights
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
        stand_in(
            "modules.shared",
            sd_model=None,
            opts=types.SimpleNamespace(lora_functional=False),
            cmd_opts=types.SimpleNamespace(lora_dir=folder, lyco_dir_backcompat=folder),
            walk_files=lambda *_paths, **_options: [],
        )
        stand_in("modules.devices", cpu=torch.device("cpu"), device=torch.device("cpu"), dtype=torch.float32)
        stand_in("modules.sd_models", read_state_dict=read_weights)
        stand_in("modules.textual_inversion.textual_inversion")
        stand_in("modules.models.sd3.mmdit", QkvLinear=type("QkvLinear", (torch.nn.Linear,), {}))
        for name in ("cache", "errors", "hashes", "scripts", "sd_hijack", "patches"):
            stand_in(f"modules.{name}")
        stand_in("lora_patches")
        sys.path.insert(0, str(root / "extensions-builtin" / "Lora"))
        import networks

        self.networks, self.shared = networks, sys.modules["modules.shared"]
        self.shared.sd_model = as_webui(base, family)
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
        stand_in("backend.memory_management", cast_to_device=lambda tensor, device, dtype: tensor.to(device, dtype))
        stand_in("backend.utils")
        stand_in("backend.operations")
        sys.path.insert(0, str(root))
        load_file("backend.patcher.lora", root / "backend" / "patcher" / "lora.py")
        self.lora = sys.modules["backend.patcher.lora"]
        self.weights = {name.removeprefix("model."): tensor for name, tensor in unet_weights(base)}
        self.weights |= dict(forge_text(base, family))
        config = unet_config(family)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
