"""kohya's name for `python -m trainer_core merge`.

python networks/merge_lora.py --models A B --ratios 1 0.5 --save_to C
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder's names would shadow other packages
    from train_network import run

    raise SystemExit(run("merge"))
