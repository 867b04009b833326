"""Captions to text states: chunks of 75 tokens, clip skip, and no work whose result is dropped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from .tokenizer import ClipTokenizer, count_tokens, load_tokenizer

__all__ = ["count_tokens", "encode", "load_tokenizer", "text_model", "tokenize"]


def tokenize(tokenizer: ClipTokenizer, captions: Sequence[str], max_token_length: int | None = None) -> torch.Tensor:
    """LongTensor [B, n, 77], n = 1 (75 tokens), 2 (150) or 3 (225)."""
    return torch.tensor([tokenizer.chunks(caption, max_token_length) for caption in captions], dtype=torch.long)


def text_model(text_encoder: nn.Module) -> nn.Module:
    """The transformer itself: newer transformers flattened CLIPTextModel, older ones keep it under `text_model`."""
    return getattr(text_encoder, "text_model", text_encoder)


def encode(text_encoder: nn.Module, ids: torch.Tensor, clip_skip: int | None = None) -> torch.Tensor:
    """Text states [B, 77, C] for one chunk, [B, n*75+2, C] for n.

    ids: [B, n, 77]. clip_skip n takes the state before the last n-1 layers, which are not run, then the final norm.
    Chunks that are equal (mostly the empty ones of long limits) are encoded once.
    """
    batch, chunks, length = ids.shape
    places: dict[tuple[int, ...], int] = {}
    order = [places.setdefault(tuple(chunk), len(places)) for chunk in ids.reshape(-1, length).tolist()]
    model = text_model(text_encoder)
    device = model.embeddings.token_embedding.weight.device
    states = _run(model, torch.tensor(list(places), dtype=torch.long, device=device), clip_skip)
    if len(places) < len(order):
        states = states.index_select(0, torch.tensor(order, device=device))
    if chunks == 1:
        return states
    states = states.view(batch, chunks, length, -1)
    inner = states[:, :, 1:-1].reshape(batch, chunks * (length - 2), -1)
    return torch.cat([states[:, 0, :1], inner, states[:, -1, -1:]], dim=1)


def _run(model: nn.Module, ids: torch.Tensor, clip_skip: int | None) -> torch.Tensor:
    layers = model.encoder.layers
    count = len(layers) - ((clip_skip or 1) - 1)
    if count < 1:
        raise ValueError(f"clip_skip {clip_skip} leaves no layer of the {len(layers)}")
    states = model.embeddings(input_ids=ids)
    saves_memory = getattr(model, "gradient_checkpointing", False) and torch.is_grad_enabled()
    for layer in layers[:count]:
        if saves_memory:
            states = checkpoint(layer, states, None, is_causal=True, use_reentrant=False)
        else:
            states = layer(states, None, is_causal=True)
        if isinstance(states, tuple):
            states = states[0]
    return model.final_layer_norm(states)
