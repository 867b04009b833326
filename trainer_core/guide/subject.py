"""What is trained, from what the user said and what the pictures show; what can't be known is assumed, and said."""

from __future__ import annotations

from dataclasses import dataclass

from . import tables
from .entries import DifficultyClass, InitialSettings, Use
from .facts import Answers, DatasetFacts

_CLASSED = ("character", "vehicle")
_ASSUMED_CLASS = {"character": "B", "vehicle": "E"}


@dataclass(frozen=True)
class Subject:
    """`row`: the class of a character or vehicle, None for styles and concepts. `initial`: the kind's row of settings.

    `reg`: with regularization pictures. `harder`: half a class harder than `row`, as men are. `kind_why`, `class_why`: a
    sentence each.
    """

    kind: str
    row: DifficultyClass | None
    quality: str
    use: Use
    initial: InitialSettings
    harder: bool
    known: bool | None
    reg: bool
    kind_why: str
    class_why: str

    @property
    def is_hard(self) -> bool:
        """From class E on: nothing human."""
        return self.row is not None and self.row.code >= tables.fact("difficulty", "limits", "hard_from").value


def subject(facts: DatasetFacts, answers: Answers, notices: list[str]) -> Subject:
    """Adds a notice for each answer that had to be assumed."""
    kind = answers.kind or "character"
    if answers.kind is None:
        notices.append("What the pictures teach isn't said: a character is assumed (--kind).")
    row, why, harder = _class(kind, answers, notices)
    quality = _quality(kind, facts, answers, notices)
    if kind in _CLASSED and answers.use is None:
        notices.append("What the LoRA is for isn't said: the usual is assumed (--use).")
    initial = tables.initial(kind, quality)
    return Subject(
        kind,
        row,
        quality,
        tables.use(answers.use or "usual"),
        initial,
        harder,
        answers.known,
        bool(initial.reg) if answers.reg is None else answers.reg,
        "As answered." if answers.kind else "Assumed: nothing was answered.",
        why,
    )


def _class(kind: str, answers: Answers, notices: list[str]) -> tuple[DifficultyClass | None, str, bool]:
    if kind not in _CLASSED:
        return None, "", False
    code = (answers.difficulty or _ASSUMED_CLASS[kind]).upper()
    why = "As answered." if answers.difficulty else "Assumed: nothing was answered."
    if answers.difficulty is None:
        notices.append(
            f"How hard it is isn't said: class {code} is assumed (--difficulty A to I). {tables.difficulty(code).about}"
        )
    if kind == "vehicle":
        between = tables.shift("vehicle")
        kept = min(max(code, between["from"]), between["until"])
        if kept != code:
            why, code = f"Vehicles lie between {between['from']} and {between['until']}, so {code} becomes {kept}.", kept
    harder = answers.male and kind == "character" and code <= tables.shift("male")["until"]
    if harder:
        why = f"{why} A man counts half a class harder."
    return tables.difficulty(code), why, harder


def _quality(kind: str, facts: DatasetFacts, answers: Answers, notices: list[str]) -> str:
    """good or poor; it tells characters' settings apart, and nothing else."""
    if answers.quality or kind not in _CLASSED:
        return answers.quality or "good"
    most = tables.initial("character", "poor").pictures[1]
    quality, many = ("poor", "few") if facts.pictures <= most else ("good", "enough")
    notices.append(f"How good the pictures are isn't said: {facts.pictures} are {many}, so {quality} is assumed (--quality).")
    return quality
