"""CLIP's tokenizer, made offline from the merges file that open_clip ships; without torch, so that the plan can count.

Ids, pre-splitting and byte alphabet are those of CLIP (Radford et al. 2021) as in transformers' CLIPTokenizer.
"""

from __future__ import annotations

import functools
import gzip
import html
import importlib.util
import re
import unicodedata
from pathlib import Path

from ..problems import UserError
from .prompt_weights import weighted_parts

BOS, EOS = 49406, 49407
CHUNK = 75
_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


# CLIP's own reader, webui's and kohya's mend a text (by the package ftfy) before they split it: wide letters and marks,
# ligatures, curled quotes, HTML's entities. Without that a Chinese keyboard's comma would be another token than in prompts.
_WIDE = (0x3000, *range(0xFF01, 0xFFF0))
_LIGATURES = (0x132, 0x133, *range(0x1C4, 0x1CD), *range(0x1F1, 0x1F4), *range(0xFB00, 0xFB07))
_PLAIN = {
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in (*_WIDE, *_LIGATURES)},
    **dict.fromkeys((0x2BC, *range(0x2018, 0x201C)), "'"),
    **dict.fromkeys(range(0x201C, 0x2020), '"'),
    0x149: "'n",
}
_ENTITY = re.compile(r"&#?[0-9A-Za-z]{1,24};")


def plainly_written(text: str) -> str:
    """The text in the letters that CLIP was trained with."""
    if text.isascii() and "&" not in text:
        return text
    if "<" not in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text.translate(_PLAIN)


class ClipTokenizer:
    """Text to token ids, without the start and end marks."""

    def __init__(self, merges_file: Path) -> None:
        from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

        lines = gzip.decompress(merges_file.read_bytes()).decode("utf-8").split("\n")[1:48895]
        merges = [tuple(line.split()) for line in lines]
        alphabet = _byte_alphabet()
        words = [
            *alphabet,
            *(f"{letter}</w>" for letter in alphabet),
            *("".join(pair) for pair in merges),
            "<|startoftext|>",
            "<|endoftext|>",
        ]
        model = models.BPE(
            vocab={word: number for number, word in enumerate(words)},
            merges=merges,
            unk_token="<|endoftext|>",
            end_of_word_suffix="</w>",
            continuing_subword_prefix="",
            fuse_unk=False,
        )
        self._tokenizer = Tokenizer(model)
        self._tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_SPLIT), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        self._tokenizer.add_special_tokens([AddedToken(word, special=True) for word in words[-2:]])

    def ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(plainly_written(text), add_special_tokens=False).ids

    def chunks(self, text: str, max_token_length: int | None = None) -> list[list[int]]:
        """Chunks of 75 ids, each between BOS and EOS and filled up with EOS; what is longer than `max_token_length` is cut."""
        return _chunks(self.ids(text), max_token_length, BOS, EOS)

    def weighted_chunks(self, text: str, max_token_length: int | None = None) -> tuple[list[list[int]], list[list[float]]]:
        """The same of a text with weights, as webui reads them in prompts, and each token's weight."""
        tokens = [(token, weight) for part, weight in weighted_parts(text) for token in self.ids(part)]
        ids, weights = [token for token, _ in tokens], [weight for _, weight in tokens]
        return _chunks(ids, max_token_length, BOS, EOS), _chunks(weights, max_token_length, 1.0, 1.0)


def _chunks(values: list, max_token_length: int | None, start: float, end: float) -> list[list]:
    count = (max_token_length or CHUNK) // CHUNK
    filled = values[: count * CHUNK] + [end] * (count * CHUNK - len(values))
    return [[start, *filled[place : place + CHUNK], end] for place in range(0, count * CHUNK, CHUNK)]


def _byte_alphabet() -> list[str]:
    """The 256 byte letters in CLIP's order: printable bytes as themselves, the others from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(len(others))]


@functools.cache
def load_tokenizer() -> ClipTokenizer:
    spec = importlib.util.find_spec("open_clip")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    merges = next((Path(folder) / "bpe_simple_vocab_16e6.txt.gz" for folder in folders), None)
    if merges is None or not merges.is_file():
        raise UserError("CLIP's vocabulary is missing (package open_clip_torch): run `python install.py setup`.")
    return ClipTokenizer(merges)


@functools.lru_cache(maxsize=200_000)
def count_tokens(text: str) -> int:
    """How many of the text encoder's tokens the text takes, without the start and end marks.

    Counted word by word, since no token goes beyond a space: thousands of captions are made of the same few words. Remembered
    for tags, which stand in many captions, and for captions, of which the next plan asks again.
    """
    return sum(map(_tokens_of_word, text.split(" ")))


def count_weighted_tokens(text: str) -> int:
    """The same where weights are read: brackets and numbers of weights are no tokens."""
    return sum(count_tokens(part) for part, _ in weighted_parts(text))


@functools.lru_cache(maxsize=100_000)
def _tokens_of_word(word: str) -> int:
    return len(load_tokenizer().ids(word))
