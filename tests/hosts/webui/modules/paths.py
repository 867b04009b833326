"""Where things are."""

from __future__ import annotations

from pathlib import Path

from modules.words import words

script_path = str(Path(__file__).resolve().parents[1])
data_path = words.data_dir or script_path
models_path = str(Path(data_path, "models"))
extensions_dir = str(Path(data_path, "extensions"))
