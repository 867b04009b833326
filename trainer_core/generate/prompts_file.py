"""Files of sample prompts as kohya's scripts read them: .txt with options after ` --`, .toml, and .json with entries or lines.

Without torch, so that the plan can say what is wrong with a file before a run starts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..problems import UserError
from ..settings import Settings
from ..settings.toml_files import read_toml
from ..text_files import decode
from .request import SAMPLERS, Request, check
from .sampler_names import AUTOMATIC, sampler_and_schedule

# kohya's names of samplers and what draws them here.
_SAMPLERS = {
    "ddim": "DDIM",
    "pndm": "PLMS",
    "lms": "LMS",
    "k_lms": "LMS",
    "heun": "Heun",
    "euler": "Euler",
    "k_euler": "Euler",
    "euler_a": "Euler a",
    "k_euler_a": "Euler a",
    "dpm_2": "DPM2",
    "k_dpm_2": "DPM2",
    "dpm_2_a": "DPM2 a",
    "k_dpm_2_a": "DPM2 a",
    "dpmsolver": "DPM++ 2M",
    "dpmsolver++": "DPM++ 2M",
}
_STAND_INS = {"dpmsingle": "DPM++ 2M"}
# Options of .txt files: letter(s) → name in .toml and .json files.
_OPTIONS = {
    "n": "negative_prompt",
    "w": "width",
    "h": "height",
    "d": "seed",
    "s": "sample_steps",
    "l": "scale",
    "ss": "sample_sampler",
}
_OF_OTHER_MODELS = {
    "g": "guidance_scale",
    "cn": "controlnet_image",
    "ctr": "cfg_trunc_ratio",
    "rcfg": "renorm_cfg",
    "fs": "flow_shift",
}
_OPTION = re.compile(r"([A-Za-z]+)(?:\s+(.*))?$", re.DOTALL)
SIZE, STEPS, CFG = 512, 30, 7.5  # kohya's, where a prompt says nothing
_STEPS = (1, 1000)
_LEAST_SIDE = 64


@dataclass(frozen=True)
class SamplePrompts:
    """What a file asks for, and what of it is done in another way or not at all, as sentences."""

    requests: list[Request]
    notes: list[str] = field(default_factory=list)


def sample_requests(settings: Settings) -> SamplePrompts:
    """What the settings' sample_prompts ask for; prompts without a seed get the training's, so that steps can be compared."""
    notes: dict[str, None] = {}
    defaults = Request(
        prompt="",
        width=SIZE,
        height=SIZE,
        seed=settings.seed or 0,
        steps=STEPS,
        cfg=CFG,
        sampler=sampler_of(settings.sample_sampler or "ddim", notes),
        clip_skip=settings.clip_skip or 1,
    )
    found = read_sample_prompts(Path(settings.sample_prompts).expanduser(), defaults)
    return SamplePrompts(found.requests, [*notes, *found.notes])


def read_sample_prompts(path: Path, defaults: Request) -> SamplePrompts:
    """The file's prompts, with `defaults` where they say nothing; UserError with file, place and what is wrong."""
    kind = path.suffix.lower()
    if kind == ".toml":
        entries = _from_toml(read_toml(path, "sample_prompts"), path)
    else:
        entries = _from_json(_text(path), path) if kind == ".json" else _from_txt(_text(path), path)
    if not entries:
        raise UserError(f"sample_prompts {path} holds no prompt: write one a line.")
    notes: dict[str, None] = {}
    requests = [_request(values, defaults, f"{path}, {place}", notes) for place, values in entries]
    return SamplePrompts(requests, list(notes))


def sampler_of(name: str, notes: dict[str, None]) -> str:
    """The sampler for one of kohya's names (or webui's own, with its schedule); a note where it stands in for another.

    KeyError where it is unknown.
    """
    own, schedule = sampler_and_schedule(name)
    if own in SAMPLERS:
        return own if schedule == AUTOMATIC else f"{own} {schedule}"
    known = name.strip().lower()
    if known in _SAMPLERS:
        return _SAMPLERS[known]
    stand_in = _STAND_INS[known]
    notes[f"The sampler {name} is not built in: samples are drawn with {stand_in}."] = None
    return stand_in


