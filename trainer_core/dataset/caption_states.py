"""Text states of captions: made anew at each step, or all of them beforehand, so that the text encoders can be let go.

What is kept is each caption's own, encoded by itself: it doesn't depend on what others were encoded beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from ..models.text import TextStates, encode_all, tokenize, tokenize_weighted
from .tensor_files import TensorFiles

_VERSION = 2
_STATES, _POOLED = "states", "pooled"

Progress = Callable[[int, int], None]


class CaptionStates:
    """The text states that a run trains with.

    model: with its text encoders, unless all captions are kept. trained: whether gradients go into the text encoders.
    device: where the states are wanted. weighted: captions may hold weights of words.
    """

    def __init__(
        self,
        model: Any,
        *,
        max_token_length: int | None,
        clip_skip: int | None,
        trained: bool,
        device: Any,
        weighted: bool = False,
    ) -> None:
        self.model, self.max_token_length, self.clip_skip = model, max_token_length, clip_skip
        self.trained, self.device, self.weighted = trained, device, weighted
        self.notices: list[str] = []
        self._kept: dict[str, TextStates] = {}

    def of(self, captions: Sequence[str]) -> TextStates:
        """States [B, T, C] and, with SDXL, pooled [B, P] of captions."""
        if all(caption in self._kept for caption in captions):
            found = [self._kept[caption] for caption in captions]
            pooled = [one.pooled for one in found if one.pooled is not None]
            return TextStates(torch.cat([one.states for one in found]), torch.cat(pooled) if pooled else None).to(self.device)
        with nullcontext() if self.trained else torch.no_grad():
            return self._encode(captions)

    def keep(
        self,
        captions: Iterable[str],
        files: TensorFiles | None,
        encoders_key: str,
        progress: Progress | None = None,
        mine: Callable[[Sequence[str]], Sequence[str]] = list,
        pooled: Callable[[dict], dict] = dict,
    ) -> None:
        """Encodes captions that neither memory nor disk holds; `encoders_key` names the content of the text encoders.

        mine: this process's share of them; pooled: what all processes have made.
        """
        wanted = mine(list(dict.fromkeys(captions)))
        for done, caption in enumerate(wanted, 1):
            key = self._key(caption, encoders_key)
            if caption not in self._kept and (found := _read(files, key)):
                self._kept[caption] = found
            elif caption not in self._kept:
                with torch.no_grad():
                    self._kept[caption] = self._encode([caption]).to("cpu")
                if files:
                    files.write(key, _as_tensors(self._kept[caption]))
            if progress:
                progress(done, len(wanted))
        self._kept = pooled(self._kept)
        self.notices = files.notices if files else []

    def _encode(self, captions: Sequence[str]) -> TextStates:
        tokenizer = self.model.tokenizer
        if self.weighted:
            ids, weights = tokenize_weighted(tokenizer, captions, self.max_token_length)
            return encode_all(self.model, ids, self.clip_skip, weights)
        return encode_all(self.model, tokenize(tokenizer, captions, self.max_token_length), self.clip_skip)

    def _key(self, caption: str, encoders_key: str) -> str:
        """All that a caption's states depend on."""
        computed = torch.get_autocast_dtype(self.device.type) if torch.is_autocast_enabled(self.device.type) else None
        weights = self.model.text_encoder.embeddings.position_embedding.weight.dtype
        read = ("weighted",) if self.weighted else ()
        words = (_VERSION, encoders_key, self.max_token_length, self.clip_skip, str(computed), str(weights), *read)
        return hashlib.sha256(f"{words!r}\n{caption}".encode("utf-8", "surrogatepass")).hexdigest()


def _read(files: TensorFiles | None, key: str) -> TextStates | None:
    tensors = files.read(key) if files else None
    return TextStates(tensors[_STATES], tensors.get(_POOLED)) if tensors and _STATES in tensors else None


def _as_tensors(text: TextStates) -> dict[str, torch.Tensor]:
    return {_STATES: text.states} if text.pooled is None else {_STATES: text.states, _POOLED: text.pooled}
