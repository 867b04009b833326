"""kohya's name for `python -m trainer_core extract`.

python networks/extract_lora_from_models.py --model_org A --model_tuned B --save_to C --dim 192
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder's names would shadow other packages
    from train_network import run

    raise SystemExit(run("extract"))
