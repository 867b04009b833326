"""Takes decisions back: a rejected variant waits again, an accepted one leaves the dataset where nobody changed it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...tagger.captions import Change, caption_file, read_caption
from ...tagger.journal import apply_changes
from ..files import file_sha256
from ..problems import UserError
from ..provenance import forget_provenance
from .review import ACCEPTED, REJECTED, WAITING, Review, Variant


@dataclass
class TakenBack:
    """Names of variants that wait again, and of those left in the dataset because they were changed there, with the reason."""

    back: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def take_back(review: Review, names: Sequence[str]) -> TakenBack:
    """Cut off anywhere, the same again finishes it: what is gone already is passed over, and the decision is forgotten last."""
    done = TakenBack()
    for name in names:
        if review.named(name).state not in (ACCEPTED, REJECTED):
            raise UserError(f"Nothing was decided on {name} that could be taken back.")
    for name in names:
        one = review.variants[name]
        if one.state == ACCEPTED:
            reason = _taken_out(review, name, one)
            if reason:
                done.left.append((name, reason))
                continue
        one.state, one.accepted = WAITING, {}
        review.save(name)
        done.back.append(name)
    return done


def _taken_out(review: Review, name: str, one: Variant) -> str:
    """Removes the copy with its caption and where it is from; why it was left alone, or ""."""
    path = review.dataset / one.accepted["file"]
    if path.is_file() and file_sha256(path) != one.sha256:
        return "the picture was changed since"
    caption = read_caption(caption_file(path, one.caption_extension))
    if caption.content is not None:
        if caption.content != one.accepted["caption"].encode("utf-8"):
            return "its caption was changed since"
        change = Change(caption.path, caption.content, None)
        if failed := apply_changes(path.parent, [change], f"caption of {name}, taken back").failed:
            return f"its caption can't be removed: {failed[0][1]}"
    path.unlink(missing_ok=True)
    forget_provenance(review.dataset, {one.accepted["file"]})
    return ""
