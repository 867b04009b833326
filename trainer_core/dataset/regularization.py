"""How often regularization pictures are seen: as often as the training pictures, all together and evenly."""

from __future__ import annotations

from collections.abc import Sequence

from .folders import Findings
from .items import Subset


def matched_copies(repeats: Sequence[int], total: int) -> list[int]:
    """Copies an epoch for regularization pictures so that they sum up to `total`, in proportion to their `repeats`.

    With equal repeats the copies differ by one at most; the surplus is spread over all of them, so that no folder is left out
    because of its name. 0 means that the picture is not used.
    """
    whole = sum(repeats)
    if not whole:
        return [0] * len(repeats)
    copies, seen = [], 0
    for repeat in repeats:
        copies.append((seen + repeat) * total // whole - seen * total // whole)
        seen += repeat
    return copies


def tell_shared_folders(subsets: Sequence[Subset], findings: Findings) -> None:
    """Pictures that are the subject and its class at once would teach that the subject is nothing special."""
    trained = {subset.folder.resolve() for subset in subsets if not subset.is_reg}
    for subset in subsets:
        if subset.is_reg and subset.folder.resolve() in trained:
            message = f"{subset.folder} is given for training and for regularization at once."
            fix = "Give regularization pictures a folder of their own, or take reg_data_dir out."
            findings.tell("error", "reg-is-training", message, fix)
