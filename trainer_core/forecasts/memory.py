"""How much memory a run's tensors take at their peak: arithmetic, no model is loaded. docs/forecasts.md derives the constants.

A training step's peak is the largest of: the end of the forward, with all that autograd keeps; each block's backward, with
the gradients so far; the optimizer's step, with all gradients. Before it, and between, the VAE reads and draws pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..networks.choice import Choice, Placed
from ..settings import Settings
from .activations import FULL, Computed, Kept, Trained, numbers_of, text_kept, unet_kept
from .architecture import Architecture
from .optimizer_bytes import state_bytes

# Tensors of a picture's full size and of the VAE's first width that the encoder holds at once, and of its second width that
# the decoder holds: counted with the real classes, in float32.
ENCODER_WIDTHS, DECODER_WIDTHS = 5, 3
_END_WORK = 2  # float32 tensors of the first width beside what is kept when the UNet's last block is done
_REBUILT_WORK = 6  # float32 copies of the largest weight while a kind that changes the whole weight is trained


@dataclass(frozen=True)
class Load:
    """What a step works on, from the plan: pictures at once, the largest size, and the longest caption's tokens and chunks.

    drawn: pixels of the sample pictures that are drawn at once.
    """

    pictures: int
    height: int
    width: int
    tokens: int
    chunks: int
    drawn: int = 0


@dataclass(frozen=True)
class Memory:
    """Bytes of tensors at the peak. `parts` sum to `training`; `encoding` and `drawing`: the other phases' peaks, 0 without.

    device: "gpu" as modelled. Not counted: what CUDA itself and its allocator take.
    """

    parts: Mapping[str, int]
    encoding: int
    drawing: int

    @property
    def training(self) -> int:
        return sum(self.parts.values())

    @property
    def peak(self) -> int:
        return max(self.training, self.encoding, self.drawing)

    def as_dict(self) -> dict[str, Any]:
        return {
            "bytes": self.peak,
            "parts": dict(self.parts),
            "encoding": self.encoding,
            "drawing": self.drawing,
            "training": self.training,
        }


def forecast_memory(
    architecture: Architecture, settings: Settings, choice: Choice, trained: Sequence[str], load: Load
) -> Memory:
    """The memory of a run on a GPU; `trained`: the parts that learn."""
    element = 2 if settings.mixed_precision in ("fp16", "bf16") else FULL
    how = Computed(
        load.pictures,
        load.height,
        load.width,
        element,
        load.tokens,
        load.chunks,
        eight_bit_unet=settings.int8_base or settings.fp8_base or settings.fp8_base_unet,
        eight_bit_text=settings.int8_base or settings.fp8_base,
    )
    learning = [one for one in choice.placed if one.target.part in trained]
    text_parts = [] if settings.cache_text_encoder_outputs else [one.facts.part for one in architecture.text]
    weights = architecture.weight_bytes("unet", element, how.eight_bit_unet)
    weights += sum(architecture.weight_bytes(part, element, how.eight_bit_text) for part in text_parts)
    vae = architecture.weight_bytes("vae", FULL, False)
    if not settings.cache_latents or (settings.sample_prompts and (settings.highvram or settings.lowram)):
        weights += vae
    network = FULL * sum(numbers_of(one.shapes) for one in choice.placed)
    optimizer = state_bytes(settings, learning)
    average = FULL * sum(numbers_of(one.shapes) for one in learning) if settings.ema_decay else 0
    activations, gradients = step_peak(architecture, settings, learning, trained, how)
    parts = {
        "weights": weights,
        "network": network + average,
        "optimizer": optimizer,
        "gradients": gradients,
        "activations": activations,
    }
    pixels = load.height * load.width
    first, second = _vae_widths(architecture)
    encoding = vae + ENCODER_WIDTHS * FULL * first * pixels
    drawing = weights + network + optimizer + vae + DECODER_WIDTHS * FULL * second * load.drawn if load.drawn else 0
    if not settings.cache_latents:
        encoding += weights - vae + network + optimizer
    return Memory(parts, encoding, drawing)


def _vae_widths(architecture: Architecture) -> tuple[int, int]:
    """Channels of the VAE's encoder and decoder at full size."""
    shapes, level = architecture.shapes["vae"], 0
    while f"decoder.up_blocks.{level + 1}.resnets.0.conv1.weight" in shapes:
        level += 1
    first = shapes.get("encoder.conv_in.weight", (0,))[0]
    return first, shapes.get(f"decoder.up_blocks.{level}.resnets.0.conv1.weight", (0, 0))[1]


def step_peak(
    architecture: Architecture, settings: Settings, learning: Sequence[Placed], trained: Sequence[str], how: Computed
) -> tuple[int, int]:
    """(activations, gradients) in bytes at the moment of a step when both together are most."""
    kept = _all_kept(architecture, learning, trained, how, 2 if settings.prior_preservation else 1)
    checkpoints = settings.gradient_checkpointing
    gradients = FULL * sum(one.numbers for one in kept)
    before = gradients if settings.gradient_accumulation_steps > 1 else 0
    held = sum(_held(one, checkpoints) for one in kept)
    end = _END_WORK * FULL * how.pixels(0) * architecture.first_width
    extra = _weight_work(architecture, learning, how)
    best = (held + end, before)
    found, skips = before, 0
    for one in reversed(kept):
        now = held + skips + one.work + (one.again if checkpoints else 0) + (extra if one.work else 0)
        best = max(best, (now, max(found, before)), key=sum)
        held -= _held(one, checkpoints)
        found, skips = (found if before else found + FULL * one.numbers), skips + one.skip
    return max(best, (0, gradients), key=sum)


def _all_kept(
    architecture: Architecture, learning: Sequence[Placed], trained: Sequence[str], how: Computed, times: int
) -> list[Kept]:
    """What all units keep in the order in which they run; `times`: how often the UNet is asked with gradients in a step."""
    text: list[Kept] = []
    for encoder in architecture.text:
        part = encoder.facts.part
        if any(one in trained for one in ("text_encoder", "text_encoder_2")):
            text += text_kept(encoder, how, Trained(learning, part, part in trained))
    unet = unet_kept(architecture, how, Trained(learning, "unet", "unet" in trained), bool(text))
    first = architecture.first_width * how.pixels(0)
    last = Kept(0, beside=(2 * FULL + how.element) * first)
    return [*text, *[*unet, last] * times]


def _held(one: Kept, checkpoints: bool) -> int:
    return one.beside + (one.entry if checkpoints else one.inside)


def _weight_work(architecture: Architecture, learning: Sequence[Placed], how: Computed) -> int:
    """Whole weights that exist for a moment: those made of 8 bits, and those of kinds that change the whole weight."""
    work = how.element * architecture.largest_weight("unet") if how.eight_bit_unet else 0
    rebuilt = [one for one in learning if one.shapes.keys() != {"lora_down.weight", "lora_up.weight"}]
    changed = max((one.target.in_ * one.target.out * one.target.kernel**2 for one in rebuilt), default=0)
    return work + _REBUILT_WORK * FULL * changed
