"""LoRA files: written as safetensors with kohya's metadata and hashes, read from safetensors or, weights only, from .pt."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch

from ..models.header import CheckpointError, ModelHeader, read_header
from ..problems import UserError
from .file_bytes import write_file
from .foreign_names import is_kohyas, not_kohyas, plain_name
from .targets import file_layout

PRECISIONS = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CODES = {torch.float32: ("F32", 4), torch.float16: ("F16", 2), torch.bfloat16: ("BF16", 2)}


def save_lora(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], precision: str | None = None
) -> None:
    """Writes the file atomically, with `sshs_model_hash` and `sshs_legacy_hash` added to the metadata.

    precision: "float", "fp16", "bf16" or None (float32) for all tensors, alphas too. An existing file is replaced.
    """
    dtype = PRECISIONS[precision or "float"]
    content = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
    broken = next((name for name, tensor in content.items() if not bool(torch.isfinite(tensor).all())), None)
    if broken:
        raise UserError(
            f"{path.name} isn't saved: {broken} holds numbers that aren't finite in {precision or 'float'}; "
            "lower the learning rate, or save with --save_precision float."
        )
    entries, _ = file_layout(
        {name: tuple(tensor.shape) for name, tensor in content.items()}, dict.fromkeys(content, _CODES[dtype])
    )
    write_file(path, entries, [_bytes(content[name]) for name in entries], metadata)


def _bytes(tensor: torch.Tensor) -> memoryview:
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy())


def read_lora(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """All tensors (in their own dtype) and the metadata of a LoRA file; CheckpointError where it isn't one, or is broken."""
    header = read_header(path)
    if not is_kohyas(header.tensors):
        raise CheckpointError(not_kohyas(header))
    tensors = read_tensors(header)
    broken = next((key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor.float()).all())), None)
    if broken:
        raise CheckpointError(
            f"{header.path} holds numbers that are not finite in {broken}: its training went wrong, or the file was damaged; "
            "take an earlier snapshot."
        )
    return tensors, dict(header.metadata)


def read_tensors(header: ModelHeader) -> dict[str, torch.Tensor]:
    """All tensors of a .safetensors file or, weights only, of one of torch's; CheckpointError where it can't be read."""
    if header.is_torch:
        return _read_torch(header.path)
    from safetensors.torch import load_file

    return load_file(header.path)


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    try:
        with path.open("rb") as file:  # of a path that ends in .safetensors torch would read no file of its own
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(f"{path} can't be read as a LoRA ({type(error).__name__}): get it as .safetensors.") from error
    content = content.get("state_dict", content)
    return {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}


def by_module(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """{module: {suffix: tensor}} of a file's tensors; textual inversions that are packed with them are left out."""
    modules: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, suffix = key.partition(".")
        if name != "bundle_emb":
            modules.setdefault(plain_name(name), {})[suffix] = tensor
    return modules
