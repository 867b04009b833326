"""What the base model's name and metadata tell: which tags it knows, its clip skip, and whether it is a mix."""

from __future__ import annotations

from collections.abc import Mapping

from ..guide.bases import base_of, is_mix, share_of, vocabularies
from ..models.header import ModelHeader
from ..problems import Problem
from ..settings import Settings

_SOME = 0.3  # of the pictures


def base_name_problems(settings: Settings, header: ModelHeader, tags: Mapping[str, int], pictures: int) -> list[Problem]:
    """`tags`: how many of the `pictures` have a tag."""
    return [
        *(_clip_skip_problems(settings, header)),
        *(_tag_problems(header, tags, pictures)),
        *(_mix_problems(header)),
    ]


def wanted_clip_skip(header: ModelHeader) -> int | None:
    """What the model was trained with, where its name tells it."""
    base = base_of(header.path.name)
    return base.clip_skip if base else None


def _clip_skip_problems(settings: Settings, header: ModelHeader) -> list[Problem]:
    wanted, given = wanted_clip_skip(header), settings.clip_skip or 1
    if wanted is None or wanted == given:
        return []
    if wanted == 2:
        message = f"{header.path.name} looks like NovelAI's model, which was trained with clip_skip 2, not {given}."
        return [Problem("warning", "clip-skip", message, "Set clip_skip to 2, in training and in webui.")]
    message = f"{header.path.name} looks like a model that was trained with clip_skip 1, not {given}."
    return [Problem("warning", "clip-skip", message, "Set clip_skip to 1, in training and in webui.")]


def _tag_problems(header: ModelHeader, tags: Mapping[str, int], pictures: int) -> list[Problem]:
    """The guide (l. 384): tags of another vocabulary point to other places."""
    base = base_of(header.path.name)
    shares = {code: share_of(tags, one.tags, pictures) for code, one in vocabularies().items()}
    theirs = max(shares, key=lambda code: shares[code])
    if base is None or shares[theirs] <= _SOME or theirs in base.tags:
        return []
    name, example = header.path.name, _first(tags, vocabularies()[theirs].tags)
    if "sentences" in base.tags:
        message = f"{name} was trained on sentences, and the captions have tags, such as {example}."
        fix = "Drawn subjects are better trained on an anime model, whose tags these are."
        return [Problem("note", "tags-of-other-base", message, fix)]
    if theirs == "danbooru":
        message = f"{name} knows e621's tags; the captions have Danbooru's, such as {example}."
        fix = "Tag the pictures with a tagger for e621, or train on an anime model."
    else:
        message = f"{name} knows Danbooru's tags; the captions have e621's, such as {example}."
        fix = "Tag the pictures with a WD tagger, or train on a model that knows e621's tags."
    return [Problem("warning", "tags-of-other-base", message, fix)]


def _first(tags: Mapping[str, int], words: tuple[str, ...]) -> str:
    return max(words, key=lambda word: tags.get(word, 0))


def _mix_problems(header: ModelHeader) -> list[Problem]:
    """The guide (l. 388-397): what is trained on a mix is hard to foresee elsewhere."""
    recipe = any(header.metadata.get(key) for key in ("sd_merge_recipe", "sd_merge_models"))
    if not recipe and not is_mix(header.path.name):
        return []
    message = f"{header.path.name} looks like a mix of models: what is trained on it is less sure to work on others."
    return [Problem("note", "base-merged", message, "Where it doesn't, train on the model that most mixes come from.")]
