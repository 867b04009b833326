"""`python -m trainer_core variants DIR …`: draws variants of training pictures, and takes those that are good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..endings import stop_signals
from ..generate.folder_lock import drawing_in
from ..generate.telling import ToldInTerminal
from ..problems import WordsError
from ..settings import read_settings
from .accept import accept
from .draw import HIGHEST_CFG, chosen, draw_planned, glaring, plan
from .review import ACCEPTED, PLANNED, REJECTED, WAITING, Review, deciding, read_review, reject
from .take_back import take_back
from .words import VariantOptions, read_words


def main(argv: Sequence[str]) -> int:
    """`variants`; 0 where it is done or was stopped, 1 where it can't be, 2 where words are wrong."""
    options, rest = read_words(argv)
    if not options.draws:
        if rest:
            raise WordsError(f"variants: {rest[0]} doesn't go with --accept, --reject, --undo and --status.")
        _decide(options)
        return 0
    settings = read_settings(rest, "variants")
    review = read_review(options.dataset, options.review)
    for sentence in notes(options):
        print(sentence, flush=True)
    review.folder.mkdir(parents=True, exist_ok=True)
    with drawing_in(review.folder), stop_signals() as stop:
        names = plan(review, options, settings)
        finished = draw_planned(review, names, settings, options.batch_size, lambda: stop.asked, ToldInTerminal())
    if not finished:
        print("Stopped: what is drawn stays, the same command goes on.")
        return 0
    print(f"{_counted(len(names))} drawn." if names else "All variants that were asked for are there already.")
    print(_text(review))
    return 0


def notes(options: VariantOptions) -> list[str]:
    """What is worth a thought before anything is drawn."""
    found = []
    if options.cfg > HIGHEST_CFG:
        found.append(f"note: CFG {options.cfg:g} is above {HIGHEST_CFG:g}: such pictures teach glaring colours.")
    if names := [] if options.over else glaring(chosen(options.dataset, options)):
        found.append(
            f"note: drawn with a CFG above {HIGHEST_CFG:g}, as their PNG info says: {', '.join(names[:5])}"
            + (f" and {len(names) - 5} more." if len(names) > 5 else ".")
        )
    return found


def _decide(options: VariantOptions) -> None:
    review = read_review(options.dataset, options.review)
    for name in (*options.accept, *options.reject, *options.undo):
        review.named(name)
    if options.accept or options.reject or options.undo:
        with deciding(review):
            reject(review, options.reject)
            for name in options.reject:
                print(f"Rejected: {name}")
            back = take_back(review, options.undo)
            for name in back.back:
                print(f"Waits again: {name}")
            for name, why in back.left:
                print(f"Left as it is: {name}, {why}.")
            for path in accept(review, list(options.accept), options.tagger, options.threshold, options.to_folder):
                print(f"Taken into the dataset: {path}")
    if options.status:
        print(json.dumps(_told(review), indent=2, ensure_ascii=False) if options.as_json else _text(review))


def _told(review: Review) -> dict[str, Any]:
    return {
        "folder": str(review.folder),
        "dataset": str(review.dataset),
        "variants": {name: asdict(one) for name, one in review.variants.items()},
    }


def _counted(variants: int) -> str:
    return "1 variant" if variants == 1 else f"{variants} variants"


def _text(review: Review) -> str:
    planned = len(review.in_state(PLANNED))
    lines = [f"{review.folder}: {_counted(len(review.variants) - planned)} of {review.dataset}"]
    for state in (WAITING, ACCEPTED, REJECTED):
        names = list(review.in_state(state))
        lines += [f"  {state}: {' '.join(names)}"] if names else []
    if planned:
        lines.append(f"  not drawn yet: {planned}, the words that asked for them draw them")
    if review.in_state(WAITING):
        lines.append("Look at them, then: variants DIR --accept NAME …")
    return "\n".join(lines)
