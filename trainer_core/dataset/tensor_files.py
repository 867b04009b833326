"""Tensors kept on disk between runs (encoded pictures, text states): one small file each, named by what it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch

from ..files import write_atomically

_DIGEST = "sha256"


class TensorFiles:
    """Reads and writes the files of a folder; what can't be read is made again, what can't be written is told once.

    what: the things that are kept, for sentences: "latent", "text state".
    """

    def __init__(self, folder: Path, what: str) -> None:
        self.folder, self.what = folder, what
        self.notices: list[str] = []
        self._writes = True

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def read(self, key: str) -> dict[str, torch.Tensor] | None:
        """The tensors by name, or None where there is no sound file."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self.path(key)
        try:
            tensors = load(path.read_bytes())
            digest = tensors.pop(_DIGEST)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            self.notices.append(f"The cached {self.what} {path} can't be read ({type(error).__name__}) and is made again.")
            return None
        if not torch.equal(digest, _digest(tensors)):
            self.notices.append(f"The cached {self.what} {path} is damaged and is made again.")
            return None
        return tensors

    def write(self, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
        from safetensors.torch import save

        if not self._writes:
            return
        content = {name: tensor.contiguous() for name, tensor in tensors.items()}
        try:
            write_atomically(self.path(key), save({**content, _DIGEST: _digest(content)}))
        except OSError as error:
            self._writes = False
            why = error.strerror or error
            self.notices.append(f"{self.what.capitalize()}s can't be kept in {self.folder} ({why}); the run goes on without.")


def _digest(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """SHA-256 of names, shapes and numbers, uint8 [32]."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        whole.update(repr((name, tuple(tensor.shape), str(tensor.dtype))).encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return torch.frombuffer(bytearray(whole.digest()), dtype=torch.uint8)
