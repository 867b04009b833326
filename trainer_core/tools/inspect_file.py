"""What a LoRA file holds: kinds, ranks, alphas, blocks, metadata, base and hashes. NumPy, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..files import file_sha256
from ..networks.kind_shapes import in_webui_order, rank_of
from .lora_arrays import Array, LoraFile, read_lora_file
from .module_kinds import base_family, counted_kinds, kind_of_module
from .norms import block_norms

_RECORDS = ("lora_workbench_baked", "lora_workbench_resized", "lora_workbench_cut", "lora_workbench_merged",
            "lora_workbench_extracted", "lora_workbench_converted")  # fmt: skip


def inspect(path: str | Path, *, numbers: bool = False) -> dict[str, Any]:
    """For programs: {"path", "bytes", "family", "modules", "tensors", "kinds", "dtypes", "ranks", "blocks", "base", "hashes",
    "made", "metadata", "keys", "lines"}. UserError where it is no LoRA.

    ranks: [{"rank", "alpha", "modules"}], most frequent first, alpha None where a module has none. hashes: "sha256" of the
    file, "tensors" of its tensors' bytes, as it is now, "told" what its metadata say of these. keys: [{"key", "shape",
    "dtype"}], with `numbers` also "mean" and "largest" of their values' sizes, None where one is not finite.
    """
    file = read_lora_file(path)
    norms = block_norms(path)
    keys = [
        {"key": f"{module}.{suffix}", "shape": list(info.shape), "dtype": info.dtype}
        | (_sizes(file.read_one(module, suffix)) if numbers else {})
        for module, infos in file.modules.items()
        for suffix, info in infos.items()
    ]
    hashes = _hashes(file)
    lines = list(norms["lines"])
    if hashes["told"] and hashes["told"] != hashes["tensors"]:
        lines.append("The metadata have another hash of the tensors (sshs_model_hash): they were changed since it was written.")
    return {
        "path": str(file.path),
        "bytes": file.path.stat().st_size,
        "family": base_family(file),
        "modules": len(file.modules),
        "tensors": len(keys),
        "kinds": counted_kinds(file),
        "dtypes": _counted(entry["dtype"] for entry in keys),
        "ranks": _ranks(file),
        "norm": norms["norm"],
        "relative": norms["relative"],
        "blocks": norms["blocks"],
        "base": {
            "name": file.metadata.get("ss_sd_model_name", ""),
            "hash": file.metadata.get("ss_new_sd_model_hash") or file.metadata.get("ss_sd_model_hash", ""),
            "version": file.metadata.get("ss_base_model_version", ""),
        },
        "hashes": hashes,
        "made": {name: _read(file.metadata[name]) for name in _RECORDS if name in file.metadata},
        "metadata": dict(sorted(file.metadata.items())),
        "keys": keys,
        "lines": lines,
    }


def _sizes(array: Array) -> dict[str, float | None]:
    """How large a tensor's numbers are."""
    if not array.size or not np.isfinite(array).all():
        return {"mean": None, "largest": None}
    sizes = np.abs(array.astype(np.float64))
    return {"mean": float(sizes.mean()), "largest": float(sizes.max())}


def _counted(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def _ranks(file: LoraFile) -> list[dict[str, Any]]:
    counts: dict[tuple[int, float | None], int] = {}
    for module, infos in file.modules.items():
        if kind_of_module(infos) in ("LoRA", "LoCon (Tucker)", "DoRA", "LoHa", "LoKr", "GLoRA"):
            rank = rank_of(in_webui_order({suffix: info.shape for suffix, info in infos.items()}))
            alpha = float(file.read_one(module, "alpha")) if "alpha" in infos else None
            counts[rank, alpha] = counts.get((rank, alpha), 0) + 1
    order = sorted(counts.items(), key=lambda pair: -pair[1])
    return [{"rank": rank, "alpha": alpha, "modules": count} for (rank, alpha), count in order]


def _hashes(file: LoraFile) -> dict[str, str]:
    """The tensors' bytes in the file's order, as kohya and webui hash them."""
    infos = [(info.start, module, suffix) for module, own in file.modules.items() for suffix, info in own.items()]
    digest = hashlib.sha256()
    for _, module, suffix in sorted(infos):
        digest.update(memoryview(file.bytes_of(module, suffix)))
    told = file.metadata.get("sshs_model_hash", "")
    return {"sha256": file_sha256(file.path), "tensors": digest.hexdigest(), "told": told}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def as_text(found: Mapping[str, Any], *, keys: bool = False) -> str:
    """The same for people."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in found["kinds"].items())
    ranks = ", ".join(_rank_words(one) for one in found["ranks"]) or "none"
    base = found["base"]
    lines = [
        f"{found['path']}: {found['bytes']:,} bytes",
        f"family:    {found['family']}   modules: {found['modules']} ({kinds})   tensors: {found['tensors']}",
        f"precision: {', '.join(f'{name} ({count})' for name, count in found['dtypes'].items())}",
        f"ranks:     {ranks}",
        f"base:      {base['name'] or 'not told'} {base['hash'][:10]} {base['version']}".rstrip(),
        f"hashes:    sha256 {found['hashes']['sha256'][:12]}, tensors {found['hashes']['tensors'][:12]}",
    ]
    lines += [f"made:      {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in found["made"].items()]
    lines.append(f"length of the change: {found['norm']:.4g}; by block:")
    for block, own in found["blocks"].items():
        lines.append(f"  {block:<9} {own['norm']:10.4g}  {own['share']:6.1%}  {own['modules']} modules")
    lines.append("metadata:")
    lines += [f"  {key} = {_short(value)}" for key, value in found["metadata"].items()] or ["  none"]
    if keys:
        lines += ["tensors:", *(f"  {one['key']}  {one['dtype']} {one['shape']}{_size_words(one)}" for one in found["keys"])]
    return "\n".join([*lines, *(f"note: {line}" for line in found["lines"])])


def _size_words(one: Mapping[str, Any]) -> str:
    if "mean" not in one:
        return ""
    return "  not finite" if one["mean"] is None else f"  mean {one['mean']:.3g}, largest {one['largest']:.3g}"


def _rank_words(one: Mapping[str, Any]) -> str:
    alpha = "no alpha" if one["alpha"] is None else f"alpha {one['alpha']:g}"
    return f"{one['rank']} ({alpha}; {one['modules']} modules)"


def _short(value: str) -> str:
    value = value.replace("\n", " ")
    return value if len(value) <= 160 else f"{value[:157]}…"
