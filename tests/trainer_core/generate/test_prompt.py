"""Prompts against webui's rules: weights, escapes, BREAK, and chunks that end at a comma."""

from __future__ import annotations

import pytest

from lora_workbench.trainer_core.generate.prompt import prompt_chunks
from lora_workbench.trainer_core.models.prompt_weights import weighted_parts
from lora_workbench.trainer_core.models.tokenizer import BOS, EOS, load_tokenizer


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("((a))", [("a", 1.21)]),
        ("[a]", [("a", 1 / 1.1)]),
        ("(a:1.5) b", [("a", 1.5), (" b", 1.0)]),
        ("a:1.5, b", [("a:1.5, b", 1.0)]),
        (r"penny \(world\), (hat:0.5)", [("penny (world), ", 1.0), ("hat", 0.5)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5)",
            [("a ", 1.0), ("house", 1.573), (" ", 1.1), ("on", 1.0), (" a ", 1.1), ("hill", 0.55)],
        ),
        ("(a [b) c] d", [("a ", 1.1), ("b", 1.0), (" c", 1 / 1.1), (" d", 1.0)]),
        ("a [b (c:2] d)", [("a ", 1.0), ("b ", 1 / 1.1), ("c:2", 1.0), (" d", 1.1)]),
        ("a\\b) ]", [("ab) ]", 1.0)]),
        ("", []),
    ],
)
def test_weights(prompt: str, parts: list[tuple[str, float]]) -> None:
    found = weighted_parts(prompt)
    assert [text for text, _ in found] == [text for text, _ in parts]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in parts])


def test_an_empty_prompt_is_one_chunk() -> None:
    (chunk,) = prompt_chunks(load_tokenizer(), "")
    assert chunk.ids == (BOS, *[EOS] * 76) and set(chunk.weights) == {1.0}


def test_weights_stand_at_their_tokens() -> None:
    (chunk,) = prompt_chunks(load_tokenizer(), "a (cat:1.5)")
    assert chunk.ids[:4] == (BOS, 320, 2368, EOS) and chunk.weights[:4] == (1.0, 1.0, 1.5, 1.0)


def test_a_full_chunk_ends_at_a_near_comma() -> None:
    cat, comma = 2368, 267
    text = " ".join(["cat"] * 70) + ", " + " ".join(["cat"] * 10)
    first, second = prompt_chunks(load_tokenizer(), text)
    assert first.ids == (BOS, *[cat] * 70, comma, *[EOS] * 5)
    assert second.ids == (BOS, *[cat] * 10, *[EOS] * 66)


def test_without_a_near_comma_a_chunk_is_full() -> None:
    first, second = prompt_chunks(load_tokenizer(), "cat, " + " ".join(["cat"] * 80))
    assert first.ids[1:-1] == (2368, 267, *[2368] * 73) and second.ids[:8] == (BOS, *[2368] * 7)


def test_break_begins_a_chunk() -> None:
    first, second = prompt_chunks(load_tokenizer(), "cat BREAK dog")
    assert first.ids[:3] == (BOS, 2368, EOS) and second.ids[1] == load_tokenizer().ids("dog")[0]
