"""Trains the toy world's base model: autoencoder, then text encoder and UNet. Run it again to go on where it stopped.

python -m lora_workbench.demo.world.train_base --state DIR [--start-from FILE] [--vae-minutes 22] [--unet-steps 4000]
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="folder for everything that a later run goes on from")
    parser.add_argument("--start-from", type=Path, help="a toy base: keep its autoencoder, go on from its other weights")
    parser.add_argument("--vae-minutes", type=float, default=22)
    parser.add_argument("--unet-steps", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    import torch

    from .latent_scale import fold_latent_scale
    from .run_state import keep_autoencoder
    from .train_unet import learner_of, train_unet
    from .train_vae import train_vae

    torch.set_num_threads(args.threads)
    start = None
    if args.start_from:
        from ...trainer_core.models.checkpoint import load_model

        base = load_model(args.start_from)
        vae, start = base.vae, learner_of(base)
    else:
        vae = train_vae(args.state, args.vae_minutes, args.seed)
        fold_latent_scale(vae)
    keep_autoencoder(args.state, vae)
    train_unet(args.state, vae, args.unet_steps, args.seed, start)


if __name__ == "__main__":
    main()
