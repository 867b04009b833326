"""From what is known of pictures, base model and wishes to settings with a reason each.

Light: standard library only; `trainer_core/advise.py` looks at the files, asks this, and writes the settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from . import bases, tables
from .advice_learning import length, memory, memory_row, optimizer, rates, saving, steps
from .advice_network import network
from .advice_pictures import captions, folders, sizes
from .facts import Advice, Answers, BaseFacts, DatasetFacts, FolderFacts, Reasoned, guide
from .subject import Subject, subject

__all__ = ["Advice", "Answers", "BaseFacts", "DatasetFacts", "FolderFacts", "Reasoned", "advise", "in_epochs"]

_SNAPSHOTS = 10  # of a run, about


def advise(facts: DatasetFacts, answers: Answers, base: BaseFacts | None = None) -> Advice:
    """Settings for these pictures, all but paths. The epochs hold for batches that are full; `in_epochs` makes them exact."""
    base = base or BaseFacts()
    notices: list[str] = []
    one = subject(facts, answers, notices)
    notices += base_notices(facts, answers, base)
    row = memory_row(answers, base, notices)
    batch = row.settings["train_batch_size"]
    unet_only = bool(row.settings.get("network_train_unet_only"))
    chosen = optimizer(answers, row)
    name = str(chosen[0].value)
    values = [
        *_told(one),
        *folders(facts, one, notices),
        *sizes(facts, one, base, notices),
        *captions(facts, bool(row.settings.get("cache_text_encoder_outputs")), notices),
        *network(facts, one, answers, base, name, notices),
        *chosen,
        *rates(one, name, unet_only, notices),
        *length(facts, one, answers, batch),
        *memory(row, answers),
        *saving(),
        *_clip_skip(base),
    ]
    return Advice(tuple(values), tuple(dict.fromkeys(notices)), steps(one, answers, batch)[0], one.reg)


def base_notices(facts: DatasetFacts, answers: Answers, base: BaseFacts) -> list[str]:
    """Which base models suit the subject, where none is chosen or the chosen one doesn't; how it looks is said or seen."""
    look = answers.looks or facts.looks
    found = bases.misfits(look, base.name, base.prediction) if base.name else []
    if not look:
        return found if base.name else ["How the subject looks isn't said, so that no base model is advised (--looks)."]
    seen = "" if answers.looks else " It looks so by its tags."
    if not base.name or found:
        found.append(f"{bases.looks()[look].about}{seen} {bases.recommendation(look)}")
    return found


def in_epochs(advice: Advice, steps_per_epoch: int) -> Advice:
    """The advice with the epochs that its number of steps takes, now that the steps of an epoch are known exactly."""
    wanted = {one.name: one for one in advice.values}["max_train_epochs"]
    epochs = max(1, math.ceil(advice.steps / max(steps_per_epoch, 1)))
    every = max(1, epochs // _SNAPSHOTS)
    words = f"{epochs} epochs of {steps_per_epoch} steps make {epochs * steps_per_epoch}: {wanted.reason}"
    shown = f"About {epochs // every} snapshots show where it was best."
    new = {
        "max_train_epochs": Reasoned("max_train_epochs", epochs, words, wanted.source),
        "save_every_n_epochs": Reasoned("save_every_n_epochs", every, shown, _line("kinds", "rules", "snapshots")),
    }
    values = tuple(new.get(one.name, one) for one in advice.values)
    return Advice(values, advice.notices, advice.steps, advice.wants_reg)


def _line(*keys: str) -> str:
    return guide(tables.fact(*keys).line)


def _told(one: Subject) -> Iterator[Reasoned]:
    yield Reasoned("subject_kind", one.kind, one.kind_why)
    if one.row is not None:
        yield Reasoned("subject_difficulty", one.row.code, f"{one.row.about} {one.class_why}", guide(one.row.line))


def _clip_skip(base: BaseFacts) -> Iterator[Reasoned]:
    if base.clip_skip == 2:
        yield Reasoned("clip_skip", 2, "The base model is NovelAI's, by its name; draw with the same.", guide("908-909"))
