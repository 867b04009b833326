"""Tokens and text states against known ids, transformers' tokenizer and transformers' own CLIPTextModel."""

from __future__ import annotations

import gzip
import importlib.util
import random
from pathlib import Path

import pytest
import torch

from lora_workbench.trainer_core.models.checkpoint import Model, load_model
from lora_workbench.trainer_core.models.text import encode, encode_all, tokenize, tokenize_weighted
from lora_workbench.trainer_core.models.tokenizer import BOS, EOS, count_tokens, count_weighted_tokens, load_tokenizer

CAPTIONS = ["a photo of a cat", "", ", ".join(f"tag{number}" for number in range(40)), "1girl, solo, looking at viewer"]


@pytest.fixture(scope="module")
def model(random_base: Path) -> Model:
    return load_model(random_base, parts=("text_encoder",))


def test_known_ids() -> None:
    assert load_tokenizer().chunks("a photo of a cat")[0][:8] == [49406, 320, 1125, 539, 320, 2368, 49407, 49407]
    assert (BOS, EOS) == (49406, 49407)
    assert count_tokens("a photo of a cat") == 5 and count_tokens("") == 0


def test_letters_are_mended_as_for_clip_itself() -> None:
    """Wide letters and marks, ligatures, curled quotes and HTML's entities, as webui reads prompts."""
    ids = load_tokenizer().ids
    assert ids("ﬁne，ＡＢＣ") == [3797, 267, 5334]
    assert ids("it’s “red”，（blue）　Ǆ don&#039;t &amp; ｶ") == ids("it's \"red\",(blue) DŽ don't & カ")
    assert ids("a<b &amp;") == ids("a<b") + ids("&amp ;"), "an entity beside a bracket stays, and is no ampersand"
    assert count_tokens("红，red　hat") == len(ids("红,red hat"))


def test_tokens_counted_word_by_word_are_those_of_the_whole_text() -> None:
    """Whatever stands beside a space: marks, digits, accents that join letters, other scripts, special words, odd spaces."""
    pieces = ["a", "1girl,", "(red hat:1.2)", "e\u0301", "\u0301", "don't", "'s", "红色的", "ΑΣ", "<|endoftext|>", "\u00a0",
              "\t", "", "!!", "_", "\x1c", "ﬁ", "👩\u200d🎨", "İ", "\n"]  # fmt: skip
    chosen = random.Random(3)
    for _ in range(300):
        text = "".join(chosen.choice(pieces) + chosen.choice([" ", "  ", "", ", "]) for _ in range(chosen.randrange(9)))
        assert count_tokens(text) == len(load_tokenizer().ids(text)), repr(text)


