"""Prompts as webui reads them: weights, escapes, BREAK, chunks of 75 tokens that end at a comma where one is near."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch

from ..models.prompt_weights import weighted_parts
from ..models.text import TextStates, encode_all
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
    weights = torch.tensor([chunk.weights for chunk in chunks]).unsqueeze(1)
    found = encode_all(model, ids, clip_skip, weights)
    states, pooled = found.states.float(), None if found.pooled is None else found.pooled[:1].float()
    return TextStates(states.reshape(1, -1, states.shape[-1]), pooled)
