"""The commands of `python -m tagger`: tag, serve; edit, merge, check, stats; undo, redo, changes."""

from __future__ import annotations

from collections.abc import Sequence

from .command_line import main_of


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the first word names. 0: done; 1: failed, or something needs a look; 2: wrong words."""
    from . import change_commands, check_commands, edit_command, merge_command, serve_command, tag_command

    return main_of(
        argv, [tag_command, edit_command, merge_command, check_commands, change_commands, serve_command], __doc__ or ""
    )
