"""kohya's name for `python -m trainer_core cut --unit`.

python networks/extract_lora_from_dylora.py --model A --unit 4 --save_to B
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # this folder's names would shadow other packages
    from train_network import run

    raise SystemExit(run("cut"))
