"""`advise`: settings for a folder of pictures with a reason each, or the next run for what one sees in a LoRA.

python -m trainer_core advise pictures --base model.safetensors --kind character --difficulty B --vram 8
python -m trainer_core advise --symptom burnt --settings pictures_advised.toml
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import free_name, write_atomically
from ..forecasts.cards import GIBIBYTE, RESERVE, Card, found_card
from ..guide import bases, tables
from ..guide.advice import Advice, Answers, BaseFacts, Reasoned, advise, in_epochs
from ..optimizer_table import TABLE
from ..plan import Plan, make_plan
from ..problems import UserError, WordsError
from ..settings import Settings
from ..settings.network_kinds import ALGO_ALIASES
from ..settings.network_kinds import KINDS as NETWORKS
from ..settings.subject import CLASSES
from ..settings.subject import KINDS as SUBJECTS
from .look import look_at_base, look_at_pictures
from .next import main as next_main
from .text import advice_table, settings_text

_MODELS = (".safetensors", ".ckpt")
ABOUT = """Looks at a folder of pictures and writes a settings file for them, with a reason for every value: from the
training guide, from what you say of the subject, and from what the base model's file shows. Questions that you leave out
are answered by what is usual, and named. Or: from what one sees in a LoRA's pictures (--symptom list says what) to the
values of the next run."""


def main(argv: Sequence[str]) -> int:
    """0 where the settings are written and the plan has no error, 1 where it has, 2 where words are wrong."""
    words = build_parser().parse_args(list(argv))
    if words.symptom:
        return next_main(words)
    if words.folder is None:
        raise WordsError("a folder of pictures is missing: advise DIR, or advise --symptom list.")
    if words.settings:
        raise WordsError("--settings belongs to --symptom CODE: the run that was seen.")
    if words.out is not None and words.out.exists():
        raise WordsError(f"{words.out} exists already; give another name with --out.")
    if words.reg is not None and not words.reg.is_dir():
        raise WordsError(f"--reg {words.reg} is no folder: leave it out, and one is made where it is advised.")
    card = found_card() if words.vram is None else None
    if card is not None:
        words.vram = round(card.memory / GIBIBYTE)
    advice, plan = advised(words.folder, _answers(words), words.base, words.reg, words.data_dir)
    on_disk = _on_disk(words.models, words.looks or look_at_pictures(words.folder, words.data_dir)[0].looks)
    out = words.out or free_name(words.folder.absolute().parent / f"{words.folder.absolute().name}_advised.toml")
    values = [*paths(words.folder, words.base, reg_folder(advice, words.folder, words.reg), advice), *advice.values]
    if advice.wants_reg:
        reg_folder(advice, words.folder, words.reg).mkdir(parents=True, exist_ok=True)
    write_atomically(out, settings_text(values, _head(words.folder)))
    notices = [*_seen_memory(card, plan, words.vram), *advice.notices, *on_disk, *_to_do(advice, plan, out, words)]
    if words.json:
        print(json.dumps(as_json(advice, values, notices, plan, out), indent=2))
    else:
        _say(values, notices, plan, out)
    return 1 if _own_errors(plan, words.base) else 0


def advised(
    folder: Path, answers: Answers, base: Path | None = None, reg: Path | None = None, data_dir: Path | None = None
) -> tuple[Advice, Plan]:
    """The advice with exact epochs, and the plan of its settings. Writes nothing but what the scan remembers."""
    facts, _ = look_at_pictures(folder, data_dir)
    seen = look_at_base(base) if base else BaseFacts()
    if reg is not None and answers.reg is None:
        answers = Answers(**{**vars(answers), "reg": True})
    advice = advise(facts, answers, seen)
    where = reg_folder(advice, folder, reg)
    has_reg = advice.wants_reg and where.is_dir() and any(where.iterdir())
    values = {one.name: one.value for one in paths(folder, base, where if has_reg else None, advice)}
    if data_dir is not None:
        values["data_dir"] = str(data_dir)
    plan = make_plan(Settings.from_dict({**values, **advice.settings()}))
    per_epoch = plan.steps_per_epoch * (2 if advice.wants_reg and not has_reg else 1)
    advice = in_epochs(advice, per_epoch)
    return advice, make_plan(Settings.from_dict({**values, **advice.settings()}))


def reg_folder(advice: Advice, folder: Path, given: Path | None) -> Path | None:
    """Where regularization pictures lie or will lie; None where none are advised."""
    if not advice.wants_reg:
        return None
    return given or folder.absolute().with_name(f"{folder.absolute().name}_reg")


def paths(folder: Path, base: Path | None, reg: Path | None, advice: Advice) -> list[Reasoned]:
    """The settings that are paths and names."""
    here = folder.absolute()
    values = [Reasoned("train_data_dir", str(here), "The pictures.")]
    if base is not None:
        values.insert(0, Reasoned("pretrained_model_name_or_path", str(base.absolute()), "The base model."))
    if reg is not None:
        why = "Regularization pictures; the run goes without while the folder is empty."
        values.append(Reasoned("reg_data_dir", str(reg.absolute()), why, "guide l. 324, 536"))
    values.append(Reasoned("output_dir", str(here.with_name("lora")), "Beside the pictures."))
    values.append(Reasoned("output_name", here.name, "The folder's name; a LoRA of that name is never overwritten."))
    return values


def _own_errors(plan: Plan, base: Path | None) -> list[Any]:
    """The plan's errors, but for the base model's where none was named."""
    return [one for one in plan.errors if base is not None or one.code != "base-model-missing"]


def _seen_memory(card: Card | None, plan: Plan, gigabytes: float | None) -> list[str]:
    """Which GPU was found, and whether what the run takes is more than its memory or the one that was named."""
    found = [f"The GPU found here, {card.name}, has {gigabytes:g} GB."] if card is not None else []
    memory = plan.forecast.memory
    if memory is not None and gigabytes is not None and not Card("", int(gigabytes * GIBIBYTE)).fits(memory.peak):
        need = (memory.peak + RESERVE) / GIBIBYTE
        found.append(f"The run is reckoned to take {need:.1f} GB: `plan` says what of it can be spared.")
    return found


def _to_do(advice: Advice, plan: Plan, out: Path, words: argparse.Namespace) -> list[str]:
    found = []
    if words.base is None:
        found.append("The base model isn't named (--base FILE): a Stable Diffusion 1.x is assumed; give it to plan and train.")
    if advice.wants_reg and not any(one.is_reg and one.images for one in plan.subsets):
        found.append(
            "Draw the regularization pictures before the training: "
            f"python -m trainer_core reg --config_file {out} --class_word {_class_word(plan)} (what the subject is a kind of)."
        )
    return found


def _on_disk(folder: Path | None, look: str) -> list[str]:
    """Which models of the folder, by their names, suit the subject."""
    if folder is None or not look:
        return []
    if not folder.is_dir():
        raise WordsError(f"--models {folder} is no folder: give the one that your base models lie in.")
    codes = {one.code for one in bases.suited(look)}
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in _MODELS)
    fitting = [name for name in names if (base := bases.base_of(name)) is not None and base.code in codes]
    if not fitting:
        return [f"No model in {folder} is, by its name, one that suits it."]
    return [f"Of the models in {folder} these suit it, by their names: {', '.join(fitting)}."]


def _class_word(plan: Plan) -> str:
    """The first tag but the activation tag that all captions have, such as 1girl."""
    everywhere = [tag for tag, count in plan.tags.items() if count == plan.images]
    firsts = {item.caption.split(",")[0].strip() for item in plan.training_set.items}
    return next((f'"{tag}"' if " " in tag else tag for tag in everywhere if tag not in firsts), "1girl")


def as_json(advice: Advice, values: Sequence[Reasoned], notices: Sequence[str], plan: Plan, out: Path | None) -> dict[str, Any]:
    """The advice for programs."""
    return {
        "settings": {one.name: one.value for one in values},
        "values": [asdict(one) for one in values],
        "notices": list(notices),
        "steps": plan.steps,
        "epochs": plan.epochs,
        "problems": [one.as_dict() for one in plan.problems],
        "written": str(out) if out else None,
    }


def _say(values: Sequence[Reasoned], notices: Sequence[str], plan: Plan, out: Path) -> None:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    print(advice_table(values))
    print()
    for sentence in notices:
        print(f"note: {sentence}")
    for one in plan.errors:
        print(f"error: {one.message} {one.fix}".rstrip())
    print(f"{plan.images} pictures, {plan.steps} steps in {plan.epochs} epochs. Written: {out}")
    print(f"Next: python -m trainer_core plan --config_file {out}")


def _head(folder: Path) -> str:
    return f"Settings advised for {folder.absolute()}. Line numbers are the training guide's; change what you know better."


def _answers(words: argparse.Namespace) -> Answers:
    known = {"yes": True, "no": False, None: None}[words.known]
    return Answers(
        kind=words.kind,
        difficulty=words.difficulty,
        use=words.use,
        vram_gb=words.vram,
        quality=words.quality,
        optimizer=_optimizer(words.optimizer),
        network=words.network,
        known=known,
        reg=False if words.no_reg else None,
        male=words.male,
        looks=words.looks,
    )


def _optimizer(name: str | None) -> str | None:
    if name is None or name.lower() in {one.lower() for one in TABLE}:
        return name
    raise UserError(f"--optimizer {name} is none that advice can be given on; there are {', '.join(TABLE)}.")


def _letter(text: str) -> str:
    if text.upper() not in CLASSES:
        raise argparse.ArgumentTypeError(f"{text!r} is no class; there are {CLASSES[0]} to {CLASSES[-1]}")
    return text.upper()


def _gigabytes(text: str) -> float:
    number = text.lower().removesuffix("gb").strip()
    try:
        value = float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of gigabytes, such as 8") from None
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text} GB is no GPU's memory")
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise WordsError(f"advise: {message}.")


def build_parser() -> argparse.ArgumentParser:
    uses = [one.code for one in tables.uses()]
    parser = _Parser(prog="python -m trainer_core advise", description=ABOUT, allow_abbrev=False)
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="the pictures, or a folder of numbered folders")
    parser.add_argument("--base", type=Path, metavar="FILE", help="the base model (default: as for Stable Diffusion 1.x)")
    parser.add_argument("--reg", type=Path, metavar="DIR", help="regularization pictures that you have")
    parser.add_argument("--no_reg", action="store_true", help="without regularization pictures, whatever is advised")
    parser.add_argument("--kind", choices=SUBJECTS, help="what the pictures teach (default character)")
    parser.add_argument(
        "--difficulty", type=_letter, metavar="A-I", help="how hard it is: docs/advice.md (default B; a vehicle E)"
    )
    parser.add_argument("--use", choices=uses, help="what the LoRA is for (default usual)")
    parser.add_argument("--vram", type=_gigabytes, metavar="GB", help="the GPU's memory (default 8)")
    parser.add_argument("--quality", choices=("good", "poor"), help="how good the pictures are (default by their number)")
    parser.add_argument("--looks", choices=tuple(bases.looks()), help="how the subject looks, by which a base model is advised")
    parser.add_argument("--models", type=Path, metavar="DIR", help="a folder of base models: those that suit it are named")
    parser.add_argument("--male", action="store_true", help="the character is a man")
    parser.add_argument("--known", choices=("yes", "no"), help="whether the base draws the subject by its name (`prior`)")
    parser.add_argument("--optimizer", metavar="NAME", help="an optimizer of your own choice")
    parser.add_argument(
        "--network",
        choices=("lora", *sorted({*NETWORKS, *ALGO_ALIASES} & {"locon", "loha", "lokr", "ia3", "dylora"})),
        help="a kind of network of your own choice (default lora)",
    )
    parser.add_argument("--data_dir", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--symptom", metavar="CODE", help="what is wrong with a LoRA; list shows them all")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="with --symptom: the settings of the run that was seen")
    parser.add_argument(
        "--out", type=Path, metavar="TOML", help="the settings file (default DIR_advised.toml); never one that exists"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
