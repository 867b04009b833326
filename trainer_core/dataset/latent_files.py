"""Encoded pictures on disk: one small file each, named by all that its content depends on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from ..files import write_atomically

_MOMENTS, _DIGEST = "moments", "sha256"


class LatentFiles:
    """Reads and writes the files of a folder; what can't be read is encoded again, what can't be written is told once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notices: list[str] = []
        self._writes = True

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def read(self, key: str) -> torch.Tensor | None:
        """Moments, float32 [2 × channels, height, width], or None where there is no sound file."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self.path(key)
        try:
            tensors = load(path.read_bytes())
            moments, digest = tensors[_MOMENTS], tensors[_DIGEST]
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            self.notices.append(f"The cached latent {path} can't be read ({type(error).__name__}) and is made again.")
            return None
        if moments.ndim != 3 or not torch.equal(digest, _digest(moments)):
            self.notices.append(f"The cached latent {path} is damaged and is made again.")
            return None
        return moments

    def write(self, key: str, moments: torch.Tensor) -> None:
        from safetensors.torch import save

        if not self._writes:
            return
        try:
            write_atomically(self.path(key), save({_MOMENTS: moments.contiguous(), _DIGEST: _digest(moments)}))
        except OSError as error:
            self._writes = False
            self.notices.append(f"Latents can't be kept in {self.folder} ({error.strerror or error}); the run goes on without.")


def _digest(moments: torch.Tensor) -> torch.Tensor:
    """SHA-256 of shape and numbers, uint8 [32]."""
    content = repr(tuple(moments.shape)).encode() + moments.contiguous().numpy().tobytes()
    return torch.frombuffer(bytearray(hashlib.sha256(content).digest()), dtype=torch.uint8)
