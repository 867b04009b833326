"""What the base model's name and metadata tell: which tags it knows, its clip skip, and whether it is a mix."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..models.header import ModelHeader
from ..problems import Problem
from ..settings import Settings

# Parts of file names, as they are passed around.
_NAI = re.compile(r"animefull|animesfw|novelai|\bnai[-_.]|\bnai\b")
_E621 = re.compile(r"fluffyrock|fluffusion|e621|furry|yiff|bb95")
_PLAIN = re.compile(r"v1-[45]|sd[-_]?v?1[._-]?[45]|v2-1|sd_xl_base|realis|photo|epicreal")
_MIX = re.compile(r"mix|merge|anylora|orange")
# Tags that one vocabulary has for what is in nearly every picture, and the other has not.
_BOORU_TAGS = ("1girl", "1boy", "2girls", "2boys", "multiple girls", "multiple boys", "no humans", "1other")
_E621_TAGS = ("anthro", "feral", "mammal", "canid", "canis", "felid", "scalie", "biped", "hi res", "digital media (artwork)")
_SOME = 0.3  # of the pictures


def base_name_problems(settings: Settings, header: ModelHeader, tags: Mapping[str, int], pictures: int) -> list[Problem]:
    """`tags`: how many of the `pictures` have a tag."""
    name = header.path.name.lower()
    return [
        *(_clip_skip_problems(settings, header, name)),
        *(_tag_problems(header, name, tags, pictures)),
        *(_mix_problems(header, name)),
    ]


def wanted_clip_skip(header: ModelHeader) -> int | None:
    """What the model was trained with, where its name tells it."""
    name = header.path.name.lower()
    return 2 if _NAI.search(name) else 1 if _E621.search(name) or _PLAIN.search(name) else None


def _clip_skip_problems(settings: Settings, header: ModelHeader, name: str) -> list[Problem]:
    wanted, given = wanted_clip_skip(header), settings.clip_skip or 1
    if wanted is None or wanted == given:
        return []
    if wanted == 2:
        message = f"{header.path.name} looks like NovelAI's model, which was trained with clip_skip 2, not {given}."
        return [Problem("warning", "clip-skip", message, "Set clip_skip to 2, in training and in webui.")]
    message = f"{header.path.name} looks like a model that was trained with clip_skip 1, not {given}."
    return [Problem("warning", "clip-skip", message, "Set clip_skip to 1, in training and in webui.")]


def _tag_problems(header: ModelHeader, name: str, tags: Mapping[str, int], pictures: int) -> list[Problem]:
    """The guide (l. 384): tags of another vocabulary point to other places."""
    booru, e621 = (_share(tags, words, pictures) for words in (_BOORU_TAGS, _E621_TAGS))
    if _E621.search(name) and booru > _SOME:
        message = f"{header.path.name} knows e621's tags; the captions have Danbooru's, such as {_first(tags, _BOORU_TAGS)}."
        fix = "Tag the pictures with a tagger for e621, or train on an anime model."
        return [Problem("warning", "tags-of-other-base", message, fix)]
    if _NAI.search(name) and e621 > _SOME:
        message = f"{header.path.name} knows Danbooru's tags; the captions have e621's, such as {_first(tags, _E621_TAGS)}."
        fix = "Tag the pictures with a WD tagger, or train on a model that knows e621's tags."
        return [Problem("warning", "tags-of-other-base", message, fix)]
    if _PLAIN.search(name) and max(booru, e621) > _SOME:
        words = _BOORU_TAGS if booru >= e621 else _E621_TAGS
        message = f"{header.path.name} was trained on sentences, and the captions have tags, such as {_first(tags, words)}."
        fix = "Drawn subjects are better trained on an anime model, whose tags these are."
        return [Problem("note", "tags-of-other-base", message, fix)]
    return []


def _share(tags: Mapping[str, int], words: tuple[str, ...], pictures: int) -> float:
    return max((tags.get(word, 0) for word in words), default=0) / max(pictures, 1)


def _first(tags: Mapping[str, int], words: tuple[str, ...]) -> str:
    return max(words, key=lambda word: tags.get(word, 0))


def _mix_problems(header: ModelHeader, name: str) -> list[Problem]:
    """The guide (l. 388-397): what is trained on a mix is hard to foresee elsewhere."""
    recipe = any(header.metadata.get(key) for key in ("sd_merge_recipe", "sd_merge_models"))
    if not recipe and not _MIX.search(name):
        return []
    message = f"{header.path.name} looks like a mix of models: what is trained on it is less sure to work on others."
    return [Problem("note", "base-merged", message, "Where it doesn't, train on the model that most mixes come from.")]
