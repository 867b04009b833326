"""Writes the base model from a training's state folder, whether the training has ended or not.

python -m lora_workbench.demo.world.export_base --state DIR [--out demo/models/toy_base.safetensors]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from ...trainer_core.models.tokenizer import BOS, EOS, load_tokenizer
from .creatures import world
from .ldm_file import write_ldm_file
from .train_unet import TEXT_HEADS, Learner
from .vae_init import make_vae

USUAL_LENGTH = 0.5  # trained words have 0.2 to 0.45
NOT_TAGS = ("context_kinds", "held_back")
OUT = Path(__file__).parents[1] / "models" / "toy_base.safetensors"


def export_base(state: Path, out: Path = OUT) -> Path:
    """Puts the averaged weights of text encoder and UNet together with the autoencoder."""
    vae = make_vae(1)
    vae.load_state_dict(torch.load(state / "vae_finished.pt", weights_only=True))
    learner = Learner(1)
    learner.load_state_dict(torch.load(state / "unet_average.pt", weights_only=True))
    lift_unused_tokens(learner.text_encoder.embeddings.token_embedding.weight)
    return write_ldm_file(out, learner.text_encoder, learner.unet, vae, TEXT_HEADS)


@torch.no_grad()
def lift_unused_tokens(table: Tensor) -> None:
    """Gives the words that the toy world doesn't have a usual length; `table` is [words, width].

    They were never trained and are as short as they were drawn. A new creature's name would hardly be heard beside trained
    words; in CLIP, which was trained on all of them, words are about equally long.
    """
    tokenizer = load_tokenizer()
    kinds = [kind for kind in world() if kind not in NOT_TAGS]
    used = {number for kind in kinds for tag in world()[kind] for number in tokenizer.ids(f"{tag}, ")} | {BOS, EOS}
    unused = torch.ones(len(table), dtype=torch.bool)
    unused[sorted(used)] = False
    table[unused] *= USUAL_LENGTH / table[unused].norm(dim=1).mean()


def main() -> None:
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="train_base's folder")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    path = export_base(args.state, args.out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
