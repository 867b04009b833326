"""A DyLoRA that is cut acts as its first ranks did in training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lora_workbench.tests.trainer_core.networks.making import chosen, filled, network_of
from lora_workbench.tests.trainer_core.tools.test_resize import LINEAR, lora, save
from lora_workbench.trainer_core.commands import main
from lora_workbench.trainer_core.models.checkpoint import load_model
from lora_workbench.trainer_core.networks.apply import applied
from lora_workbench.trainer_core.networks.format import read_lora, save_lora
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.tools.cut import cut

DYLORA = {"ss_network_module": "networks.dylora", "ss_network_args": json.dumps({"unit": "2"}), "ss_network_dim": "8"}


def test_it_acts_as_the_first_ranks_did_in_training(random_base: Path, tmp_path: Path, monkeypatch: Any) -> None:
    model = load_model(random_base, parts=("text_encoder",))
    choice = chosen(
        random_base, "networks.dylora", "unit=2", network_dim=8, network_alpha=4.0, network_train_text_encoder_only=True
    )
    network = filled(network_of(model, choice))
    save_lora(tmp_path / "in.safetensors", network.tensors(), DYLORA)
    name, module = next(iter(network.loras.items()))
    monkeypatch.setattr(torch, "randint", lambda *_: torch.tensor([1]))  # two units of two act
    module.train()
    x = torch.randn(3, module.target.in_)
    expected = module.base(x)
    network.detach()
    plain = module.base(x)
    done = cut(tmp_path / "in.safetensors", 4, tmp_path / "out.safetensors")
    with applied(model, [(tmp_path / "out.safetensors", 1.0, 1.0)]):
        found = module.base(x)
    assert (expected - plain).abs().max() > 0.01
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert done.cut == done.modules == len(network.loras) and not done.notices
    metadata = read_lora(tmp_path / "out.safetensors")[1]
    assert metadata["ss_network_dim"] == "4" and float(metadata["ss_network_alpha"]) == pytest.approx(8**0.5, abs=1e-4)
    assert name in str(read_lora(tmp_path / "out.safetensors")[0].keys())


def test_how_much_it_changes_is_measured(tmp_path: Path) -> None:
    own = lora(8, 4.0)
    path = save(tmp_path / "in.safetensors", {LINEAR: own}, **DYLORA)
    done = cut(path, 3, tmp_path / "out.safetensors")
    up, down = own["lora_up.weight"], own["lora_down.weight"]
    whole, first = up @ down * 0.5, up[:, :3] @ down[:3] * 0.5 * (8 / 3) ** 0.5
    assert done.before == pytest.approx(float(whole.norm()), rel=1e-5)
    assert done.after == pytest.approx(float(first.norm()), rel=1e-5)
    assert done.change == pytest.approx(float((whole - first).norm() / whole.norm()), rel=1e-5)
    assert "in units of 2 ranks: 3 cuts one" in done.notices[0]


def test_the_command_and_what_it_refuses(tmp_path: Path, capsys: Any) -> None:
    path = save(tmp_path / "in.safetensors", {LINEAR: lora(8, 4.0)}, **DYLORA)
    assert main(["cut", str(path), "--rank", "2"]) == 0
    assert "1 modules: 1 cut to rank 2" in capsys.readouterr().out and (tmp_path / "in-rank2.safetensors").is_file()
    assert main(["cut", str(path), "--rank", "8"]) == 1 and "more than 8 ranks" in capsys.readouterr().err
    plain = save(tmp_path / "plain.safetensors", {LINEAR: lora(8, 4.0)}, ss_network_module="networks.lora")
    with pytest.raises(UserError, match="is no DyLoRA"):
        cut(plain, 2, tmp_path / "out.safetensors")
    silent = save(tmp_path / "silent.safetensors", {LINEAR: lora(8, 4.0)})
    assert "if it is no DyLoRA" in cut(silent, 2, tmp_path / "out.safetensors").notices[0]


def test_a_series_in_kohyas_words(tmp_path: Path, capsys: Any) -> None:
    """Each multiple of the unit below the whole rank; nothing is written where one of the files is there already."""
    path = save(tmp_path / "in.safetensors", {LINEAR: lora(8, 4.0)}, **DYLORA)
    words = ["cut", "--model", str(path), "--unit", "3", "--save_to", str(tmp_path / "out.safetensors")]
    assert main(words) == 0
    assert [one.name for one in sorted(tmp_path.glob("out*"))] == ["out-0003.safetensors", "out-0006.safetensors"]
    for rank in (3, 6):
        made, single = tmp_path / f"out-{rank:04d}.safetensors", tmp_path / f"single{rank}.safetensors"
        cut(path, rank, single)
        assert read_lora(made)[0].keys() == read_lora(single)[0].keys()
        assert all(bool((one == read_lora(single)[0][key]).all()) for key, one in read_lora(made)[0].items())
    (tmp_path / "out-0003.safetensors").unlink()
    assert main(words) == 1 and "out-0006.safetensors is there already" in capsys.readouterr().err
    assert not (tmp_path / "out-0003.safetensors").exists()
    for wrong, status, told in (
        ([str(path), "--unit", "8"], 1, "has 8 ranks at most: give a --unit below that"),
        ([str(path)], 2, "either --rank or --unit"),
        ([str(path), "--rank", "2", "--unit", "2"], 2, "either --rank or --unit"),
        (["--rank", "2"], 2, "give the DyLoRA's file, once"),
    ):
        assert main(["cut", *wrong]) == status and told in capsys.readouterr().err
