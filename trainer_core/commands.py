"""The commands of `python -m trainer_core`."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence

from .command_errors import run_command
from .problems import WordsError

COMMANDS = {
    "train": "trains a LoRA",
    "plan": "says what `train` would do with the same words and what is wrong, and mends it with --fix",
    "advise": "settings for a folder of pictures with a reason each, or the next run for what one sees",
    "export": "writes the same words as a file of settings or a script: --as toml, bash, powershell or notebook",
    "import": "turns other tools' settings and pasted scripts into a settings file",
    "reg": "draws regularization pictures with the training's base model",
    "grid": "draws what a LoRA does in labelled grids, and makes a chosen cell the next run",
    "prior": "draws what the base model makes of the activation tag, before anything is trained",
    "loop": "from one picture to a LoRA in rounds: trains, draws candidates, keeps the good ones",
    "bake": "makes block weights part of a LoRA file",
    "extract": "makes a LoRA of what a tuned model has learnt",
    "merge": "LoRAs into one LoRA or into a checkpoint",
    "resize": "a LoRA of fewer ranks",
    "cut": "a DyLoRA cut to a rank",
    "convert": "a LoRA of diffusers', PEFT's or torch's under kohya's names",
    "inspect": "shows what is in a LoRA file, and changes its metadata",
    "variants": "draws a training picture anew or redraws a part of it, and takes the good ones",
    "pictures": "says what is wrong with training pictures, and cuts new ones out of them",
    "job": "does what a job's folder asks for: job FOLDER",
}
USAGE = "usage: python -m trainer_core COMMAND …\n\n" + "".join(f"  {name:<10}{what}\n" for name, what in COMMANDS.items())
USAGE += "\n`python -m trainer_core COMMAND --help` lists a command's words.\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first word names; returns its exit status: 0 done, 1 failed or refused, 2 wrong words."""
    words = sys.argv[1:] if argv is None else argv
    return run_command(_run, words, "python -m trainer_core")


def _run(words: list[str]) -> int:
    if not words:
        raise WordsError("a command is missing.\n" + USAGE)
    if words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    return _command(words[0])(words[1:])


def _command(name: str) -> Callable[[list[str]], int]:
    """The command's function; imported here, so that no command pays for another's imports."""
    if name == "train":
        from .train import main as command
    elif name == "plan":
        from .plan_command import main as command
    elif name == "advise":
        from .advise.command import main as command
    elif name == "export":
        from .export import main as command
    elif name == "import":
        from .imports.command import main as command
    elif name == "reg":
        from .reg.command import main as command
    elif name == "grid":
        from .grids.command import main as command
    elif name == "prior":
        from .prior.command import main as command
    elif name == "loop":
        from .loop.command import main as command
    elif name == "bake":
        from .tools.bake_command import main as command
    elif name == "extract":
        from .tools.extract_command import main as command
    elif name == "merge":
        from .tools.merge_command import main as command
    elif name == "resize":
        from .tools.resize_command import main as command
    elif name == "cut":
        from .tools.cut_command import main as command
    elif name == "convert":
        from .tools.convert_command import main as command
    elif name == "inspect":
        from .tools.inspect_command import main as command
    elif name == "variants":
        from .variants.command import main as command
    elif name == "pictures":
        from .pictures.command import main as command
    elif name == "job":
        from .job import main as command
    else:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        raise WordsError(f"{name!r} is not a command" + (f"; did you mean {near[0]}?" if near else ".") + f"\n{USAGE}")
    return command
