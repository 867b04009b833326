"""What a user is told when something is wrong: an error that ends a command, or a line in the plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


class UserError(Exception):
    """One sentence for the user: what is wrong, where, and how to mend it. The command ends with `exit_status`."""

    exit_status = 1


class WordsError(UserError):
    """The words of the command line or of a settings file are wrong."""

    exit_status = 2


@dataclass(frozen=True)
class Problem:
    """A line of the plan. `code` is stable (kebab-case), so that scripts and translations can hold on to it.

    fixable: `plan --fix CODE` mends it.
    """

    severity: Severity
    code: str
    message: str
    fix: str = ""
    fixable: bool = False

    def as_dict(self) -> dict[str, str | bool]:
        return asdict(self)
