"""Trains the toy world's text encoder and UNet together; the second stage of train_base, on latents of the first."""

from __future__ import annotations

import copy
import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from ...trainer_core.models.checkpoint import Model
from ...trainer_core.models.noise import TIMESTEPS, add_noise, snr
from ...trainer_core.models.text import encode, tokenize
from ...trainer_core.models.tokenizer import load_tokenizer
from .creatures import base_creature, render, tags_of
from .detail_map import detail_map
from .run_state import load_state, save_state

PICTURES = 8000
BATCH = 32
LEARNING_RATE = 1e-3
WARMUP = 50
EMA_DECAY = 0.998
CAPTION_DROPOUT, TAG_DROPOUT = 0.1, 0.05
MAX_WEIGHT = 25.0
DETAIL_WEIGHT = 6.0  # how much more a place counts that a small part decides
WORKERS = 2
SCALING_FACTOR = 0.18215
TEXT_HEADS = 8


def make_text_encoder() -> CLIPTextModel:
    """CLIP's text encoder in small: width 64, 3 layers, the full vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=64,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=TEXT_HEADS,
            max_position_embeddings=77,
            hidden_act="quick_gelu",
            projection_dim=64,
            bos_token_id=49406,
            eos_token_id=49407,
            pad_token_id=49407,
        )
    )


def make_unet() -> UNet2DConditionModel:
    """SD 1.x' UNet in small: widths 64, 64, 128, 128, attention on the first three levels, 8 heads."""
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(64, 64, 128, 128),
        cross_attention_dim=64,
        attention_head_dim=8,
        norm_num_groups=32,
    )


class Learner(nn.Module):
    """What is trained together."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.text_encoder, self.unet = make_text_encoder(), make_unet()

    def forward(self, noisy: Tensor, timesteps: Tensor, ids: Tensor) -> Tensor:
        """The predicted noise; noisy [B, 4, 16, 16], timesteps [B], ids [B, 1, 77]."""
        return self.unet(noisy, timesteps, encode(self.text_encoder, ids)).sample


def learner_of(base: Model) -> Learner:
    """The text encoder and UNet of a base model, to be trained on."""
    learner = Learner(0)
    learner.text_encoder.load_state_dict(base.text_encoder.state_dict())
    learner.unet.load_state_dict(base.unet.state_dict())
    return learner


@torch.no_grad()
def latent_cache(path: Path, vae: AutoencoderKL, count: int = PICTURES) -> tuple[Tensor, Tensor]:
    """Means and standard deviations [count, 4, 16, 16] of the base's training pictures, kept in a file."""
    if path.exists():
        kept = torch.load(path, weights_only=True)
        return kept["mean"], kept["std"]
    means, stds = [], []
    for start in range(0, count, 32):
        pictures = [
            torch.frombuffer(bytearray(render(base_creature(i)).tobytes()), dtype=torch.uint8) for i in range(start, start + 32)
        ]
        batch = torch.stack(pictures).view(-1, 128, 128, 3).permute(0, 3, 1, 2).float() / 127.5 - 1
        posterior = vae.encode(batch).latent_dist
        means.append(posterior.mean * SCALING_FACTOR)
        stds.append(posterior.std * SCALING_FACTOR)
    mean, std = torch.cat(means), torch.cat(stds)
    torch.save({"mean": mean, "std": std}, path)
    return mean, std


def detail_cache(path: Path, count: int = PICTURES) -> Tensor:
    """Weights [count, 1, 16, 16] of each place of a picture, at least 1 and larger where small parts are; kept in a file."""
    if not path.exists():
        maps = torch.stack([torch.from_numpy(detail_map(base_creature(i))) for i in range(count)])
        torch.save(maps.half().unsqueeze(1), path)
    return 1 + DETAIL_WEIGHT * torch.load(path, weights_only=True).float()


