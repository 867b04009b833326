"""From what one sees in a LoRA's pictures to the next run: `advise --symptom CODE --settings FILE`."""

from __future__ import annotations

import argparse
import difflib
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..guide.facts import Reasoned
from ..guide.symptoms import Symptom, next_run, symptom, symptoms
from ..problems import WordsError
from ..settings import Settings, read_settings
from .text import advice_table, settings_text, shown


def main(words: argparse.Namespace) -> int:
    """Prints the symptoms, or what the next run changes; writes its settings where --out names a file."""
    if words.symptom == "list":
        print(json.dumps([asdict(one) for one in symptoms()], indent=2, ensure_ascii=False) if words.json else listing())
        return 0
    one = _known(words.symptom)
    if words.settings is None:
        raise WordsError(f"--symptom {one.code} needs --settings FILE: the settings of the run that was seen.")
    if words.out is not None and words.out.exists():
        raise WordsError(f"{words.out} exists already; give another name with --out.")
    settings = read_settings(["--config_file", str(words.settings)], "advise")
    changes = next_run(one.code, settings)
    if words.out is not None:
        write_atomically(words.out, settings_text(changed(settings, changes), f"The run after {words.settings}: {one.sees}"))
    if words.json:
        print(json.dumps(as_json(one, changes, words.out), indent=2, ensure_ascii=False))
    else:
        print(report(one, settings, changes, words.out))
    return 0


def listing() -> str:
    """Every symptom by its code."""
    width = max(len(one.code) for one in symptoms()) + 2
    return "\n".join(f"{one.code:<{width}}{one.sees}" for one in symptoms())


def report(one: Symptom, settings: Settings, changes: Sequence[Reasoned], out: Path | None) -> str:
    """What was seen, why it may be, what changes and what is to do by hand."""
    lines = [f"{one.sees} (guide l. {one.line})", ""]
    lines += [f"why: {cause}" for cause in one.causes]
    lines += ["", advice_table(changes)] if changes else ["", "No setting mends this."]
    lines += ["", *(f"by hand: {sentence}" for sentence in one.advice)] if one.advice else []
    if changes:
        lines += ["", f"Written: {out}" if out else "Write these into a settings file with --out FILE, or into your own."]
    return "\n".join(lines)


def changed(settings: Settings, changes: Sequence[Reasoned]) -> list[Reasoned]:
    """All settings of the next run: what changes has its reason."""
    new = {one.name: one for one in changes}
    given: dict[str, Any] = settings.as_dict(only_given=True)
    given.pop("config_file", None)
    kept = [new.pop(name, Reasoned(name, value, "")) for name, value in given.items()]
    return [*kept, *new.values()]


def as_json(one: Symptom, changes: Sequence[Reasoned], out: Path | None) -> dict[str, Any]:
    return {
        "symptom": asdict(one),
        "values": [{**asdict(change), "shown": shown(change.value)} for change in changes],
        "written": str(out) if out else None,
    }


def _known(code: str) -> Symptom:
    known = {one.code for one in symptoms()}
    if code in known:
        return symptom(code)
    near = difflib.get_close_matches(code, known, 1)
    meant = f"did you mean {near[0]}?" if near else textwrap.shorten(f"there are {', '.join(sorted(known))}", 400) + "."
    raise WordsError(f"--symptom {code} is not known; {meant}")
