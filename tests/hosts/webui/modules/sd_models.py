"""The checkpoints in models/Stable-diffusion, and the loaded one (there is none)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modules import paths

checkpoints_list: dict[str, CheckpointInfo] = {}


@dataclass
class CheckpointInfo:
    filename: str
    name: str

    @property
    def title(self):
        return self.name


class ModelData:
    sd_model = None


model_data = ModelData()


def list_models() -> None:
    folder = Path(paths.models_path, "Stable-diffusion")
    checkpoints_list.clear()
    for path in sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.ckpt")]):
        name = str(path.relative_to(folder))
        checkpoints_list[name] = CheckpointInfo(str(path), name)


def checkpoint_tiles(use_short=False):
    return list(checkpoints_list)


list_models()
