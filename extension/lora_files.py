"""LoRA files that a page may choose from, and that a request may name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import MISSING, Refused
from .rights import Rights, shown
from .trained import all_trained
from .workbench import Workbench

SUFFIX = ".safetensors"
_OF_TORCH = (".pt", ".pth", ".ckpt", ".bin")
_MOST = 500


def known_loras(bench: Workbench) -> Iterator[dict[str, str]]:
    """Files of the project's runs, newest first, then those of the LoRA folder; only what the request may read."""
    project, rights = bench.projects.current(), bench.rights
    seen: set[Path] = set()

    def allowed(path: Path) -> bool:
        try:
            rights.may_read(str(path), "The LoRA")
        except Refused:
            return False
        return path not in seen

    for run in all_trained(bench.jobs, project["name"]) if project else ():
        for path in reversed(run.files):
            if path.suffix == SUFFIX and allowed(path):
                seen.add(path)
                yield {"name": path.stem, "path": str(path), "job": run.job.id, "file": path.name}
    folder = bench.host.lora_folder()
    if folder is None or rights.hide_folders or not folder.is_dir():
        return
    for path in sorted(folder.rglob(f"*{SUFFIX}"))[:_MOST]:
        if allowed(path):
            name = path.relative_to(folder).with_suffix("").as_posix()
            yield {"name": name, "path": str(path), "job": "", "file": path.name}


def lora_at(words: Any, rights: Rights, of_torch: bool = False) -> Path:
    """The LoRA file of that path; Refused where there is none, or the request may not name it. `of_torch`: torch's too."""
    path = rights.may_read(words, "The LoRA")
    if path.suffix.lower() in _OF_TORCH and path.is_file():
        if of_torch:
            return path
        raise Refused(f"{shown(path.name)} is a file of torch's: Convert in Tools makes a .safetensors file of it.")
    if path.suffix.lower() != SUFFIX or not path.is_file():
        raise Refused(f"There is no LoRA {shown(path.name)}: choose a .safetensors file.", MISSING)
    return path
