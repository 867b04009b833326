"""The model that pictures are drawn with, as far as it tells which pictures come of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..models.hashes import model_hashes
from ..problems import UserError


@dataclass(frozen=True)
class Base:
    """`sha256` of the checkpoint; `vae`: SHA-256 of `vae_file`, a VAE in place of the checkpoint's own; both empty without."""

    name: str = ""
    sha256: str = ""
    vae: str = ""
    vae_file: Path | None = None


def base_model(checkpoint: Path, vae: Path | None = None, data_dir: Path | None = None) -> Base:
    """Files are hashed once, and again where they change; `data_dir` is where that is kept. UserError where one is missing."""
    for path in (checkpoint, vae):
        if path is not None and not path.exists():
            raise UserError(f"There is no model at {path}: check the path.")
    return Base(checkpoint.stem, model_hashes(checkpoint, data_dir)[1], model_hashes(vae, data_dir)[1] if vae else "", vae)
