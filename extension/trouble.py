"""What an error in a handler is to its caller: a status and one sentence."""

from __future__ import annotations

import errno

from ..trainer_core.problems import UserError
from .errors import BROKEN, FORBIDDEN, MISSING, WRONG, Refused

_STATUSES = {
    errno.ENOENT: MISSING,
    errno.ENOTDIR: MISSING,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.ENAMETOOLONG: WRONG,
}


def sentence_of(error: Exception) -> tuple[int, str]:
    """Whatever went wrong, without a traceback and without what only programmers know."""
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, UserError):
        return WRONG, str(error)
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return _STATUSES.get(error.errno or 0, BROKEN), f"{error.strerror or 'A file could not be used'}{where}."
    return BROKEN, "Something went wrong that should not have; webui's terminal has the full report."
