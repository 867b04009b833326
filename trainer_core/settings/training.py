"""Settings of the run: its length, batch, precision and validation."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Training"
_setting = partial(Setting, group=GROUP)
_NO_START_AT_STEP = "a run goes on from a saved state with --resume, which knows its step"

LENGTH: tuple[Setting, ...] = (
    _setting(
        "max_train_epochs",
        "int",
        None,
        "Number of epochs; counts before max_train_steps.",
        label="Epochs",
        minimum=1,
        unit="epochs",
    ),
    _setting(
        "max_train_steps",
        "int",
        1600,
        "Number of optimizer steps, where no epochs are given: 1000 and more, 1500 for what the base model doesn't know.",
        label="Steps",
        minimum=1,
        unit="steps",
    ),
    _setting(
        "stages",
        "stages",
        None,
        "Parts of the run, each with its own length and what else differs in it: rates, schedule, optimizer, pictures.",
        label="Stages",
        advanced=True,
        own=True,
    ),
    _setting(
        "train_batch_size",
        "int",
        1,
        "Pictures in a batch; 1 or 2 with 8 GB of GPU memory.",
        label="Batch size",
        minimum=1,
        unit="pictures",
    ),
    _setting(
        "gradient_accumulation_steps",
        "int",
        1,
        "Batches that make one optimizer step.",
        label="Gradient accumulation",
        minimum=1,
        unit="batches",
    ),
    _setting(
        "seed", "int", None, "Number from which all randomness of the run follows.", label="Seed", minimum=0, maximum=2**63 - 1
    ),
    _setting(
        "mixed_precision",
        "str",
        "no",
        "Precision of the computation; the weights trained stay in full precision.",
        label="Mixed precision",
        choices=("no", "fp16", "bf16"),
    ),
    _setting(
        "gradient_checkpointing", "flag", False, "Need less memory for a third more time.", label="Gradient checkpointing"
    ),
    _setting(
        "fp8_base",
        "flag",
        False,
        "Keep the base model's weights in 8 bits (fp8), each output's with a scale of its own: half the memory, slower.",
        label="Base model in fp8",
        conflicts=("int8_base",),
        advanced=True,
    ),
    _setting(
        "fp8_base_unet",
        "flag",
        False,
        "The same for the UNet alone.",
        label="UNet in fp8",
        conflicts=("int8_base",),
        advanced=True,
    ),
    _setting(
        "int8_base",
        "flag",
        False,
        "The same in 8-bit whole numbers: as small as fp8_base, and about three times as exact.",
        label="Base model in int8",
        advanced=True,
        own=True,
    ),
    _setting(
        "resume",
        "path",
        None,
        "State folder that this run goes on from; auto takes the newest of its output_name, where there is one.",
        label="Resume from state",
    ),
)

NOT_BUILT: tuple[Setting, ...] = (
    _setting(
        "full_fp16",
        "flag",
        False,
        "Keep the trained weights in fp16 too.",
        conflicts=("full_bf16",),
        treatment="ignored",
        reason="trained weights stay in full precision, and a LoRA's are small; mixed_precision halves the base model's",
        advanced=True,
    ),
    _setting(
        "full_bf16",
        "flag",
        False,
        "Keep the trained weights in bf16 too.",
        treatment="ignored",
        reason="trained weights stay in full precision, and a LoRA's are small; mixed_precision halves the base model's",
        advanced=True,
    ),
    _setting(
        "skip_until_initial_step",
        "flag",
        False,
        "Run through the data until the first step.",
        treatment="refused",
        reason=_NO_START_AT_STEP,
        advanced=True,
    ),
    _setting("initial_epoch", "int", None, "Epoch to start at.", treatment="refused", reason=_NO_START_AT_STEP, advanced=True),
    _setting("initial_step", "int", None, "Step to start at.", treatment="refused", reason=_NO_START_AT_STEP, advanced=True),
)

VALIDATION: tuple[Setting, ...] = (
    _setting(
        "validation_split",
        "float",
        0.0,
        "Share of the training pictures that are not trained, but measured: 0.1 to 0.2; their loss tells when to stop.",
        label="Validation share",
        minimum=0,
        maximum=0.9,
    ),
    _setting(
        "validation_seed",
        "int",
        None,
        "Number that decides which pictures are kept for validation; the run's seed unless given.",
        label="Validation seed",
        minimum=0,
        maximum=2**63 - 1,
        advanced=True,
        applies_when=("validation_split", ()),
    ),
    _setting(
        "validate_every_n_steps",
        "int",
        None,
        "Steps between two validations; by epochs unless given.",
        label="Steps between validations",
        minimum=1,
        unit="steps",
        advanced=True,
        applies_when=("validation_split", ()),
    ),
    _setting(
        "validate_every_n_epochs",
        "int",
        None,
        "Epochs between two validations; 1 unless given.",
        label="Epochs between validations",
        minimum=1,
        unit="epochs",
        advanced=True,
        applies_when=("validation_split", ()),
    ),
    _setting(
        "max_validation_steps",
        "int",
        None,
        "Most batches that a validation takes.",
        label="Most validation batches",
        minimum=1,
        unit="batches",
        advanced=True,
        applies_when=("validation_split", ()),
    ),
)

SETTINGS = LENGTH + VALIDATION + NOT_BUILT
