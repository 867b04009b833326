"""kohya's name for `python -m trainer_core inspect --keys`.

python networks/check_lora_weights.py A
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder's names would shadow other packages
    from train_network import run

    raise SystemExit(run("inspect", "--keys"))
