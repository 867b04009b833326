"""Checks of what a run reads and writes beside the pictures: base model, VAE, LoRA to go on from, output folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..claimed_names import goes_on_as
from ..generate.prompts_file import sample_requests
from ..models.families import FAMILIES, identify, require_base
from ..models.header import CheckpointError, ModelHeader, read_header
from ..models.layout import part_names
from ..output_names import free_output_name
from ..problems import Problem, UserError
from ..resuming import state_folders
from ..settings import Settings


def base_model(settings: Settings) -> tuple[ModelHeader | None, list[Problem]]:
    """The base model's header, or None with the problem."""
    path = settings.pretrained_model_name_or_path
    if path is None:
        fix = "Give pretrained_model_name_or_path: a .safetensors file of Stable Diffusion 1.x, 2.x or XL."
        return None, [Problem("error", "base-model-missing", "There is no base model to train on.", fix)]
    fix = "Give another file as pretrained_model_name_or_path."
    try:
        header = read_header(path)
        require_base(header)
    except CheckpointError as error:
        return None, [Problem("error", "base-model", str(error), fix)]
    return header, []


def vae_problems(settings: Settings, header: ModelHeader | None) -> list[Problem]:
    """The VAE given, or that of the base model, which a few checkpoints come without."""
    if settings.vae is None:
        if header is None or part_names(header, "vae"):
            return []
        message = f"{header.path} holds no VAE, which is needed to read pictures."
        return [Problem("error", "vae-missing", message, "Give one as vae, or another base model.")]
    path = Path(settings.vae).expanduser()
    if path.is_dir() and not (path / "unet").is_dir():
        path = path / "diffusion_pytorch_model.safetensors"
    try:
        family = identify(read_header(path))
    except CheckpointError as error:
        return [Problem("error", "vae", str(error), "Give another file as vae, or leave it out.")]
    if family not in ("vae", *FAMILIES):
        return [Problem("error", "vae", f"{path} is not a VAE for Stable Diffusion.", "Give a VAE file, or leave vae out.")]
    return []


def sample_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the file of sample prompts, which else would end the run when the first are drawn."""
    if settings.sample_prompts is None:
        return []
    if not Path(settings.sample_prompts).expanduser().is_file():
        message = f"The file with sample prompts {settings.sample_prompts} doesn't exist."
        return [Problem("error", "sample-prompts", message, "Check the path given as sample_prompts.")]
    try:
        notes = sample_requests(settings).notes
    except UserError as error:
        return [Problem("error", "sample-prompts", str(error), "Mend that in the file, or leave sample_prompts out.")]
    return [Problem("note", "sample-prompts", note) for note in notes]


def output_name(settings: Settings) -> tuple[str, list[Problem]]:
    """The name that the run will save under, and whether the output folder can take it. Leaves nothing on the disk."""
    wanted = settings.output_name or "last"
    if settings.output_dir is None:
        return wanted, [Problem("error", "output-missing", "There is no folder for the LoRA.", "Give output_dir.")]
    folder = Path(settings.output_dir).expanduser()
    why = _why_not_writable(folder)
    if why:
        message = f"The output folder {folder} can't be written to: {why}."
        return wanted, [Problem("error", "output-unwritable", message, "Give another output_dir, or change its rights.")]
    if any(letter in wanted for letter in '/\\:*?"<>|'):
        message = f"output_name {wanted!r} holds characters that a file name can't have."
        return wanted, [Problem("error", "output-name", message, "Use letters, digits, spaces, - and _.")]
    if state_folders(settings):
        goes_on = goes_on_as(settings)
        if goes_on is None or not goes_on.anew:
            return goes_on.name if goes_on else wanted, []
        name, wanted = goes_on.name, goes_on.wanted
    else:
        name = free_output_name(folder, settings.output_name, settings.overwrite)
    if name == wanted:
        return name, []
    message = f"There are files of {wanted} in {folder}: this run is saved as {name}, nothing is overwritten."
    return name, [Problem("note", "output-renamed", message, "Set overwrite to replace them.")]


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)


def _why_not_writable(folder: Path) -> str:
    """The reason, or an empty string; tried with a file, since rights alone don't tell of read-only disks."""
    existing = _existing(folder)
    if not existing.is_dir():
        return f"{existing} is a file, not a folder"
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return error.strerror or str(error)
