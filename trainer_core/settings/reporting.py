"""Settings of files, jobs and logs: where a run reads its settings and where it reports."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Files and logs"
_setting = partial(Setting, group=GROUP)
_LOG = "everything is logged in the job's folder"
_NO_WANDB = "it belongs to Weights & Biases, which is not built; use --log_with tensorboard"

SETTINGS: tuple[Setting, ...] = (
    _setting(
        "config_file",
        "path",
        None,
        "TOML or JSON file with settings; flags on the command line count before it.",
        label="Settings file",
    ),
    _setting("preset", "str", None, "Named settings that lie under all that you give yourself.", label="Preset", own=True),
    _setting("output_config", "flag", False, "Write all settings to config_file and stop.", label="Write settings file"),
    _setting(
        "data_dir",
        "path",
        None,
        "Folder for jobs, caches and logs; ~/lora_workbench unless given.",
        label="Data folder",
        own=True,
    ),
    _setting(
        "job_dir", "path", None, "Folder of this job; a new one in the data folder unless given.", label="Job folder", own=True
    ),
    _setting("logging_dir", "path", None, "Folder for TensorBoard logs.", label="TensorBoard folder"),
    _setting(
        "log_with",
        "str",
        None,
        "Where curves are logged; tensorboard where logging_dir is given.",
        label="Log curves with",
        choices=("tensorboard", "wandb", "all"),
    ),
    _setting("log_prefix", "str", None, "Text before the name of each log folder.", label="Log folder prefix", advanced=True),
    _setting(
        "log_tracker_name",
        "str",
        None,
        "Name of the tracker's project.",
        treatment="ignored",
        reason=_NO_WANDB,
        advanced=True,
    ),
    _setting(
        "log_tracker_config",
        "path",
        None,
        "File with settings of the tracker.",
        treatment="ignored",
        reason=_NO_WANDB,
        advanced=True,
    ),
    _setting("wandb_run_name", "str", None, "Name of the run there.", treatment="ignored", reason=_NO_WANDB, advanced=True),
    _setting("wandb_api_key", "str", None, "Key for Weights & Biases.", treatment="ignored", reason=_NO_WANDB, advanced=True),
    _setting(
        "log_config",
        "flag",
        False,
        "Log the settings with the curves.",
        treatment="ignored",
        reason="the job's folder always holds all settings",
        advanced=True,
    ),
    _setting(
        "console_log_level",
        "str",
        None,
        "How much is written to the terminal.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        treatment="ignored",
        reason=_LOG,
        advanced=True,
    ),
    _setting("console_log_file", "path", None, "File for the log.", treatment="ignored", reason=_LOG, advanced=True),
    _setting(
        "console_log_simple",
        "flag",
        False,
        "Write the log without colours.",
        treatment="ignored",
        reason=_LOG,
        advanced=True,
    ),
)
