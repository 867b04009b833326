"""Trains the toy world's two taggers and writes them with the WD taggers' interface.

python -m lora_workbench.demo.world.train_tagger --state DIR [--which toy_tagger|toy_judge] [--steps 500]

DIR is train_base's folder: its autoencoder gives a part of the pictures, so that drawn pictures are read fairly.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...trainer_core.files import atomic_path, write_atomically
from .tagger_data import RATINGS, augmented, labels, tagger_set
from .tagger_nets import PlainNet, ResidualNet, export_onnx
from .vae_init import make_vae

MODELS = Path(__file__).parents[1] / "models"
PLAIN, DECODED, HELD_OUT = 6000, 256, 300
HELD_OUT_FIRST = 9_000_000
BATCH = 64


@dataclass(frozen=True)
class Kind:
    """What makes one tagger unlike the other."""

    net: type[nn.Module]
    seed: int
    half: int  # its own pictures: every second one, from this on
    learning_rate: float
    strength: float  # of the augmentation


KINDS = {
    "toy_tagger": Kind(PlainNet, 11, 0, 2e-3, 0.8),
    "toy_judge": Kind(ResidualNet, 23, 1, 3e-3, 1.0),
}


def training_set(state: Path, kind: Kind) -> tuple[Tensor, Tensor]:
    """Half of the renders, then half of those through the autoencoder; made once and kept in the state folder."""
    plain = tagger_set(state / "pictures_plain.pt", 0, PLAIN)
    decoded = tagger_set(state / "pictures_decoded.pt", PLAIN, DECODED, load_vae(state))
    own = slice(kind.half, None, 2)
    return torch.cat([plain[0][own], decoded[0][own]]), torch.cat([plain[1][own], decoded[1][own]])


def load_vae(state: Path) -> nn.Module:
    """train_base's autoencoder."""
    vae = make_vae(1)
    vae.load_state_dict(torch.load(state / "vae.pt", weights_only=True)["model"])
    return vae.eval()


def train(kind: Kind, pictures: Tensor, truth: Tensor, steps: int) -> nn.Module:
    """The trained network, in eval mode. Every sixth place in a batch goes to a decoded picture."""
    torch.manual_seed(kind.seed)
    generator = torch.Generator().manual_seed(kind.seed)
    rng = random.Random(f"tagger training {kind.seed}")
    net = kind.net(len(labels()))
    optimizer = torch.optim.AdamW(net.parameters(), lr=kind.learning_rate, weight_decay=0.02, fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = kind.learning_rate * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        picked = [rng.randrange(PLAIN // 2, len(pictures)) if i % 6 == 0 else rng.randrange(PLAIN // 2) for i in range(BATCH)]
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(augmented(pictures[picked], generator, kind.strength)).float()
        loss = F.binary_cross_entropy_with_logits(logits, truth[picked])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} of {steps} loss {loss.item():.4f}", flush=True)
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, pictures: Tensor, truth: Tensor) -> tuple[float, dict[str, float]]:
    """F1 over all tags but ratings, and each such label's share of right answers at a threshold of 0.5."""
    given = net(pictures.permute(0, 3, 1, 2).float() / 127.5 - 1) > 0
    right = (given == (truth > 0.5)).float().mean(dim=0)
    true, seen = truth[:, len(RATINGS) :] > 0.5, given[:, len(RATINGS) :]
    f1 = 2 * (true & seen).sum() / (true.sum() + seen.sum())
    return float(f1), {name: float(right[i]) for i, (name, category) in enumerate(labels()) if category != 9}


def write_tags(path: Path, truth: Tensor) -> None:
    """selected_tags.csv as the WD taggers have it: names with underscores, counts of the training pictures."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["tag_id", "name", "category", "count"])
    counts = np.asarray(truth.sum(dim=0), dtype=int)
    for number, ((name, category), count) in enumerate(zip(labels(), counts, strict=True)):
        writer.writerow([number, name.replace(" ", "_"), category, count])
    write_atomically(path, text.getvalue())


def main() -> None:
    """Reads the command line; trains, measures and writes one tagger or both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True, help="train_base's folder, with its autoencoder")
    parser.add_argument("--which", choices=sorted(KINDS), help="only this one")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=MODELS)
    args = parser.parse_args()
    for name in [args.which] if args.which else sorted(KINDS):
        kind = KINDS[name]
        pictures, truth = training_set(args.state, kind)
        net = train(kind, pictures, truth, args.steps)
        for what, vae in (("plain", None), ("decoded", load_vae(args.state))):
            held_out = tagger_set(args.state / f"pictures_held_out_{what}.pt", HELD_OUT_FIRST, HELD_OUT, vae)
            f1, right = accuracy(net, *held_out)
            worst = sorted(right.items(), key=lambda item: item[1])[:6]
            print(f"{name} {what}: F1 {f1:.3f}; least sure: " + ", ".join(f"{tag} {share:.3f}" for tag, share in worst))
        folder = args.out / name
        write_tags(folder / "selected_tags.csv", truth)
        with atomic_path(folder / "model.onnx") as temporary:
            export_onnx(net, str(temporary))


if __name__ == "__main__":
    main()
