"""The pictures that a grid's words ask for: prompts of the command line, of a file and of suites, with a size that fits."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..generate.lora_words import with_loras
from ..generate.prompts_file import read_sample_prompts
from ..generate.request import Request, check
from ..problems import WordsError
from ..settings import Settings
from .suites import suite_requests

_USUAL, _STEPS = 512, 20


def size_of(words: argparse.Namespace, settings: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height: as given, else the training's resolution, in multiples of 8."""
    known = settings.get("resolution")
    width, height = Settings.from_dict({"resolution": known}).resolution if known else (_USUAL, _USUAL)
    return (
        words.width or words.height or max(64, width - width % 8),
        words.height or words.width or max(64, height - height % 8),
    )


def grid_requests(
    words: argparse.Namespace, size: tuple[int, int], clip_skip: int | None, folders: Sequence[Path] = ()
) -> list[Request]:
    """One request for each prompt; WordsError where there is none, or one that can't be.

    `folders`: where the LoRAs lie that prompts name.
    """
    defaults = Request(
        "",
        words.negative,
        *size,
        seed=words.seeds[0] if words.seeds else 0,
        steps=words.steps[0] if words.steps else _STEPS,
        cfg=words.cfg[0] if words.cfg else 7.0,
        sampler=words.sampler[0] if words.sampler else "Euler a",
        schedule=words.schedule,
        clip_skip=words.clip_skip[0] if words.clip_skip else clip_skip or 1,
    )
    for sampler, steps in itertools.product(words.sampler or [defaults.sampler], words.steps or [defaults.steps]):
        check(replace(defaults, sampler=sampler, steps=steps))
    found = [Request(**{**vars(defaults), "prompt": prompt}) for prompt in words.prompt]
    if words.prompts:
        found += read_sample_prompts(Path(words.prompts).expanduser(), defaults).requests
    found += suite_requests(words.suite, words.subject, defaults, words.project)
    if not found:
        raise WordsError("grid needs prompts: --prompt with text, --prompts with a file, or --suite with a stored list.")
    if any(not 0 <= one < 2**63 for one in words.seeds or ()):
        raise WordsError("--seeds must be whole numbers from 0 on and below 2^63, so that a grid can be made again.")
    return list(dict.fromkeys(with_loras(one, folders) for one in found))
