"""Counts the tensors of a training step without their memory, and compares with the forecast.

    python -m lora_workbench.benchmarks.memory_forecast
    python -m lora_workbench.benchmarks.memory_forecast --only sd15_512 sdxl_8gb

The real UNet, text encoders, network and optimizer of the trainer run under torch's FakeTensorMode, where tensors have
shapes and no numbers; every tensor that an operation makes is counted until it is let go. So a machine without a GPU counts
what a GPU would hold: autocast's norms in float32 and attention that keeps no matrix of tokens by tokens take their places.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..trainer_core.forecasts.architecture import architecture_of
from ..trainer_core.forecasts.memory import Load, forecast_memory
from ..trainer_core.losses import batch_loss
from ..trainer_core.models import noise, text
from ..trainer_core.models.build import SIZE_NUMBERS, build
from ..trainer_core.models.checkpoint import Model
from ..trainer_core.models.eight_bit import make_eight_bit
from ..trainer_core.models.families import FAMILIES, identify
from ..trainer_core.models.header import ModelHeader
from ..trainer_core.models.layout import part_names
from ..trainer_core.models.memory import prepare_for_training
from ..trainer_core.models.open_clip import place_info
from ..trainer_core.models.predict import predict
from ..trainer_core.models.tensor_info import TensorInfo
from ..trainer_core.networks import lora
from ..trainer_core.networks.choice import choose_network
from ..trainer_core.networks.network import Network
from ..trainer_core.optimizers import make_optimizer
from ..trainer_core.planning.advice import trained_parts
from ..trainer_core.settings import Settings, read_settings
from .make_checkpoint import checkpoint_shapes

DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_ALWAYS = (
    "--pretrained_model_name_or_path=base.safetensors --train_data_dir=. --output_dir=out --learning_rate=1e-4 --cache_latents"
)
_XL = "--mixed_precision=bf16 --cache_text_encoder_outputs --network_train_unet_only"
_SMALL = f"{_XL} --gradient_checkpointing --optimizer_type=AdamW8bit"


@dataclass(frozen=True)
class Case:
    """A model's size, settings, and a step's pictures, pixels, and pieces of 75 tokens of each caption."""

    name: str
    size: str
    words: str
    pictures: int = 1
    side: int = 512
    pieces: int = 1


CASES = (
    Case("sd15_512", "sd15", "--mixed_precision=bf16 --network_dim=16"),
    Case("sd15_batch4", "sd15", "--mixed_precision=bf16 --network_dim=32 --optimizer_type=AdamW8bit", 4, 512, 3),
    Case("sd15_768", "sd15", "--mixed_precision=fp16 --network_dim=128 --network_train_unet_only", 1, 768),
    Case("sd15_checkpointing", "sd15", "--mixed_precision=bf16 --network_dim=32 --gradient_checkpointing", 2, 768),
    Case("sd15_full", "sd15", "--mixed_precision=no --network_dim=16", 1, 512),
    Case("sd15_c3lier", "sd15", "--mixed_precision=bf16 --network_dim=32 --network_args conv_dim=16", 2, 512),
    Case("sdxl_1024", "sdxl", f"{_XL} --network_dim=32", 1, 1024),
    Case("sdxl_8gb", "sdxl", f"{_SMALL} --network_dim=16 --int8_base", 1, 1024),
    Case("sdxl_checkpointing", "sdxl", f"{_SMALL} --network_dim=128", 4, 1024),
    Case("sdxl_text", "sdxl", "--mixed_precision=bf16 --network_dim=16 --gradient_checkpointing", 1, 1024, 3),
    Case("sdxl_768", "sdxl", f"{_XL} --network_dim=64 --fp8_base", 2, 768),
    Case("sdxl_full", "sdxl", "--mixed_precision=no --cache_text_encoder_outputs --network_train_unet_only --network_dim=16"
         " --gradient_checkpointing --optimizer_type=Lion", 1, 512),
)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """Bytes of tensors: what is held all the time, and the most during a step."""

    weights: int
    network: int
    optimizer: int
    peak: int


class LiveBytes(TorchDispatchMode):
    """Bytes of all tensors that operations have made and that somebody still holds, autograd among them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, torch.Tensor):
                self._take(one.untyped_storage())
        return result

    def _take(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return

        def gone(_reference: Any) -> None:
            self.now -= size
            del self._seen[key]

        self._seen[key] = weakref.ref(storage, gone)
        self.now += size
        self.peak = max(self.peak, self.now)


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Norms and attention as CUDA's autocast and kernels have them, for fake tensors of a CPU."""
    group_norm, layer_norm = F.group_norm, F.layer_norm

    def full(one: Any) -> Any:
        return one.float() if one is not None and torch.is_autocast_enabled("cpu") else one

    def attention(
        q: Any, k: Any, v: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, **more: Any
    ) -> Any:
        if q.dtype == torch.float32:
            efficient = torch.ops.aten._scaled_dot_product_efficient_attention
            return efficient(q, k, v, None, torch.is_grad_enabled(), dropout_p, is_causal, scale=more.get("scale"))[0]
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        return flash(q, k, v, dropout_p, is_causal, scale=more.get("scale"))[0]

    def normed_groups(x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        return group_norm(full(x), groups, full(weight), full(bias), eps)

    def normed_layer(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
        return layer_norm(full(x), shape, full(weight), full(bias), eps)

    with (
        mock.patch.object(F, "group_norm", normed_groups),
        mock.patch.object(F, "layer_norm", normed_layer),
        mock.patch.object(F, "scaled_dot_product_attention", attention),
        mock.patch.object(torch.nn.Module, "to", lambda self, *_: self),
        mock.patch.object(lora, "_initial_down", lambda _target, shape, _seed: torch.empty(shape)),  # no need to draw numbers
        mock.patch("bitsandbytes.functional.create_dynamic_map", lambda **_: torch.empty(256)),
        mock.patch.object(text, "_filled_with_zeros", lambda ids: ids),  # ids are numpy's here: what they are is asked
    ):
        yield


@functools.cache
def header_of(size: str) -> ModelHeader:
    """The header of a checkpoint in half precision, without a file."""
    tensors = {name: TensorInfo(shape, "F16") for name, shape in checkpoint_shapes(size).items()}
    return ModelHeader(Path("base.safetensors"), tensors)


def settings_of(case: Case) -> Settings:
    return read_settings([*_ALWAYS.split(), "--network_module=networks.lora", *case.words.split()], "plan")


def count(case: Case) -> Counted:
    """Runs one step of the case on tensors without numbers."""
    settings, header = settings_of(case), header_of(case.size)
    live = LiveBytes()
    with ExitStack() as modes:
        for mode in (FakeTensorMode(allow_non_fake_inputs=True), live, as_on_a_gpu()):
            modes.enter_context(mode)
        model = _model(settings, header)
        weights = live.now
        choice = choose_network(settings, header)
        prepare_for_training(model, settings, torch.device("cpu"))
        network = Network.of(model, choice.placed, options=choice.options, seed=1)
        network.train()
        own = live.now - weights
        trained = trained_parts(settings)
        parameters = [one for part in trained for one in network.trainable(part)]
        optimizer = _stepped(settings, network, trained, parameters)
        states, live.peak = live.now - weights - own, 0
        loss = _loss(case, settings, model, any(part != "unet" for part in trained))
        loss.backward()
        if settings.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimizer.step()
    noise.alphas_cumprod.cache_clear()
    return Counted(weights, own, states, live.peak)


def _model(settings: Settings, header: ModelHeader) -> Model:
    family, dtype = identify(header), DTYPES[settings.mixed_precision]
    parts = ["unet"] if settings.cache_text_encoder_outputs else FAMILIES[family].parts
    kinds = {part: _eight_bit(settings, part) for part in parts}
    made = {part: _part(header, part, dtype, kinds[part]) for part in parts}
    return Model(made["unet"], made.get("text_encoder"), None, None, family, header.path, 1.0, made.get("text_encoder_2"))  # type: ignore[arg-type]


def _eight_bit(settings: Settings, part: str) -> str | None:
    if settings.int8_base:
        return "int8"
    return "fp8" if settings.fp8_base or (settings.fp8_base_unet and part == "unet") else None


def _part(header: ModelHeader, part: str, dtype: torch.dtype, eight_bit: str | None) -> Any:
    """A part as `checkpoint.load_part` makes it, with tensors without numbers in place of the file's."""
    shapes = {new: place_info(header.tensors, old).shape for new, old in part_names(header, part).items()}
    made = build(part, shapes, header)
    if eight_bit:
        make_eight_bit(made, eight_bit)
    for module in made.modules():
        for name, one in module._parameters.items():
            if one is not None:
                stored = isinstance(module, torch.nn.Embedding) and one.shape[0] > 77 and dtype == torch.float32
                kind = torch.float16 if stored else dtype
                module._parameters[name] = torch.nn.Parameter(torch.empty(one.shape, dtype=kind), requires_grad=False)
        for name, one in module._buffers.items():
            if one is not None:
                module._buffers[name] = torch.empty(one.shape, dtype=one.dtype)
    return made.eval().requires_grad_(False)


def _stepped(settings: Settings, network: Network, trained: Sequence[str], parameters: Sequence[Any]) -> Any:
    """The optimizer after a first step, so that its states are there."""
    optimizer = make_optimizer(settings, [group for part in trained for group in network.groups(part)])  # type: ignore[arg-type]
    for one in parameters:
        one.grad = torch.empty_like(one)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer


def _loss(case: Case, settings: Settings, model: Model, text_trained: bool) -> torch.Tensor:
    """As the loop's `_batch_loss`, with inputs without numbers."""
    pictures, dtype = case.pictures, DTYPES[settings.mixed_precision]
    latents = torch.empty(pictures, 4, case.side // 8, case.side // 8)
    timesteps = torch.zeros(pictures, dtype=torch.long)
    # every piece is another one, so that all of them are encoded
    ids = np.arange(pictures * case.pieces * 77).reshape(pictures, case.pieces, 77)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        if model.text_encoder is None:
            width = model.unet.config.cross_attention_dim
            pooled = None
            if model.family == "sdxl":
                pooled = torch.empty(pictures, model.unet.add_embedding.linear_1.in_features - 6 * SIZE_NUMBERS)
            states = text.TextStates(torch.empty(pictures, case.pieces * 75 + 2, width), pooled)
        else:
            with nullcontext() if text_trained else torch.no_grad():
                states = text.encode_all(model, ids, settings.clip_skip)  # type: ignore[arg-type]
        answer = predict(model, latents, timesteps, states, [[case.side] * 6] * pictures)
    return batch_loss(answer, latents, timesteps, torch.zeros(pictures, dtype=torch.bool), settings)


def count_vae(size: str, side: int) -> tuple[int, int]:
    """The most bytes while the VAE reads a picture, and while it draws one, its weights among them."""
    live, header = LiveBytes(), header_of(size)
    with ExitStack() as modes:
        for mode in (FakeTensorMode(allow_non_fake_inputs=True), live, as_on_a_gpu(), torch.no_grad()):
            modes.enter_context(mode)
        vae = _part(header, "vae", torch.float32, None)
        vae.encode(torch.empty(1, 3, side, side))
        encoding, live.peak = live.peak, 0
        vae.decode(torch.empty(1, 4, side // 8, side // 8))
    return encoding, live.peak


def forecast(case: Case) -> Any:
    """The same from the forecast."""
    settings, header = settings_of(case), header_of(case.size)
    architecture = architecture_of(header, settings.clip_skip)
    load = Load(case.pictures, case.side, case.side, case.pieces * 75 + 2, case.pictures * case.pieces)
    return forecast_memory(architecture, settings, choose_network(settings, header), trained_parts(settings), load)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.memory_forecast", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=[one.name for one in CASES], help="these settings alone")
    given = parser.parse_args(argv)
    print(
        "| settings | weights | network | states | counted peak | forecast | off by |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    worst = 0.0
    for case in CASES:
        if given.only and case.name not in given.only:
            continue
        begun = time.monotonic()
        found, told = count(case), forecast(case)
        off = told.training / found.peak - 1
        worst = max(worst, abs(off))
        shown = [*(_gigabytes(one) for one in (found.weights, found.network, found.optimizer, found.peak, told.training))]
        print(f"| {case.name} | {' | '.join(shown)} | {off:+.1%} |", flush=True)
        print(f"{case.name}: {found}, {told.as_dict()}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(f"\nThe largest difference is {worst:.1%}.")
    if not given.only:
        encoding, drawing = count_vae("sdxl", 1024)
        print(f"SDXL's VAE takes {_gigabytes(encoding)} to read a picture of 1024 px, and {_gigabytes(drawing)} to draw one.")
    return 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3f} GB"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