def caption_of(seed: int, rng: random.Random) -> str:
    """A training caption: the tags in random order, some or all of them left out."""
    if rng.random() < CAPTION_DROPOUT:
        return ""
    tags = [tag for tag in tags_of(base_creature(seed)) if rng.random() >= TAG_DROPOUT]
    rng.shuffle(tags)
    return ", ".join(tags)


def _spread_timesteps(count: int) -> Tensor:
    """One timestep from each of `count` equal parts of the range, in random order: less chance in a batch's loss."""
    return ((torch.randperm(count) + torch.rand(count)) * (TIMESTEPS / count)).long().clamp(max=TIMESTEPS - 1)


def _weights(timesteps: Tensor) -> Tensor:
    """As if velocity were predicted, up to MAX_WEIGHT: what the caption decides is decided where the noise is strong."""
    ratio = snr(timesteps)
    return ((ratio + 1) / ratio).clamp(max=MAX_WEIGHT)


def _loss_and_gradients(
    learner: Learner, noisy: Tensor, timesteps: Tensor, ids: Tensor, noise: Tensor, weights: Tensor
) -> tuple[float, tuple[Tensor, ...]]:
    """`weights` is [B, 1, 16, 16]."""
    loss = ((learner(noisy, timesteps, ids) - noise).square() * weights).mean()
    return loss.item(), torch.autograd.grad(loss, list(learner.parameters()))


def train_unet(state_dir: Path, vae: AutoencoderKL, steps: int, seed: int, start: Learner | None = None) -> Learner:
    """Trains to `steps` (cosine, so the rate ends at zero); goes on from a saved state. Returns the averaged weights.

    `start` gives the first weights; without it they are random.
    """
    mean, std = latent_cache(state_dir / "latents.pt", vae)
    details = detail_cache(state_dir / "details.pt")
    learner = start or Learner(seed)
    average = copy.deepcopy(learner).requires_grad_(False)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=LEARNING_RATE, weight_decay=0.01, fused=True)
    step, spent = load_state(state_dir / "unet.pt", learner, optimizer)
    if (state_dir / "unet_average.pt").exists():
        average.load_state_dict(torch.load(state_dir / "unet_average.pt", weights_only=True))
    tokenizer = load_tokenizer()
    # Two threads with half a batch each took 1.5 s a step, one batch whose every operator is split in two 2.0 s.
    pool = ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,))
    last, running = time.monotonic(), None
    while step < steps:
        rng = random.Random(f"unet {seed} {step}")
        torch.manual_seed(seed * 1_000_003 + step)
        rate = LEARNING_RATE * min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        picked = [rng.randrange(len(mean)) for _ in range(BATCH)]
        ids = tokenize(tokenizer, [caption_of(i, rng) for i in picked])
        latents = mean[picked] + std[picked] * torch.randn_like(mean[picked])
        noise = torch.randn_like(latents)
        timesteps = _spread_timesteps(BATCH)
        noisy = add_noise(latents, noise, timesteps)
        weights = _weights(timesteps).view(-1, 1, 1, 1) * details[picked]
        halves = [part.chunk(WORKERS) for part in (noisy, timesteps, ids, noise, weights)]
        results = list(pool.map(lambda *half: _loss_and_gradients(learner, *half), *halves))
        loss = sum(one[0] for one in results) / WORKERS
        for parameter, *gradients in zip(learner.parameters(), *(one[1] for one in results), strict=True):
            parameter.grad = sum(gradients) / WORKERS
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        decay = min(EMA_DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), 1 - decay)
        running = loss if running is None else 0.98 * running + 0.02 * loss
        now = time.monotonic()
        spent, last = spent + now - last, now
        if step % 20 == 0:
            print(f"unet step {step} of {steps} {spent:.0f}s lr {rate:.1e} loss {running:.4f}", flush=True)
        if step % 100 == 0 or step == steps:
            torch.save(average.state_dict(), state_dir / "unet_average.part")
            (state_dir / "unet_average.part").replace(state_dir / "unet_average.pt")
            save_state(state_dir / "unet.pt", learner, optimizer, step, spent)
    return average
