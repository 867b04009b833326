"""How every command ends: 0 done, 1 failed or refused, 2 wrong words; one sentence for the user, the traceback to a log."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

from .files import data_folder
from .problems import UserError

Command = Callable[[Sequence[str]], int]


def run_command(
    program: str, commands: Mapping[str, str], not_built: Sequence[str], words: Sequence[str], load: Callable[[str], Command]
) -> int:
    """Runs the command that the first word names; `load` imports it."""
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: {program} COMMAND …\n\n" + "\n".join(f"  {name:8} {meaning}" for name, meaning in commands.items()))
        print(f"\n{program} COMMAND --help lists a command's settings.")
        return 0 if words else 2
    name = words[0]
    if name not in commands:
        what = "is not built yet" if name in not_built else "is not a command"
        print(f"{name} {what}; there are {', '.join(commands)}.", file=sys.stderr)
        return 2
    return guarded(lambda: load(name)(words[1:]))


def guarded(action: Callable[[], int]) -> int:
    """Runs a command; errors become one sentence and an exit status."""
    try:
        return action()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1
    except Exception as error:  # the last place that can tell a user where the details are
        log = data_folder() / "logs" / time.strftime("error-%Y%m%d-%H%M%S.txt")
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"This went wrong unexpectedly ({type(error).__name__}: {error}); the details are in {log}.", file=sys.stderr)
        return 1
