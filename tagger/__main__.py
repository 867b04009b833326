"""`python -m tagger COMMAND DIR …`, with the Python of trainer_core/venv."""

import sys
from pathlib import Path


def run() -> int:
    here = Path(__file__).resolve().parent
    # `python -m` puts the project's root first, where our folder names would shadow other packages'.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in (here, here.parent)]
    try:
        from lora_workbench.tagger.commands import main
    except ModuleNotFoundError as error:
        if error.name != "lora_workbench":
            raise
        sys.exit("error: this Python has no lora_workbench: run `python install.py setup`, then use trainer_core/venv.")
    return main()


if __name__ == "__main__":
    raise SystemExit(run())
