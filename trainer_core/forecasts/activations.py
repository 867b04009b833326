"""What autograd keeps of each block until its gradients come, in bytes: arithmetic over widths, pixels and tokens.

What is modelled is a GPU: PyTorch's autocast there runs norms in float32 and products in 16 bits, and its attention (flash, or
the memory-efficient one in float32) keeps queries, keys, values and output, but no matrix of tokens by tokens. The letters
of docs/forecasts.md: P pixels or tokens of all pictures, C channels, a bytes of a number as computed with (2 or 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..networks.choice import Placed
from .architecture import Architecture, Attention, Resample, Resnet, TextEncoder, Unit

FULL = 4  # bytes of a float32
_PLAIN = {"lora_down.weight", "lora_up.weight"}
# Tensors of P·C numbers that come on top while a block's gradients are computed: behind a resnet's second convolution one in
# float32 and its SiLU's; in an MLP those of GEGLU's product, of both its factors, and of the block's output.
RESNET_WORK, BLOCK_WORK = 2, 10


@dataclass(frozen=True)
class Kept:
    """What a unit keeps until its gradients come. `inside`: what gradient checkpointing doesn't keep but computes again, of
    that at most `again` at once; `entry`: what it keeps in its place, the inputs.

    `beside`: kept whatever checkpointing does; `work`: what comes on top while its gradients are computed; `numbers`: trained
    numbers in it; `skip`: bytes of a gradient that waits for the other end of a skip.
    """

    inside: int
    again: int = 0
    entry: int = 0
    beside: int = 0
    work: int = 0
    numbers: int = 0
    skip: int = 0


@dataclass(frozen=True)
class Computed:
    """How a run computes: `pictures` at once of `height` × `width` pixels, `element` bytes a number, weights in 8 bits or not.

    tokens: of a caption's states; chunks: different pieces of 77 tokens that the text encoders see at a step.
    """

    pictures: int
    height: int
    width: int
    element: int
    tokens: int
    chunks: int
    eight_bit_unet: bool
    eight_bit_text: bool

    def pixels(self, down: int) -> int:
        """Pixels of all latents, halved `down` times."""
        height, width = self.height // 8, self.width // 8
        for _ in range(down):
            height, width = -(-height // 2), -(-width // 2)
        return self.pictures * height * width

    @property
    def casts(self) -> bool:
        """Whether norms and products are computed in different precisions, so that copies are made."""
        return self.element < FULL


class Trained:
    """Which modules of one part have trained numbers."""

    def __init__(self, placed: Iterable[Placed], part: str, active: bool) -> None:
        self._own = {one.target.module: one for one in placed if one.target.part == part} if active else {}
        self._within: dict[str, list[Placed]] = {}
        for name, one in self._own.items():
            words = name.split(".")
            for end in range(1, len(words) + 1):
                self._within.setdefault(".".join(words[:end]), []).append(one)

    def __bool__(self) -> bool:
        return bool(self._own)

    def __contains__(self, name: str) -> bool:
        return name in self._own

    def within(self, unit: str) -> list[Placed]:
        return self._within.get(unit, [])

    def numbers(self, unit: str) -> int:
        return sum(numbers_of(one.shapes) for one in self.within(unit))

    def beside_products(self, name: str, rows: int, element: int) -> int:
        """What a module's own path keeps beside its input: `rank` numbers a row, and its factors in 16 bits."""
        one = self._own.get(name)
        if one is None or one.shapes.keys() != _PLAIN:
            return 0
        copies = element * numbers_of(one.shapes) if element < FULL else 0
        return element * rows * one.rank + copies


