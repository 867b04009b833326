"""The two endpoints that people's scripts know from the wd14-tagger extension, in its words, where that one isn't active."""

from __future__ import annotations

from typing import Any

from ...tagger.model_files import KNOWN
from ..errors import MISSING, Refused
from ..models import fetched_tagger
from ..rights import shown
from .calls import Answer, Call, Route

_LARGEST = 32 << 20
_PATIENCE = 180.0
_RATING = "rating"


def get_interrogators(call: Call) -> Answer:
    return {"models": [one["name"] for one in call.workbench.host.taggers()]}


def post_interrogate(call: Call) -> Answer:
    """One picture's tags above the threshold. Queues are that extension's own: whoever names one is told so."""
    body = call.body
    if body.get("queue") or body.get("name_in_queue"):
        raise Refused("Queues of pictures are not served here: send each picture without queue and name_in_queue.")
    image, threshold = body.get("image"), body.get("threshold", 0.0)
    if not isinstance(image, str) or not image:
        raise Refused("image must be a picture in base64.")
    if not isinstance(threshold, (int, float)) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise Refused("threshold must be a number from 0 to 1.")
    model = _model(call, body.get("model"))
    call.workbench.setup.must_be_ready()
    seen = call.workbench.tagger.ask(
        "interrogate", model=model, image_base64=image.rpartition("base64,")[2], patience=_PATIENCE
    )
    return {"caption": _caption(seen["tags"], float(threshold))}


def _caption(tags: list[dict[str, Any]], threshold: float) -> dict[str, dict[str, float]]:
    ratings = {one["tag"]: one["score"] for one in tags if one["kind"] == _RATING}
    others = {one["tag"]: one["score"] for one in tags if one["kind"] != _RATING and one["score"] >= threshold}
    return {"tag": others, "rating": ratings}


def _model(call: Call, name: Any) -> str:
    """The folder of a tagger by its name; only what is listed, never a path."""
    for one in call.workbench.host.taggers():
        if one["name"] == name or _plain(one["name"]) == _plain(name):
            return one["path"]
    for one in KNOWN:
        if _plain(one) == _plain(name):
            return fetched_tagger(one, ())
    known = ", ".join(one["name"] for one in call.workbench.host.taggers())
    raise Refused(f"There is no tagger {shown(name)}; there are {known}.", MISSING)


def _plain(name: Any) -> str:
    """That extension writes `wd-v1-4-vit-tagger.v2` and `wd14-vit.v2` for what is downloaded as `wd-v1-4-vit-tagger-v2`."""
    return (
        str(name)
        .lower()
        .replace("wd14", "wd-v1-4")
        .replace("-tagger", "")
        .replace(".", "-")
        .replace("_", "-")
        .replace(" ", "-")
    )


ROUTES = (
    Route("GET", "/tagger/v1/interrogators", get_interrogators, "names of the taggers (as wd14-tagger)", outside=True),
    Route(
        "POST",
        "/tagger/v1/interrogate",
        post_interrogate,
        "a picture's tags (as wd14-tagger)",
        body=("image", "model", "threshold", "queue", "name_in_queue"),
        largest=_LARGEST,
        outside=True,
    ),
)
