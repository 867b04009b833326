"""Settings of what is written: LoRA files, states, names and metadata."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Saving"
_setting = partial(Setting, group=GROUP)
_NO_UPLOAD = "uploading to Hugging Face is not built: upload the finished file by hand"

FILES: tuple[Setting, ...] = (
    _setting("output_dir", "path", None, "Folder for the finished LoRA and its snapshots.", label="Output folder"),
    _setting("output_name", "str", None, "Name of the LoRA file without extension; last unless given.", label="Output name"),
    _setting("overwrite", "flag", False, "Write over existing files of the same name.", label="Overwrite files", own=True),
    _setting(
        "save_precision",
        "str",
        None,
        "Precision of the saved file; full precision unless given.",
        label="Precision of the file",
        choices=("float", "fp16", "bf16"),
    ),
    _setting(
        "save_every_n_epochs",
        "int",
        None,
        "Save a snapshot every n epochs; 1 to 4 is usual.",
        label="Save every n epochs",
        minimum=1,
        unit="epochs",
    ),
    _setting(
        "save_every_n_steps", "int", None, "Save a snapshot every n steps.", label="Save every n steps", minimum=1, unit="steps"
    ),
    _setting(
        "save_n_epoch_ratio",
        "int",
        None,
        "Save this many snapshots, evenly over the epochs.",
        label="Number of snapshots",
        minimum=1,
        conflicts=("save_every_n_epochs",),
        advanced=True,
    ),
    _setting(
        "save_last_n_epochs",
        "int",
        None,
        "Keep only the last n snapshots that were saved by epochs.",
        label="Keep last n epoch snapshots",
        minimum=1,
        unit="epochs",
    ),
    _setting(
        "save_last_n_steps",
        "int",
        None,
        "Keep the snapshots of the last n steps only.",
        label="Keep snapshots of last n steps",
        minimum=1,
        unit="steps",
    ),
    _setting("save_state", "flag", False, "Save with each snapshot all that a resume needs.", label="Save states"),
    _setting("save_state_on_train_end", "flag", False, "Save what a resume needs at the end.", label="Save state at the end"),
    _setting(
        "save_last_n_epochs_state",
        "int",
        None,
        "Keep only the last n states that were saved by epochs.",
        label="Keep last n epoch states",
        minimum=1,
        unit="epochs",
        advanced=True,
    ),
    _setting(
        "save_last_n_steps_state",
        "int",
        None,
        "Keep the states of the last n steps only.",
        label="Keep states of last n steps",
        minimum=1,
        unit="steps",
        advanced=True,
    ),
    _setting(
        "save_model_as",
        "str",
        "safetensors",
        "File format; safetensors is the only one written.",
        label="File format",
        choices=("safetensors", "ckpt", "pt"),
        advanced=True,
    ),
)

METADATA: tuple[Setting, ...] = (
    _setting("training_comment", "str", None, "Comment that is kept in the file's metadata.", label="Comment"),
    _setting("no_metadata", "flag", False, "Write only the metadata that programs need to load the file.", label="No metadata"),
    _setting(
        "metadata_title",
        "str",
        None,
        "Title in the metadata; output_name unless given.",
        label="Metadata: title",
        advanced=True,
    ),
    _setting("metadata_author", "str", None, "Author in the metadata.", label="Metadata: author", advanced=True),
    _setting("metadata_description", "str", None, "Description in the metadata.", label="Metadata: description", advanced=True),
    _setting("metadata_license", "str", None, "License in the metadata.", label="Metadata: license", advanced=True),
    _setting("metadata_tags", "str", None, "Tags in the metadata, separated by commas.", label="Metadata: tags", advanced=True),
    _setting("metadata_usage_hint", "str", None, "Hint on usage in the metadata.", label="Metadata: usage hint", advanced=True),
    _setting(
        "metadata_thumbnail",
        "str",
        None,
        "Thumbnail in the metadata: a data URL or a picture file.",
        label="Metadata: thumbnail",
        advanced=True,
    ),
    _setting(
        "metadata_merged_from",
        "str",
        None,
        "Models that this one was merged from, in the metadata.",
        label="Metadata: merged from",
        advanced=True,
    ),
    _setting(
        "metadata_trigger_phrase",
        "str",
        None,
        "Activation words in the metadata.",
        label="Metadata: activation words",
        advanced=True,
    ),
    _setting(
        "metadata_preprocessor", "str", None, "Preprocessor in the metadata.", label="Metadata: preprocessor", advanced=True
    ),
    _setting(
        "metadata_is_negative_embedding",
        "str",
        None,
        "Whether it is a negative embedding, in the metadata.",
        label="Metadata: negative embedding",
        advanced=True,
    ),
)

UPLOAD: tuple[Setting, ...] = (
    _setting(
        "huggingface_repo_id",
        "str",
        None,
        "Repository to upload to.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "huggingface_repo_type",
        "str",
        None,
        "Kind of that repository.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "huggingface_path_in_repo",
        "str",
        None,
        "Path in that repository.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "huggingface_token",
        "str",
        None,
        "Token for that repository.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "huggingface_repo_visibility",
        "str",
        None,
        "Who sees that repository.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "save_state_to_huggingface",
        "flag",
        False,
        "Upload states too.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "resume_from_huggingface",
        "flag",
        False,
        "Go on from an uploaded state.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
    _setting(
        "async_upload",
        "flag",
        False,
        "Upload while training goes on.",
        treatment="refused",
        reason=_NO_UPLOAD,
        advanced=True,
    ),
)

SETTINGS = FILES + METADATA + UPLOAD
