"""Which share of the pictures is this process's, where torchrun started several. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..trainer_core.problems import UserError


def share(environment: Mapping[str, str] | None = None) -> tuple[int, int]:
    """(this process's number, number of processes) by RANK and WORLD_SIZE; (0, 1) without them.

    Each takes every WORLD_SIZE-th picture from its own number on: the same whatever the others have done meanwhile.
    """
    given = os.environ if environment is None else environment
    try:
        rank, world = int(given.get("RANK", "0")), int(given.get("WORLD_SIZE", "1"))
    except ValueError:
        rank, world = -1, 0
    if not 0 <= rank < world:
        raise UserError(
            f"RANK is {given.get('RANK')!r} and WORLD_SIZE {given.get('WORLD_SIZE')!r}: start with torchrun, or unset both."
        )
    return rank, world
