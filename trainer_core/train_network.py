"""kohya's name for `python -m trainer_core train`, for people's own scripts: `accelerate launch train_network.py …`."""

import sys
from pathlib import Path


def run(*words: str) -> int:
    """Runs the command of these words, `train` where there are none, with the script's own words behind them."""
    here = Path(__file__).resolve().parent
    # Python puts the script's folder first, where our folders (networks, dataset, …) would shadow other packages.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    try:
        from lora_workbench.trainer_core.commands import main
    except ModuleNotFoundError as error:
        if error.name != "lora_workbench":
            raise
        sys.exit("error: this Python has no lora_workbench: run `python install.py setup`, then activate trainer_core/venv.")
    return main([*(words or ("train",)), *sys.argv[1:]])


if __name__ == "__main__":
    raise SystemExit(run())
