"""Every kind of network on every family: three steps, saved, read into a new network with nothing over, the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.trainer_core.networks.making import chosen, filled, network_of
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.models.header import read_header
from lora_workbench.trainer_core.models.predict import predict
from lora_workbench.trainer_core.models.text import encode_all, tokenize
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.choice import Choice
from lora_workbench.trainer_core.networks.format import read_lora, save_lora
from lora_workbench.trainer_core.networks.lora import DyLoraModule
from lora_workbench.trainer_core.networks.network import Network
from lora_workbench.trainer_core.networks.targets import file_bytes
from lora_workbench.trainer_core.planning.network import planned_network
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings

FAMILIES = ("random_base", "tiny_sd2", "tiny_sdxl")
KINDS: dict[str, tuple[str, ...]] = {
    "lora": ("networks.lora",),
    "locon": ("networks.lora", "conv_dim=2"),
    "lycoris-locon": ("lycoris.kohya", "algo=locon", "preset=unet-only"),
    "tucker": ("lycoris.kohya", "algo=locon", "use_tucker=true", "preset=unet-convblock-only"),
    "dora": ("lycoris.kohya", "algo=locon", "dora_wd=true", "preset=attn-only"),
    "loha": ("lycoris.kohya", "algo=loha"),
    "lokr": ("lycoris.kohya", "algo=lokr", "factor=8", "decompose_both=true"),
    "lokr-full": ("lycoris.kohya", "algo=lokr", "full_matrix=true", "preset=attn-mlp"),
    "ia3": ("lycoris.kohya", "algo=ia3"),
    "dylora": ("networks.dylora", "unit=2"),
    "glora": ("lycoris.kohya", "algo=glora"),
    "full-norms": ("lycoris.kohya", "algo=full", "train_norm=true"),
    "diag-oft": ("lycoris.kohya", "algo=diag-oft", "rescaled=true"),
    "boft": ("lycoris.kohya", "algo=boft", "preset=attn-only"),
    "oft": ("networks.oft",),
}
# Stable Diffusion 2.x has the same modules as 1.x, but linear projections: what concerns these is tried.
TRIED = {"tiny_sd2": ("lora", "loha", "lokr", "glora", "full-norms"), "tiny_sdxl": [one for one in KINDS if "oft" not in one]}
PAIRS = [(family, kind) for family in FAMILIES for kind in TRIED.get(family, KINDS)]


@pytest.fixture(scope="module")
def family(request: pytest.FixtureRequest) -> tuple[Any, Path]:
    base = request.getfixturevalue(request.param)
    return load_model(base), base


def three_steps(model: Any, network: Network, seed: int = 0) -> None:
    """A little training whose every draw hangs on the step."""
    network.train()
    optimizer = torch.optim.AdamW([one for part in network.loras.values() for one in part.parameters()], lr=1e-2)
    ids = tokenize(model.tokenizer, ["penny, a red hat"])
    for step in range(3):
        torch.manual_seed(1000 * seed + step)
        noisy, target = torch.randn(2, 1, 4, 8, 8)
        answer = predict(model, noisy, torch.tensor([400]), encode_all(model, ids), [(64, 64, 0, 0, 64, 64)])
        (answer - target).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def trained(model: Any, choice: Choice, **more: Any) -> dict[str, torch.Tensor]:
    network = network_of(model, choice, **more)
    try:
        three_steps(model, network)
        return {name: tensor.clone() for name, tensor in network.tensors().items()}
    finally:
        network.detach()


@pytest.mark.parametrize(("family", "kind"), PAIRS, indirect=["family"])
def test_trains_saves_and_reads_back(kind: str, family: tuple[Any, Path], tmp_path: Path) -> None:
    model, base = family
    choice = chosen(base, *KINDS[kind])
    tensors = trained(model, choice)
    again = trained(model, choice)
    assert tensors.keys() == again.keys() and all(torch.equal(tensor, again[name]) for name, tensor in tensors.items())

    path = tmp_path / "network.safetensors"
    save_lora(path, tensors, {})
    shapes = {name: shape for one in choice.placed for name, shape in one.file_shapes().items()}
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == shapes
    assert path.stat().st_size == file_bytes(shapes, None, len('{"sshs_legacy_hash":"","sshs_model_hash":""}') + 72)
    other = network_of(model, choice, seed=5)
    other.detach()
    untrained = {name: tensor.clone() for name, tensor in other.tensors().items()}
    changed = [name for name, tensor in tensors.items() if not torch.equal(tensor, untrained[name])]
    # SDXL takes the first encoder's state before its last layer, so that nothing is learnt there.
    still = {one.target.name for one in choice.placed} - {name.partition(".")[0] for name in changed}
    layers = {one.target.module.split(".")[2] for one in choice.placed if one.target.part == "text_encoder"}
    assert all(name.startswith(f"lora_te1_text_model_encoder_layers_{max(layers)}_") for name in still)
    assert other.load(read_lora(path)[0]) == []
    read = other.tensors()
    assert read.keys() == tensors.keys() and all(torch.equal(tensor, tensors[name]) for name, tensor in read.items())
    with applied(model, [(path, 1.0, 1.0)]):  # refuses what the model hasn't
        pass


@pytest.mark.parametrize("family", FAMILIES, indirect=True)
@pytest.mark.parametrize("kind", ["loha", "dylora", "full-norms", "dora"])
def test_the_attached_network_equals_its_file_on_the_model(kind: str, family: tuple[Any, Path], tmp_path: Path) -> None:
    model, base = family
    network = filled(network_of(model, chosen(base, *KINDS[kind])), size=0.2 if kind == "loha" else 0.05)
    network.eval()
    ids = tokenize(model.tokenizer, ["a cat"])

    @torch.no_grad()
    def outputs() -> torch.Tensor:
        text = encode_all(model, ids)
        torch.manual_seed(3)
        return predict(model, torch.randn(1, 4, 8, 8), torch.tensor([300]), text, [(64, 64, 0, 0, 64, 64)])

    save_lora(tmp_path / "a.safetensors", network.tensors(), {})
    network.set_multiplier(0.5, 0.8)
    expected = outputs()
    network.detach()
    before = outputs()
    with applied(model, [(tmp_path / "a.safetensors", 0.5, 0.8)]):
        torch.testing.assert_close(outputs(), expected, atol=1e-3, rtol=1e-3)
    assert torch.equal(outputs(), before) and (before - expected).abs().max() > 1e-3


def test_dylora_learns_the_newest_unit_alone(random_base: Path) -> None:
    model = load_model(random_base)
    network = network_of(model, chosen(random_base, "networks.dylora", "unit=2"))
    network.train()
    modules = [module for module in network.loras.values() if isinstance(module, DyLoraModule)]
    assert len(modules) == len(network.loras) > 0
    learnt = set()
    for seed in range(4):
        torch.manual_seed(seed)
        network.zero_grad(set_to_none=True)
        modules[-1].base(torch.randn(2, modules[-1].target.in_, 3, 3)).sum().backward()
        own = [number for number, part in enumerate(modules[-1].up_parts) if part.grad is not None]
        assert len(own) == 1
        learnt.update(own)
    assert learnt == {0, 1}
    network.detach()


def test_dylora_cut_short_acts_as_it_was_trained(random_base: Path) -> None:
    """The first ranks with the scale of their number are what a step with as many ranks computed."""
    model = load_model(random_base)
    network = filled(network_of(model, chosen(random_base, "networks.dylora", "unit=2")))
    module = next(module for module in network.loras.values() if module.target.kind == "linear")
    assert isinstance(module, DyLoraModule)
    x = torch.randn(2, module.target.in_)
    down, up = module.numbers()["lora_down.weight"][:2], module.numbers()["lora_up.weight"][:, :2]
    short = module.base_forward(x) + (x @ down.t() @ up.t()) * (2.0 / 4) * 2**0.5
    module.train()
    outputs = []
    for seed in range(6):
        torch.manual_seed(seed)
        outputs.append(module.base(x))
    assert any(torch.allclose(out, short, atol=1e-5) for out in outputs)
    module.eval()
    whole = (
        module.base_forward(x) + (x @ module.numbers()["lora_down.weight"].t() @ module.numbers()["lora_up.weight"].t()) * 0.5
    )
    torch.testing.assert_close(module.base(x), whole, atol=1e-5, rtol=1e-5)
    network.detach()


def test_dropouts_act_in_training_alone(random_base: Path) -> None:
    model = load_model(random_base)
    choice = chosen(random_base, "lycoris.kohya", "algo=loha", "preset=attn-only")
    network = filled(network_of(model, choice, rank_dropout=0.5, module_dropout=0.3))
    module = next(iter(network.loras.values()))
    x = torch.randn(4, module.target.in_)
    module.eval()
    plain, base = module.base(x), module.base_forward(x)
    module.train()
    torch.manual_seed(0)
    seen = [module.base(x) for _ in range(40)]
    left_out = sum(torch.equal(out, base) for out in seen)
    assert 4 <= left_out <= 20
    rows = [((out - base).abs().amax(0) < 1e-7).float().mean().item() for out in seen if not torch.equal(out, base)]
    assert 0.4 < sum(rows) / len(rows) < 0.6 and not torch.equal(plain, base)
    network.detach()


def test_a_file_of_another_kind_is_refused(random_base: Path) -> None:
    model = load_model(random_base)
    loha = network_of(model, chosen(random_base, *KINDS["loha"]))
    loha.detach()
    lora = network_of(model, chosen(random_base, "lycoris.kohya", "algo=locon"))
    lora.detach()
    with pytest.raises(UserError, match="not of the kind that is trained here"):
        lora.load(loha.tensors())
    dora = network_of(model, chosen(random_base, "lycoris.kohya", "algo=locon", "dora_wd=true"))
    dora.detach()
    with pytest.raises(UserError, match="dora_scale, which this kind of network hasn't"):
        lora.load(dora.tensors())


@pytest.mark.parametrize("kind", ["locon", "tucker", "lokr", "ia3", "full-norms", "diag-oft", "glora"])
def test_dim_from_weights_takes_everything_from_the_file(kind: str, random_base: Path, tmp_path: Path) -> None:
    model = load_model(random_base)
    network = filled(network_of(model, chosen(random_base, *KINDS[kind], network_dim=3, network_alpha=1.5)))
    network.detach()
    save_lora(tmp_path / "a.safetensors", network.tensors(), {})
    choice = chosen(
        random_base, "networks.lora", network_weights=tmp_path / "a.safetensors", dim_from_weights=True, network_dim=None
    )
    other = network_of(model, choice)
    other.detach()
    assert other.load(read_lora(tmp_path / "a.safetensors")[0]) == []
    mine, theirs = other.tensors(), network.tensors()
    assert mine.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


def test_going_on_from_a_file_of_kohyas_for_sd2(tiny_sd2: Path, tmp_path: Path) -> None:
    """There the linear layers around attention are 1×1 convolutions."""
    model = load_model(tiny_sd2, parts=("text_encoder", "unet"))
    network = filled(network_of(model, chosen(tiny_sd2, "networks.lora")))
    network.detach()
    own = {name: tensor.clone() for name, tensor in network.tensors().items()}
    wide = {n: t[..., None, None] if t.ndim and ("proj_in" in n or "proj_out" in n) else t for n, t in own.items()}
    save_lora(tmp_path / "a.safetensors", wide, {})
    assert network.load(wide) == []
    by_file = {"network_weights": tmp_path / "a.safetensors", "dim_from_weights": True, "network_dim": None}
    other = network_of(model, chosen(tiny_sd2, "networks.lora", **by_file))
    other.load(wide)
    assert all(torch.equal(tensor, own[name]) for name, tensor in other.tensors().items())
    model.unet(torch.randn(1, 4, 8, 8), torch.tensor([400]), torch.randn(1, 77, 64))
    other.detach()


def test_going_on_from_an_oft_file_of_kohyas(random_base: Path, tmp_path: Path, model: object) -> None:
    """It has names of its own, and a constraint that shortens what was trained whenever it acts."""
    name, blocks = "unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q", torch.randn(4, 32, 32)
    content = {f"oft_{name}.oft_blocks": blocks, f"oft_{name}.alpha": torch.tensor(0.01)}
    save_lora(path := tmp_path / "a.safetensors", content, {})
    settings = {"network_weights": path, "network_train_unet_only": True, "network_alpha": 1.0}
    for more in ({"dim_from_weights": True, "network_dim": None}, {"network_dim": 4}):
        own = Settings.of(pretrained_model_name_or_path=str(random_base), network_module="networks.oft", **settings, **more)
        errors = [one for one in planned_network(own, read_header(random_base))[1] if one.severity == "error"]
        assert errors == []
    network = network_of(model, chosen(random_base, "networks.oft", **settings, network_dim=4))
    assert network.load(content) == []
    taken = network.tensors()[f"lora_{name}.oft_blocks"]
    assert float((taken - taken.transpose(1, 2)).norm()) == pytest.approx(0.01 * 128, rel=1e-4)
    network.detach()


@pytest.mark.parametrize(("kind", "dropouts"), [("loha", {"rank_dropout": 0.5, "module_dropout": 0.2}), ("dylora", {})])
def test_gradient_checkpointing_changes_no_gradient(kind: str, dropouts: dict[str, float], random_base: Path) -> None:
    """What is drawn in a step, dropped rows or DyLoRA's rank, is drawn the same when it is computed again."""
    model = load_model(random_base, parts=("unet",))
    choice = chosen(random_base, *KINDS[kind], network_train_unet_only=True)
    network = filled(network_of(model, choice, **dropouts))
    network.train()
    noisy, states, found = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 64), []
    for checkpointing in (False, True):
        if checkpointing:
            model.unet.enable_gradient_checkpointing()
        model.unet.train(checkpointing)
        network.zero_grad(set_to_none=True)
        torch.manual_seed(5)
        model.unet(noisy, torch.tensor([400]), states).sample.square().mean().backward()
        found.append([parameter.grad for parameter in network.parameters()])
    for one, two in zip(*found, strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-4)
    assert any(one is not None and one.any() for one in found[0])
    network.detach()
