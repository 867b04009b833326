"""The file that webui loads: registers the package under its one name and the extension with webui."""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if "lora_workbench" not in sys.modules:
    package = types.ModuleType("lora_workbench")
    package.__path__ = [str(ROOT)]
    sys.modules["lora_workbench"] = package

from lora_workbench.extension.app import register  # noqa: E402  the package must be there first

register()
