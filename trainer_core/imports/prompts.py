"""Sample prompts of tools that hold each of their values by itself, as a line in kohya's form."""

from __future__ import annotations

from typing import Any


def prompt_line(prompt: Any, negative: Any, width: Any, height: Any, seed: Any, steps: Any, cfg: Any) -> str:
    """What is None or empty is left out."""
    words = [" ".join(str(prompt or "").split())]
    for flag, value in (("n", negative), ("w", width), ("h", height), ("d", seed), ("s", steps), ("l", cfg)):
        if value not in (None, "", False):
            words.append(f"--{flag} {' '.join(str(value).split())}")
    return " ".join(words)
