"""Prompts as webui reads them: weights, escapes, BREAK, chunks of 75 tokens that end at a comma where one is near."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch

from ..models.prompt_weights import weighted_parts
from ..models.text import TextStates, encode_each, joined
from ..models.tokenizer import BOS, CHUNK, EOS, ClipTokenizer

COMMA = 267
NEAR = 20  # a comma at most so many tokens back is where a full chunk ends
_BREAK = re.compile(r"\s*\bBREAK\b\s*", re.DOTALL)


@dataclass(frozen=True)
class Chunk:
    """75 token ids between start and end mark, and each one's weight."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def prompt_chunks(tokenizer: ClipTokenizer, prompt: str) -> list[Chunk]:
    """At least one chunk. BREAK begins a new one."""
    chunks: list[list[tuple[int, float]]] = [[]]
    comma = -1  # where the chunk's last comma is
    for text, weight in weighted_parts(prompt):
        for number, part in enumerate(_BREAK.split(text)):
            if number:
                chunks.append([])
                comma = -1
            for token in tokenizer.ids(part):
                chunk = chunks[-1]
                if len(chunk) == CHUNK:
                    moved = chunk[comma + 1 :] if token != COMMA and comma >= 0 and CHUNK - comma <= NEAR else []
                    del chunk[CHUNK - len(moved) :]
                    chunks.append(chunk := moved)
                    comma = -1
                if token == COMMA:
                    comma = len(chunk)
                chunk.append((token, weight))
    if len(chunks) > 1 and not chunks[-1]:
        chunks.pop()
    return [_filled(chunk) for chunk in chunks]


def _filled(tokens: list[tuple[int, float]]) -> Chunk:
    filled = [(BOS, 1.0), *tokens, *[(EOS, 1.0)] * (CHUNK + 1 - len(tokens))]
    return Chunk(tuple(token for token, _ in filled), tuple(weight for _, weight in filled))


def encode_prompt(model: Any, prompt: str, clip_skip: int) -> TextStates:
    """States [1, 77·chunks, C]: every chunk by itself, weighted, with its mean brought back to what it was, for each encoder.

    The pooled state of SDXL is the first chunk's, without weights.
    """
    chunks = prompt_chunks(model.tokenizer, prompt)
    ids = torch.tensor([chunk.ids for chunk in chunks]).unsqueeze(1)
    weights = torch.tensor([chunk.weights for chunk in chunks]).unsqueeze(-1)
    found = joined([_weighted(one, weights) for one in encode_each(model, ids, clip_skip)])
    return TextStates(found.states.reshape(1, -1, found.states.shape[-1]), found.pooled)


def _weighted(text: TextStates, weights: torch.Tensor) -> TextStates:
    """States [chunks, 77, C] times weights [chunks, 77, 1]."""
    states, pooled = text.states.float(), None if text.pooled is None else text.pooled[:1].float()
    if bool((weights != 1).any()):
        means = states.mean(dim=(1, 2), keepdim=True)
        states = states * weights.to(states.device)
        states = states * (means / states.mean(dim=(1, 2), keepdim=True))
    return TextStates(states, pooled)
