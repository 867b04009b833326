"""Trains the first stage of the toy world's base model, its autoencoder; run it again to go on where it stopped.

python -m lora_workbench.demo.world.train_base --state DIR [--vae-minutes 15]
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="folder for everything that a later run goes on from")
    parser.add_argument("--vae-minutes", type=float, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    import torch

    from .train_vae import train_vae

    torch.set_num_threads(args.threads)
    train_vae(args.state, args.vae_minutes, args.seed)


if __name__ == "__main__":
    main()
