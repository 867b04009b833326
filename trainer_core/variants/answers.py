"""What the resident helper is asked about variants: which there are, decisions on them, masks, what a picture is drawn by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..problems import UserError
from ..questions import Request, path_of, text_of, texts_of
from .review import PLANNED, Review, deciding, read_review, reject

VERBS = ("accept", "reject", "undo")
QUESTIONS = ("variants_read", "variants_decide", "variants_look", "variants_mask", "variants_alpha")


def answer(what: str, request: Request) -> dict[str, Any]:
    """The answer to one of QUESTIONS; UserError with what is wrong."""
    return _ANSWERS[what](request)


def _read(request: Request) -> dict[str, Any]:
    """{"dataset", "review"} → {"variants": [{"name", "there", …}]}: all that are drawn, as they were asked for."""
    return _told(read_review(path_of(request, "dataset"), path_of(request, "review")))


def _decide(request: Request) -> dict[str, Any]:
    """{"dataset", "review", "deed": one of VERBS, "names", "target"} → as variants_read, with {"taken", "left"}."""
    deed, names = request.get("deed"), texts_of(request, "names")
    if deed not in VERBS or not names:
        raise UserError(f"A decision is one of {', '.join(VERBS)}, with names of variants.")
    review = read_review(path_of(request, "dataset"), path_of(request, "review"))
    for name in names:
        review.named(name)
    taken: list[Path] = []
    left: list[tuple[str, str]] = []
    with deciding(review):
        if deed == "accept":
            from .accept import accept

            target = path_of(request, "target") if request.get("target") else None
            taken = accept(review, names, "", 0.0, target)
        elif deed == "reject":
            reject(review, names)
        else:
            from .take_back import take_back

            left = take_back(review, names).left
    files = [path.relative_to(review.dataset).as_posix() for path in taken]
    return {**_told(review), "taken": files, "left": [{"name": name, "reason": reason} for name, reason in left]}


def _told(review: Review) -> dict[str, Any]:
    drawn = {name: one for name, one in review.variants.items() if one.state != PLANNED}
    return {
        "variants": [{**asdict(one), "name": name, "there": (review.folder / name).is_file()} for name, one in drawn.items()]
    }


def _look(request: Request) -> dict[str, Any]:
    """{"dataset", "review", "name", "over", "extension"} → {"size", "prompt", "cfg", "transparent"} of what is drawn over."""
    from ...tagger.captions import caption_file, read_caption
    from ..dataset.pictures import told_cfg
    from ..picture_files import opened
    from ..reg.prompts import as_prompt
    from .masks import is_seen_through, upright_picture

    if request.get("over"):
        review = read_review(path_of(request, "dataset"), path_of(request, "review"))
        one = review.named(text_of(request, "over"))
        size = upright_picture(_picture(request)).size
        return {"size": size, "prompt": one.request["prompt"], "cfg": one.request["cfg"], "transparent": False}
    path = _picture(request)
    size = upright_picture(path).size
    text = read_caption(caption_file(path, text_of(request, "extension"))).text.strip()
    with opened(path.read_bytes()) as image:
        cfg = told_cfg(image.info.get("parameters"))
    return {"size": size, "prompt": as_prompt(text) if text else "", "cfg": cfg, "transparent": is_seen_through(path)}


def _mask(request: Request) -> dict[str, Any]:
    """{"dataset", "review", "name", "over", "image": base64} → {"mask": the file's name among the review's masks}."""
    from .masks import keep_mask

    return {"mask": keep_mask(path_of(request, "review"), _picture(request), text_of(request, "image")).name}


def _picture(request: Request) -> Path:
    """What is drawn over: `over`, a variant, or else the picture `name` of the dataset."""
    if request.get("over"):
        return path_of(request, "review") / text_of(request, "over")
    return path_of(request, "dataset") / text_of(request, "name")


def _alpha(request: Request) -> dict[str, Any]:
    """{"dataset", "name"} → {"image": base64}: white where the picture is transparent."""
    from .masks import transparency

    return {"image": transparency(path_of(request, "dataset") / text_of(request, "name"))}


_ANSWERS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "variants_read": _read,
    "variants_decide": _decide,
    "variants_look": _look,
    "variants_mask": _mask,
    "variants_alpha": _alpha,
}
