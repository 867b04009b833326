"""What a request is refused with: one sentence for the user, and the HTTP status that goes with it."""

from __future__ import annotations

from ..trainer_core.problems import UserError

WRONG, FORBIDDEN, MISSING, NOT_NOW, TOO_LARGE, TOO_MANY, BROKEN = 400, 403, 404, 409, 413, 429, 500


class Refused(UserError):
    """`status`: 400 the request is wrong, 403 forbidden, 404 not there, 409 not in this state, 413 too large, 429 too many."""

    def __init__(self, sentence: str, status: int = WRONG) -> None:
        super().__init__(sentence)
        self.status = status
