"""The command line in a process of its own, and its files read without the code under test."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-X", "utf8", "-m", "lora_workbench.trainer_core"]


def run(*words: str, status: int | None = 0, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs `python -m trainer_core` with the words; asks for the exit status unless it is None."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, encoding="utf-8", timeout=timeout)
    if status is not None:
        assert done.returncode == status, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def safetensors(path: Path) -> tuple[dict[str, str], str]:
    """Metadata, and the SHA-256 of all tensors with their table, read without the code under test."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    metadata = table.pop("__metadata__", {})
    return metadata, hashlib.sha256(json.dumps(table, sort_keys=True).encode() + data[8 + length :]).hexdigest()
