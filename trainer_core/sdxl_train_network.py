"""kohya's name for `python -m trainer_core train` with SDXL: `accelerate launch sdxl_train_network.py …`.

It is the same program as train_network.py: which family a base model is of is seen from its file, and the plan says it.
"""

if __name__ == "__main__":
    from train_network import run  # beside this file, whose folder Python puts first for a script

    raise SystemExit(run())