def test_ids_are_those_of_transformers_tokenizer() -> None:
    from transformers import CLIPTokenizer

    folder = Path(importlib.util.find_spec("open_clip").submodule_search_locations[0])
    lines = gzip.decompress((folder / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode().split("\n")[1:48895]
    merges = [tuple(line.split()) for line in lines]
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = (
        letters
        + [letter + "</w>" for letter in letters]
        + ["".join(pair) for pair in merges]
        + ["<|startoftext|>", "<|endoftext|>"]
    )
    theirs = CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=merges,
        unk_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
    )
    for text in (
        *CAPTIONS,
        "It's 1990s ART_style: (masterpiece:1.2), >_<",
        "Ünïcode  naïve\tcafé\nline",
        "漢字 ひらがな 한국어 🐈",
        "x" * 90,
        "don't we'll they've",
        "a<|endoftext|>b",
    ):
        assert load_tokenizer().ids(text) == theirs(text, add_special_tokens=False)["input_ids"], text


def test_chunks_are_wrapped_filled_and_cut() -> None:
    long = " ".join(["cat"] * 200)
    ids = tokenize(load_tokenizer(), [long, "cat"], 150)
    assert ids.shape == (2, 2, 77) and ids.dtype == torch.long
    assert (ids[:, :, 0] == BOS).all() and (ids[:, :, -1] == EOS).all()
    assert (ids[0, :, 1:-1] == 2368).all() and ids[1, 0, 1:4].tolist() == [2368, EOS, EOS] and (ids[1, 1, 1:] == EOS).all()
    assert tokenize(load_tokenizer(), [long], 225).shape == (1, 3, 77) and tokenize(load_tokenizer(), [long]).shape == (
        1,
        1,
        77,
    )


def theirs(model: Model, ids: torch.Tensor, clip_skip: int) -> torch.Tensor:
    """transformers' own forward of [B, 77] ids."""
    output = model.text_encoder(input_ids=ids, output_hidden_states=True)
    if clip_skip == 1:
        return output.last_hidden_state
    final = getattr(model.text_encoder, "text_model", model.text_encoder).final_layer_norm
    return final(output.hidden_states[-clip_skip])


@pytest.mark.parametrize("clip_skip", [1, 2, 3])
@pytest.mark.parametrize("limit", [75, 150, 225])
def test_states_are_those_of_transformers(model: Model, clip_skip: int, limit: int) -> None:
    ids = tokenize(model.tokenizer, CAPTIONS, limit)
    with torch.no_grad():
        ours = encode(model.text_encoder, ids, clip_skip)
        chunks = [theirs(model, ids[:, chunk], clip_skip) for chunk in range(limit // 75)]
    expected = torch.cat([chunks[0][:, :1], *(chunk[:, 1:-1] for chunk in chunks), chunks[-1][:, -1:]], dim=1)
    assert ours.shape == (4, limit + 2, 64)
    assert torch.allclose(ours, expected, atol=2e-6)


def test_equal_chunks_are_encoded_once_and_skipped_layers_are_not_run(model: Model) -> None:
    rows, layers = [], getattr(model.text_encoder, "text_model", model.text_encoder).encoder.layers
    hooks = [
        layer.register_forward_hook(lambda _module, inputs, _output, number=number: rows.append((number, len(inputs[0]))))
        for number, layer in enumerate(layers)
    ]
    with torch.no_grad():
        encode(model.text_encoder, tokenize(model.tokenizer, ["cat", "dog", "cat"], 225), 2)
    for hook in hooks:
        hook.remove()
    assert rows == [(0, 3), (1, 3)]  # "cat", "dog" and the empty chunk; the last of three layers is skipped


def test_weights_of_words(model: Model) -> None:
    """Each chunk's states times the weights, its mean brought back; the cut is where it is without weights."""
    long = ", ".join(["cat"] * 60)  # 119 tokens
    captions = [r"a (red hat:1.5), \(toy\)", "a red hat", f"(dog:0.5), {long}"]
    ids, weights = tokenize_weighted(model.tokenizer, captions, 150)
    assert torch.equal(ids, tokenize(model.tokenizer, ["a red hat, (toy)", "a red hat", f"dog, {long}"], 150))
    assert weights[0, 0, :6].tolist() == [1, 1, 1.5, 1.5, 1, 1] and weights[2, 0, 1:3].tolist() == [0.5, 1]
    assert (weights[1] == 1).all() and (weights[0, 1] == 1).all()
    with torch.no_grad():
        ours = encode_all(model, ids, 2, weights).states
        chunks = []
        for chunk in range(2):
            plain = theirs(model, ids[:, chunk], 2)
            changed = plain * weights[:, chunk, :, None]
            chunks.append(changed * plain.mean(dim=(1, 2), keepdim=True) / changed.mean(dim=(1, 2), keepdim=True))
        unweighted = encode(model.text_encoder, ids, 2)
    assert torch.allclose(ours, torch.cat([chunks[0][:, :-1], chunks[1][:, 1:]], dim=1), atol=1e-5)
    assert torch.equal(ours[1], unweighted[1]) and not torch.allclose(ours[0], unweighted[0], atol=1e-2)


def test_brackets_of_weights_are_no_tokens() -> None:
    text = r"a (red hat:1.2), [sky], saber \(fate\)"
    assert count_weighted_tokens(text) == count_tokens("a red hat, sky, saber (fate)") < count_tokens(text)


def test_clip_skip_beyond_the_layers_is_an_error(model: Model) -> None:
    with pytest.raises(ValueError, match="leaves no layer"):
        encode(model.text_encoder, tokenize(model.tokenizer, ["cat"]), 4)