def numbers_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many numbers tensors of these shapes hold."""
    return sum(math.prod(shape) for shape in shapes.values())


def unet_kept(architecture: Architecture, how: Computed, trained: Trained, text_trained: bool) -> list[Kept]:
    """What each unit of the UNet keeps, in the order in which they run.

    Up to the first trained module nothing is kept: no gradient goes further.
    """
    kept, reached = [], False
    for unit in architecture.units:
        one = _unit(unit, how, trained, reached, architecture)
        if not reached and not trained.within(unit.name) and not (text_trained and isinstance(unit, Attention)):
            one = Kept(0)
        else:
            reached = True
        kept.append(one)
    return kept


def _unit(unit: Unit, how: Computed, trained: Trained, reached: bool, architecture: Architecture) -> Kept:
    if isinstance(unit, Resnet):
        return _resnet(unit, how, trained)
    if isinstance(unit, Attention):
        return _attention(unit, how, trained, reached, architecture)
    return _resample(unit, how, trained)


def _convolution_input(name: str, how: Computed, trained: Trained, values: int, at_hand: bool) -> int:
    """Bytes of a convolution's input: the frozen one keeps it (in 8 bits it doesn't), a trained module has a copy of its own.

    at_hand: it is already in the precision of the product, so that both keep the same tensor.
    """
    frozen, own = not how.eight_bit_unet, name in trained
    shared = at_hand or not how.casts
    return how.element * values * (min(1, frozen + own) if shared else frozen + own)


def _resnet(unit: Resnet, how: Computed, trained: Trained) -> Kept:
    pixels, a = how.pixels(unit.down), how.element
    inside = 0
    for name, width in ((f"{unit.name}.conv1", unit.inside), (f"{unit.name}.conv2", unit.out)):
        inside += 2 * FULL * pixels * width  # the norm's input and, before SiLU, its output, both in float32
        inside += _convolution_input(name, how, trained, pixels * width, at_hand=False)
        inside += trained.beside_products(name, pixels, a)
    inside += trained.beside_products(f"{unit.name}.conv_shortcut", pixels, a)
    again, entry = inside, a * pixels * unit.inside
    if not how.casts:
        again -= entry  # the norm's input is what checkpointing keeps
    elif unit.shortcut:
        inside += _convolution_input(f"{unit.name}.conv_shortcut", how, trained, pixels * unit.inside, at_hand=True)
    # At the first SiLU's gradient: it, its own, the norm's input and output in float32, and the shortcut's gradient.
    early = (4 * FULL + a) * pixels * unit.inside - again
    return Kept(
        inside=inside,
        again=again,
        entry=entry,
        work=max(RESNET_WORK * FULL * pixels * unit.out, early),
        numbers=trained.numbers(unit.name),
        skip=a * pixels * unit.inside if unit.skip else 0,
    )


def _resample(unit: Resample, how: Computed, trained: Trained) -> Kept:
    pixels = how.pixels(unit.down) * (4 if unit.up else 1)
    out = how.pixels(unit.down + (-1 if unit.up else 1))
    beside = _convolution_input(unit.name, how, trained, pixels * unit.width, at_hand=True)
    beside += trained.beside_products(unit.name, out, how.element)
    return Kept(inside=0, beside=beside, numbers=trained.numbers(unit.name))


def _attention(unit: Attention, how: Computed, trained: Trained, reached: bool, architecture: Architecture) -> Kept:
    pixels, a = how.pixels(unit.down), how.element
    values = pixels * unit.width
    entrance, end = f"{unit.name}.proj_in", f"{unit.name}.proj_out"
    beside = FULL * values if reached else 0  # the norm's input
    if unit.linear:
        beside += a * values * ((entrance in trained) + (end in trained))
    else:
        beside += _convolution_input(entrance, how, trained, values, at_hand=False) - (0 if reached else a * values)
        beside += _convolution_input(end, how, trained, values, at_hand=True)
    beside += sum(trained.beside_products(name, pixels, a) for name in (entrance, end))
    blocks = [_block(f"{unit.name}.transformer_blocks.{number}", unit, how, trained, pixels) for number in range(unit.depth)]
    return Kept(
        inside=sum(blocks),
        again=max(blocks) - (0 if how.casts else a * values),  # in float32 a norm's input is what checkpointing keeps
        entry=a * values * unit.depth,
        beside=beside,
        work=BLOCK_WORK * a * values,
        numbers=trained.numbers(unit.name),
    )


def _block(name: str, unit: Attention, how: Computed, trained: Trained, pixels: int) -> int:
    """One transformer block: self-attention, cross-attention and MLP, each behind a norm."""
    a, values = how.element, pixels * unit.width
    states = how.pictures * how.tokens
    total = 3 * FULL * values  # the norms' inputs

    def inputs(names: tuple[str, ...]) -> int:
        """A norm's output as the trained modules keep it: each its own copy in 16 bits, or all the same in float32."""
        count = sum(f"{name}.{one}" in trained for one in names)
        return a * values * (count if how.casts else min(count, 1))

    total += inputs(("attn1.to_q", "attn1.to_k", "attn1.to_v")) + inputs(("attn2.to_q",)) + inputs(("ff.net.0.proj",))
    lengths = FULL * pixels * unit.heads  # logarithms of softmax' sums
    total += 4 * a * values + lengths  # queries, keys, values, output
    total += 2 * a * values + 2 * a * states * unit.width + lengths
    hidden = a * pixels * unit.hidden
    total += 3 * hidden  # GEGLU's two halves and the GELU of one
    total += hidden if f"{name}.ff.net.2" in trained else 0
    rows = {"attn2.to_k": states, "attn2.to_v": states}
    modules = [one.target.module.removeprefix(f"{name}.") for one in trained.within(name)]
    return total + sum(trained.beside_products(f"{name}.{one}", rows.get(one, pixels), a) for one in modules)


def text_kept(encoder: TextEncoder, how: Computed, trained: Trained) -> list[Kept]:
    """What each layer of a text encoder that is trained keeps."""
    a, tokens = how.element, how.chunks * 77
    values, hidden = tokens * encoder.width, a * tokens * encoder.hidden
    kept = []
    for layer in range(encoder.layers):
        name = f"encoder.layers.{layer}"

        def inputs(*names: str, at: str = name) -> int:
            count = sum(f"{at}.{one}" in trained for one in names)
            return a * values * (count if how.casts else min(count, 1))

        inside = 2 * FULL * values + inputs("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj") + inputs("mlp.fc1")
        inside += 4 * a * values
        # OpenCLIP's GELU keeps its input; CLIP's, x·sigmoid(1.702x), the sigmoid too
        inside += hidden * (1 if encoder.facts.open_clip else 2) + (hidden if f"{name}.mlp.fc2" in trained else 0)
        modules = [one.target.module for one in trained.within(name)]
        inside += sum(trained.beside_products(one, tokens, a) for one in modules)
        kept.append(Kept(inside, again=inside, entry=a * values, numbers=trained.numbers(name)))
    return kept
