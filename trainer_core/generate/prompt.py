"""Prompts as webui reads them: weights, escapes, BREAK, chunks of 75 tokens that end at a comma where one is near."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch

from ..models.text import encode
from ..models.tokenizer import BOS, CHUNK, EOS, ClipTokenizer

MORE, LESS = 1.1, 1 / 1.1  # what a pair of round or square brackets multiplies by
COMMA = 267
NEAR = 20  # a comma at most so many tokens back is where a full chunk ends
_TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\s*\bBREAK\b\s*", re.DOTALL)


@dataclass(frozen=True)
class Chunk:
    """75 token ids between start and end mark, and each one's weight."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def weighted_parts(prompt: str) -> list[tuple[str, float]]:
    """Text and its weight: (a) 1.1, [a] 1/1.1, (a:1.5) 1.5, nested brackets multiply; a backslash takes a bracket as text."""
    parts: list[tuple[str, float]] = []
    open_brackets: list[tuple[str, int]] = []

    def multiply(start: int, factor: float) -> None:
        parts[start:] = [(text, weight * factor) for text, weight in parts[start:]]

    for match in _TOKEN.finditer(prompt):
        text, given = match[0], match[1]
        if text in "([":
            open_brackets.append((text, len(parts)))
        elif given is not None and open_brackets and open_brackets[-1][0] == "(" and _is_number(given):
            multiply(open_brackets.pop()[1], float(given))
        elif text == ")" and open_brackets and open_brackets[-1][0] == "(":
            multiply(open_brackets.pop()[1], MORE)
        elif text == "]" and open_brackets and open_brackets[-1][0] == "[":
            multiply(open_brackets.pop()[1], LESS)
        else:
            parts.append((text[1:] if len(text) == 2 and text[0] == "\\" else text, 1.0))
    for bracket, start in reversed(open_brackets):  # never closed: webui reads them as closed at the end
        multiply(start, MORE if bracket == "(" else LESS)
    return _joined(parts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _joined(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of the same weight as one text, so that words are not cut where an escape was."""
    joined: list[tuple[str, float]] = []
    for text, weight in parts:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + text, weight)
        else:
            joined.append((text, weight))
    return joined


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


def encode_prompt(model: Any, prompt: str, clip_skip: int) -> torch.Tensor:
    """Text states [1, 77·chunks, C]: every chunk by itself, weighted, with its mean brought back to what it was."""
    chunks = prompt_chunks(model.tokenizer, prompt)
    ids = torch.tensor([chunk.ids for chunk in chunks]).unsqueeze(1)
    states = encode(model.text_encoder, ids, clip_skip).float()
    weights = torch.tensor([chunk.weights for chunk in chunks], device=states.device).unsqueeze(-1)
    if bool((weights != 1).any()):
        means = states.mean(dim=(1, 2), keepdim=True)
        states = states * weights
        states = states * (means / states.mean(dim=(1, 2), keepdim=True))
    return states.reshape(1, -1, states.shape[-1])
