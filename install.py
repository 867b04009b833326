"""The project's one command; standard library only, Python 3.10 to 3.13, Linux and Windows.

    python install.py setup  [--python PATH] [--torch auto|cpu|cu130|rocm7.2|…]     make or repair the trainer's environment
    python install.py ui     [--port N]        the page without webui, in a browser
    python install.py demo   [--out DIR]       set up what is missing, then the whole workflow on the toy world
    python install.py test                     set up what is missing, then all tests
    python install.py doctor [--train]         what is installed, which GPU, what is wrong and how to mend it

webui runs this file without words at every start: then it installs nothing and returns at once.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STAMP = ROOT / "trainer_core" / "venv" / "lora_workbench.json"


def main(words: list[str]) -> int:
    if not words:
        return _called_by_webui()
    if sys.version_info < (3, 10):  # noqa: UP036  what is imported below doesn't even parse there
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        print(f"error: this is Python {version}; run install.py with Python 3.10 to 3.13.", file=sys.stderr)
        return 1
    if "lora_workbench" not in sys.modules:
        package = types.ModuleType("lora_workbench")
        package.__path__ = [str(ROOT)]
        sys.modules["lora_workbench"] = package
    from lora_workbench.installer.command import main as command

    return command(words)


def _called_by_webui() -> int:
    """webui shows what is printed here at every start, so there is something only while it is worth reading."""
    if sys.stdout is not None and sys.stdout.isatty():
        print(__doc__.strip())
    elif not STAMP.is_file():
        print("LoRA Workbench: the trainer is not set up yet; run `python install.py setup` in its folder.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
