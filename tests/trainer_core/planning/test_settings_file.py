from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_workbench.trainer_core.planning.settings_file import rewrite, write_new
from lora_workbench.trainer_core.settings.toml_files import flattened, read_config

TEXT = """# my run
[network]
network_dim = 64   # large
network-alpha = 128
[training]
noise_offset = 0.5
network_args = [
  "conv_dim=4",
]
"""


def test_lines_are_changed_and_all_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TEXT, encoding="utf-8")
    kept = rewrite(path, {"network_dim": 8, "network_alpha": 8.0, "noise_offset": None, "keep_tokens": 1})
    assert (kept.name, kept.read_text(encoding="utf-8")) == ("run-before.toml", TEXT)
    text = path.read_text(encoding="utf-8")
    assert "# my run\n[network]\nnetwork_dim = 8\nnetwork_alpha = 8.0\n[training]\nnetwork_args" in text
    assert flattened(read_config(path, "")) == {
        "keep_tokens": 1, "network_dim": 8, "network_alpha": 8.0, "network_args": ["conv_dim=4"],
    }  # fmt: skip


def test_what_is_written_over_several_lines_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TEXT, encoding="utf-8")
    rewrite(path, {"network_args": ["conv_dim=8"]})
    assert flattened(read_config(path, "")) == {
        "network_dim": 64, "network_alpha": 128, "noise_offset": 0.5, "network_args": ["conv_dim=8"],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["run.json", "run.toml"])
def test_no_kept_file_is_written_over(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_new(path, {"network_dim": 64})
    first = path.read_bytes()
    assert rewrite(path, {"network_dim": 32}).read_bytes() == first
    second = rewrite(path, {"network_dim": 16})
    assert second.stem == "run-before-2" and flattened(read_config(second, "")) == {"network_dim": 32}
    assert flattened(read_config(path, "")) == {"network_dim": 16}


def test_a_new_file_takes_a_free_name(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("mine", encoding="utf-8")
    path = write_new(tmp_path / "run.json", {"network_dim": 8, "vae": None})
    assert (path.name, json.loads(path.read_text(encoding="utf-8"))) == ("run-2.json", {"network_dim": 8})
