"""Writes the demo's one-page report: a single HTML file that needs nothing else, in light and dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from ...trainer_core.files import write_atomically
from ..world.creatures import own_tags
from .curve import loss_curve
from .measures import is_met
from .recipe import HERE, Recipe

MEANINGS = {
    "concept_before": "How much of the creature the judge sees before training, as a share of what it sees in true pictures.",
    "concept_after": "The same with the LoRA: 1 is as clear as true pictures.",
    "context_followed": "Share of the other tags in the prompts (hat, place, mouth …) that the judge finds in the samples.",
    "without_tag": "The creature's share where the prompt lacks the activation tag: the LoRA must not colour everything.",
    "nearest_copy": "Distance of the nearest sample to its training picture; 0 is a copy, 1 the usual distance between two "
    "training pictures. Compared are the colours at 64 by 64 pixels.",
    "train_cpu_seconds": "CPU time of the training process, from its start to its end.",
}


@dataclass(frozen=True)
class Shown:
    """What the report shows beside the numbers; captions by picture, grid as rows [prompt][strength]."""

    captions: dict[Path, str]
    regularization: dict[Path, str]
    prompts: list[str]
    grid: list[list[Image.Image]]
    samples: dict[str, list[Image.Image]]
    losses: list[float]
    plan: dict[str, Any]


def write_report(path: Path, result: dict[str, Any], recipe: Recipe, shown: Shown) -> None:
    """Writes the report; `result` is the content of demo.json."""
    template = Template((HERE / "report_template.html").read_text(encoding="utf-8"))
    creature = result["creature"]
    control = result["control"]
    verdict, good = _verdict(result)
    titles = {
        "before": f"Before: the base model with {creature} in the prompt",
        "after": "After: the same prompts and seeds with the LoRA",
        "without_tag": f"The LoRA is on, but {creature} is not in the prompt",
    }
    page = template.substitute(
        title=f"{creature} as a LoRA" + (", control with shuffled captions" if control else ""),
        subtitle=f"{len(shown.captions)} pictures, {len(shown.losses)} steps, seed {result['seed']}, "
        f"{result['train_cpu_seconds']:.0f} CPU seconds of training, {result['total_seconds']:.0f} seconds in all.",
        verdict=escape(verdict),
        verdict_class="" if good else "bad",
        grid=_grid(shown, recipe),
        samples=len(shown.prompts),
        measures="".join(_measure(name, result, *aim) for name, aim in recipe.aims.items()),
        loss_first=f"{result['loss_first']:.4f}",
        loss_last=f"{result['loss_last']:.4f}",
        curve=loss_curve(shown.losses),
        sheets="".join(_sheet(titles[name], images) for name, images in shown.samples.items()),
        captions_note=escape(_captions_note(creature, control)),
        cards="".join(_card(picture, caption) for picture, caption in shown.captions.items()),
        regularization=_sheet(
            f"{len(shown.regularization)} pictures, the first one from: {next(iter(shown.regularization.values()), '')}",
            [_opened(picture) for picture in shown.regularization],
        ),
        plan="".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _plan_rows(recipe, shown.plan)
        ),
        paths=f"LoRA: <code>{escape(result['lora'])}</code><br>Its settings file, captions and samples lie beside this report.",
    )
    write_atomically(path, page)


def _verdict(result: dict[str, Any]) -> tuple[str, bool]:
    """One sentence, and whether it is the one that was hoped for."""
    missed = ", ".join(result["missed"])
    if result["control"]:
        if missed:
            return f"This is a control: its captions were shuffled among the pictures. As it should, it misses {missed}.", True
        return "This is a control, and yet it meets every aim: these measures can't be trusted.", False
    if missed:
        return f"The LoRA misses its aim in {missed}.", False
    return (
        "Every aim is met: the LoRA draws the creature when it is asked to, follows the other tags, and copies nothing.",
        True,
    )


def _captions_note(creature: str, control: bool) -> str:
    text = (
        f"The tagger wrote the captions. {creature} was put first as the activation tag; the creature's own tags "
        f"({', '.join(own_tags(creature))}) were left out, so that the activation tag comes to stand for them."
    )
    if control:
        text += " As a control all captions, those of the regularization pictures too, were then shuffled among the pictures."
    return text


def _grid(shown: Shown, recipe: Recipe) -> str:
    heads = "".join(f"<th>{'base model' if one == 0 else f'strength {one:g}'}</th>" for one in recipe.grid_strengths)
    rows = [
        f'<tr><th scope="row">{escape(prompt)}</th>' + "".join(f"<td>{_picture(image, prompt)}</td>" for image in row) + "</tr>"
        for prompt, row in zip(shown.prompts, shown.grid, strict=False)
    ]
    return f"<tr><th></th>{heads}</tr>" + "".join(rows)


def _measure(name: str, result: dict[str, Any], side: str, limit: float) -> str:
    value = result[name]
    met = is_met(value, side, limit)
    shown = f"{value:.0f}" if name.endswith("seconds") else f"{value:.2f}"
    state = f'<td class="state {"met" if met else "missed"}">{"✓ met" if met else "✗ missed"}</td>'
    aim = f"{side} {limit:g}".replace(" ", "&nbsp;")
    return f'<tr><td>{name}</td><td class="number">{shown}</td><td>{aim}</td>{state}<td>{escape(MEANINGS[name])}</td></tr>'


def _plan_rows(recipe: Recipe, plan: dict[str, Any]) -> list[tuple[str, str]]:
    rates = ", ".join(f"{name} {value:g}" for name, value in plan["learning_rates"].items())
    rows = [
        ("steps", f"{plan['steps']} in {plan['epochs']} epochs of {plan['batches_per_epoch']} batches"),
        ("learning rates", rates),
        ("file", f"{plan['file_size_bytes'] / 1024:.0f} KiB"),
        *((one["severity"], f"{one['message']} {one['fix']}".strip()) for one in plan["problems"]),
        ("settings", ", ".join(f"{name} {value}" for name, value in recipe.training.items())),
        ("samples", ", ".join(f"{name} {value}" for name, value in recipe.sampler.items())),
    ]
    return rows


def _card(picture: Path, caption: str) -> str:
    return f"<figure>{_picture(_opened(picture), caption)}<figcaption>{escape(caption)}</figcaption></figure>"


def _sheet(title: str, images: Sequence[Image.Image], columns: int = 8) -> str:
    """All pictures in one, eight in a row; transparent between them."""
    if not images:
        return ""
    width, height = images[0].size
    gap = 6
    rows = -(-len(images) // columns)
    sheet = Image.new("RGBA", (columns * (width + gap) - gap, rows * (height + gap) - gap))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        sheet.paste(image.convert("RGB"), (column * (width + gap), row * (height + gap)))
    return f"<figure><figcaption>{escape(title)}</figcaption>{_picture(sheet, title)}</figure>"


def _picture(image: Image.Image, description: str) -> str:
    """The picture inside the page, as WebP."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=90)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<img src="data:image/webp;base64,{data}" alt="{escape(description)}" width="{image.width}" height="{image.height}">'
    )


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
