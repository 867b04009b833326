"""Takes variants into the dataset: a copy of the picture, a caption that can be undone, and where it is from."""

from __future__ import annotations

from pathlib import Path

from ...tagger.captions import Caption, Change, caption_file, planned, read_caption, split_tags
from ...tagger.hub import find_or_download
from ...tagger.journal import apply_changes
from ...tagger.pictures import load_picture
from ...tagger.results import Choice, choose
from ..files import data_folder, write_atomically
from ..problems import UserError
from ..provenance import tell_provenance
from .review import ACCEPTED, PLANNED, Review, Variant, now


def accept(review: Review, names: list[str], tagger: str, threshold: float, to: Path | None = None) -> list[Path]:
    """The copies' paths. Cut off anywhere, the same again finishes what is missing and does nothing twice.

    to: the folder in the dataset that they go into; None: beside their sources.
    """
    if to is not None and to.resolve() != review.dataset.resolve() and review.dataset.resolve() not in to.resolve().parents:
        raise UserError(f"{to} does not lie in {review.dataset}: name a folder in the dataset, such as 5_variants.")
    for name in names:
        if review.named(name).state == PLANNED:
            raise UserError(f"{name} is not drawn yet: run the command that asked for it again.")
    paths = []
    for name in names:
        one = review.variants[name]
        if one.state != ACCEPTED:
            folder = to or (review.dataset / one.source).parent
            target = _free(review, folder / name, one.caption_extension)
            caption = _caption(review, one, target, tagger, threshold)
            file = target.relative_to(review.dataset).as_posix()
            one.state, one.accepted = ACCEPTED, {"by": "person", "time": now(), "file": file, "caption": caption}
            review.save(name)
            one = review.variants[name]
        paths.append(_carried_out(review, name, one))
    return paths


def _carried_out(review: Review, name: str, one: Variant) -> Path:
    target = review.dataset / one.accepted["file"]
    if not target.is_file():
        write_atomically(target, (review.folder / name).read_bytes())
    text = caption_file(target, one.caption_extension)
    if one.accepted["caption"] and not text.is_file():
        batch = apply_changes(
            target.parent, [Change(text, None, one.accepted["caption"].encode("utf-8"))], f"caption of {name}"
        )
        if batch.failed:
            raise UserError(f"{target.name} is in the dataset, its caption can't be written: {batch.failed[0][1]}.")
    told = {"variant": name, **one.asked(), "infotext": one.infotext, "sha256": one.sha256, **one.accepted}
    tell_provenance(review.dataset, target, told)
    return target


def _free(review: Review, wanted: Path, extension: str) -> Path:
    """A name whose picture and caption are free, and that no other variant is to get."""
    taken = {one.accepted.get("file", "") for one in review.variants.values()}
    candidate, number = wanted, 1
    while (
        any(candidate.parent.glob(f"{candidate.stem}.*"))
        or caption_file(candidate, extension).exists()
        or candidate.relative_to(review.dataset).as_posix() in taken
    ):
        number += 1
        candidate = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return candidate


def _caption(review: Review, one: Variant, target: Path, tagger: str, threshold: float) -> str:
    """The source's caption, or what the tagger sees behind the source's first tag."""
    text = read_caption(caption_file(review.dataset / one.source, one.caption_extension)).text.strip()
    if not tagger:
        return text
    from ...tagger.model import Tagger

    model = Tagger.load(find_or_download(tagger, data_folder() / "models" / "taggers"))
    name = next(key for key, value in review.variants.items() if value is one)
    image = load_picture(review.folder / name)
    if isinstance(image, str):
        raise UserError(f"{name} can't be read: {image}.")
    tags = choose(model.labels, model.probabilities([image])[0], Choice(threshold=threshold)).names
    change = planned(Caption(target), tags, "overwrite", split_tags(text)[:1])
    return change.after.decode("utf-8") if change and change.after is not None else text