def _text(path: Path) -> str:
    try:
        return decode(path.read_bytes())[0]
    except FileNotFoundError:
        raise UserError(f"sample_prompts {path} does not exist.") from None
    except OSError as error:
        raise UserError(f"sample_prompts {path} can't be read: {error.strerror}.") from None


def _from_txt(text: str, path: Path) -> list[tuple[str, dict[str, Any]]]:
    """One prompt a line; `#` at a line's beginning makes it a comment. A prompt's own words are never taken for options."""
    lines = [(f"line {number}", line) for number, line in enumerate(text.splitlines(), start=1)]
    return [(place, _of_line(line, path, place)) for place, line in lines if line.strip() and not line.startswith("#")]


def _of_line(line: str, path: Path, place: str) -> dict[str, Any]:
    prompt, *options = (" " + line.strip()).split(" --")
    values: dict[str, Any] = {"prompt": prompt.strip()}
    for option in options:
        match = _OPTION.match(option.strip())
        name = match[1].lower() if match else ""
        if name not in _OPTIONS and name not in _OF_OTHER_MODELS:
            known = ", ".join(f"--{one}" for one in _OPTIONS)
            raise UserError(f"sample_prompts {path}, {place}: --{option.strip()} is not an option; there are {known}.")
        values[_OPTIONS.get(name) or _OF_OTHER_MODELS[name]] = (match[2] or "").strip() if match else ""
    return values


def _from_toml(content: Mapping[str, Any], path: Path) -> list[tuple[str, dict[str, Any]]]:
    """[prompt] holds what all of its [[prompt.subset]] share."""
    shared = content.get("prompt")
    if not isinstance(shared, Mapping) or not isinstance(shared.get("subset"), list):
        raise UserError(f"sample_prompts {path} lacks [prompt] with [[prompt.subset]] tables.")
    common = {name: value for name, value in shared.items() if name != "subset"}
    return [(f"subset {number}", {**common, **one}) for number, one in enumerate(shared["subset"], start=1)]


def _from_json(text: str, path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise UserError(f"sample_prompts {path} is not valid JSON: {error}.") from None
    if not isinstance(content, list) or not all(isinstance(one, (dict, str)) for one in content):
        raise UserError(f'sample_prompts {path} is not a list of prompts, [{{"prompt": …}}, …].')
    entries = [(f"prompt {number}", one) for number, one in enumerate(content, start=1)]
    return [(place, _of_line(one, path, place) if isinstance(one, str) else one) for place, one in entries]


def _request(values: Mapping[str, Any], defaults: Request, place: str, notes: dict[str, None]) -> Request:
    """One entry's request; sizes are cut down to multiples of 8, steps to 1 … 1000, as kohya does."""
    for name in values:
        if name not in ("prompt", "enum", *_OPTIONS.values()):
            notes[f"{name} in the sample prompts does nothing here."] = None

    def number(name: str, default: Any, convert: Callable[[Any], Any]) -> Any:
        if values.get(name) is None:
            return default
        try:
            found = convert(values[name])
        except (TypeError, ValueError):
            raise UserError(f"sample_prompts {place}: {name} {values[name]!r} is not a number.") from None
        if not 0 <= found < 2**63:
            raise UserError(f"sample_prompts {place}: {name} {values[name]!r} is out of range.")
        return found

    if str(values.get("seed", "")).strip() == "-1":  # webui's word for a seed that isn't given
        values = {**values, "seed": None}
    sampler = defaults.sampler
    if values.get("sample_sampler"):
        try:
            sampler = sampler_of(str(values["sample_sampler"]), notes)
        except KeyError:
            raise UserError(f"sample_prompts {place}: there is no sampler {values['sample_sampler']!r}.") from None
    low, high = _STEPS
    request = replace(
        defaults,
        prompt=str(values.get("prompt", "")),
        negative=str(values.get("negative_prompt") or defaults.negative),
        width=_side(number("width", defaults.width, int)),
        height=_side(number("height", defaults.height, int)),
        seed=number("seed", defaults.seed, int),
        steps=min(max(number("sample_steps", defaults.steps, int), low), high),
        cfg=number("scale", defaults.cfg, float),
        sampler=sampler,
    )
    try:
        check(request)
    except UserError as error:
        raise UserError(f"sample_prompts {place}: {error}") from None
    return request


def _side(pixels: int) -> int:
    return max(_LEAST_SIDE, pixels - pixels % 8)
