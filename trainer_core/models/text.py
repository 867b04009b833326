"""Captions to text states: chunks of 75 tokens, clip skip, and no work whose result is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from .families import FAMILIES, TextFacts
from .tokenizer import EOS, ClipTokenizer, count_tokens, load_tokenizer

__all__ = [
    "TextStates",
    "count_tokens",
    "encode",
    "encode_all",
    "encode_each",
    "joined",
    "load_tokenizer",
    "text_model",
    "tokenize",
    "tokenize_weighted",
]

_CLIP = FAMILIES["sd1"].text[0]


@dataclass(frozen=True)
class TextStates:
    """What a UNet is told of captions: states [B, T, C] and, with SDXL, one pooled state each [B, P]."""

    states: torch.Tensor
    pooled: torch.Tensor | None = None

    def to(self, *target: Any) -> TextStates:
        """The same on another device, in another dtype, or both."""
        return TextStates(self.states.to(*target), None if self.pooled is None else self.pooled.to(*target))


def tokenize(tokenizer: ClipTokenizer, captions: Sequence[str], max_token_length: int | None = None) -> torch.Tensor:
    """LongTensor [B, n, 77], n = 1 (75 tokens), 2 (150) or 3 (225)."""
    return torch.tensor([tokenizer.chunks(caption, max_token_length) for caption in captions], dtype=torch.long)


def tokenize_weighted(
    tokenizer: ClipTokenizer, captions: Sequence[str], max_token_length: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [B, n, 77] of captions with weights such as (red hat:1.2), and each token's weight [B, n, 77]."""
    both = [tokenizer.weighted_chunks(caption, max_token_length) for caption in captions]
    return torch.tensor([ids for ids, _ in both], dtype=torch.long), torch.tensor([weights for _, weights in both])


def text_model(text_encoder: nn.Module) -> nn.Module:
    """The transformer itself: newer transformers flattened CLIPTextModel, older ones keep it under `text_model`."""
    return getattr(text_encoder, "text_model", text_encoder)


def encode_all(model: Any, ids: torch.Tensor, clip_skip: int | None = None, weights: torch.Tensor | None = None) -> TextStates:
    """What all of a model's text encoders make of ids [B, n, 77]: their states side by side, and the pooled state.

    weights: each token's [B, n, 77]: its state is multiplied by it, and the chunk's mean brought back to what it was, as webui
    does; the pooled state stays without. SDXL's encoders give the state before their last layer, whatever `clip_skip` is, as
    webui takes it.
    """
    return joined(encode_each(model, ids, clip_skip, weights))


def encode_each(
    model: Any, ids: torch.Tensor, clip_skip: int | None = None, weights: torch.Tensor | None = None
) -> list[TextStates]:
    """What each of a model's text encoders makes of the ids."""
    return [_encode(getattr(model, facts.part), ids, clip_skip, facts, weights) for facts in model.facts.text]


def joined(found: Sequence[TextStates]) -> TextStates:
    """Text encoders' states side by side, and the pooled state of the one that has it."""
    pooled = next((one.pooled for one in found if one.pooled is not None), None)
    states = found[0].states if len(found) == 1 else torch.cat([one.states for one in found], dim=-1)
    return TextStates(states, pooled)


def encode(text_encoder: nn.Module, ids: torch.Tensor, clip_skip: int | None = None) -> torch.Tensor:
    """States [B, 77, C] for one chunk, [B, n*75+2, C] for n, of SD 1.x's text encoder.

    ids: [B, n, 77]. clip_skip n takes the state before the last n-1 layers, which are not run, then the final norm.
    """
    return _encode(text_encoder, ids, clip_skip, _CLIP).states


def _encode(
    text_encoder: nn.Module, ids: torch.Tensor, clip_skip: int | None, facts: TextFacts, weights: torch.Tensor | None = None
) -> TextStates:
    """Chunks that are equal (mostly the empty ones of long limits) are encoded once. The first chunk's pooled state counts."""
    batch, chunks, length = ids.shape
    ids = _filled_with_zeros(ids) if facts.open_clip else ids
    places: dict[tuple[int, ...], int] = {}
    order = [places.setdefault(tuple(chunk), len(places)) for chunk in ids.reshape(-1, length).tolist()]
    model = text_model(text_encoder)
    device = model.embeddings.token_embedding.weight.device
    distinct = torch.tensor(list(places), dtype=torch.long, device=device)
    states, last = _run(model, distinct, clip_skip, facts)
    pooled = _pooled(model, last, distinct) if last is not None else None
    if pooled is not None:
        pooled = pooled.index_select(0, torch.tensor(order[::chunks], device=device))
    if len(places) < len(order):
        states = states.index_select(0, torch.tensor(order, device=device))
    if weights is not None and bool((weights != 1).any()):
        states = _weighted(states, weights.reshape(-1, length, 1).to(device))
    if chunks > 1:
        states = states.view(batch, chunks, length, -1)
        inner = states[:, :, 1:-1].reshape(batch, chunks * (length - 2), -1)
        states = torch.cat([states[:, 0, :1], inner, states[:, -1, -1:]], dim=1)
    return TextStates(states, pooled)


def _weighted(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """States [chunks, 77, C] times weights [chunks, 77, 1], each chunk's mean brought back to what it was."""
    plain = states.float()
    changed = plain * weights
    factor = plain.mean(dim=(1, 2), keepdim=True) / changed.mean(dim=(1, 2), keepdim=True)
    return (changed * factor).to(states.dtype)


def _filled_with_zeros(ids: torch.Tensor) -> torch.Tensor:
    """OpenCLIP's models were trained with 0 behind the end mark, CLIP's with more end marks."""
    behind = (ids == EOS).long().cumsum(-1) - (ids == EOS).long() > 0
    return ids.masked_fill(behind, 0)


def _run(
    model: nn.Module, ids: torch.Tensor, clip_skip: int | None, facts: TextFacts
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The states [B, 77, C] that are asked for, and those of the very last layer where the pooled state is made of them."""
    layers = model.encoder.layers
    count = len(layers) - (1 if facts.penultimate else (clip_skip or 1) - 1)
    if count < 1:
        raise ValueError(f"clip_skip {clip_skip} leaves no layer of the {len(layers)}")
    states = model.embeddings(input_ids=ids)
    for layer in layers[:count]:
        states = _layer(model, layer, states)
    last = None
    if facts.pooled:
        last = states
        for layer in layers[count:]:
            last = _layer(model, layer, last)
        last = model.final_layer_norm(last)
    return (states if facts.penultimate else model.final_layer_norm(states)), last


def _layer(model: nn.Module, layer: nn.Module, states: torch.Tensor) -> torch.Tensor:
    if getattr(model, "gradient_checkpointing", False) and torch.is_grad_enabled():
        states = checkpoint(layer, states, None, is_causal=True, use_reentrant=False)
    else:
        states = layer(states, None, is_causal=True)
    return states[0] if isinstance(states, tuple) else states


def _pooled(model: nn.Module, last: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """[B, P]: the normed last state at the first end mark, projected."""
    ends = (ids == EOS).int().argmax(dim=-1)
    return model.text_projection(last[torch.arange(len(last), device=last.device), ends])
