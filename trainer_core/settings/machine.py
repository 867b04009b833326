"""Settings of speed and memory. Most of kohya's are not needed here, and say so when they are given."""

from __future__ import annotations

from functools import partial

from .declaration import Setting

GROUP = "Speed and memory"
_setting = partial(Setting, group=GROUP)
_DEEPSPEED = "DeepSpeed is not built: a LoRA does not need it"
_ONLY_DEEPSPEED = "it only means something with DeepSpeed, which is not built"
_PROCESSES = "gradients of several processes are summed without DistributedDataParallel"

SPEED: tuple[Setting, ...] = (
    _setting(
        "xformers",
        "flag",
        False,
        "Use xformers' attention; where it is missing torch's own (sdpa) takes its place.",
        label="xformers attention",
    ),
    _setting(
        "sdpa",
        "flag",
        False,
        "Use torch's own attention; it is used anyway unless xformers is asked for.",
        label="PyTorch attention (sdpa)",
    ),
    _setting(
        "mem_eff_attn",
        "flag",
        False,
        "Use an attention that needs little memory.",
        treatment="ignored",
        reason="torch's own attention (sdpa) takes its place and needs no more memory",
        advanced=True,
    ),
    _setting(
        "max_data_loader_n_workers",
        "int",
        8,
        "Processes that load pictures.",
        minimum=0,
        unit="processes",
        treatment="ignored",
        reason="pictures are loaded without further processes",
        advanced=True,
    ),
    _setting(
        "persistent_data_loader_workers",
        "flag",
        False,
        "Keep those processes between epochs.",
        treatment="ignored",
        reason="pictures are loaded without further processes",
        advanced=True,
    ),
    _setting(
        "torch_compile",
        "flag",
        False,
        "Compile the model.",
        treatment="ignored",
        reason="compiling costs more than it gains in a LoRA run",
        advanced=True,
    ),
    _setting(
        "dynamo_backend",
        "str",
        "inductor",
        "Compiler of torch_compile.",
        treatment="ignored",
        reason="models are not compiled",
        advanced=True,
    ),
    _setting(
        "lowram",
        "flag",
        False,
        "The machine has less memory than its GPU: what is idle stays on the GPU.",
        label="Little memory beside the GPU",
        advanced=True,
    ),
    _setting(
        "highvram",
        "flag",
        False,
        "There is plenty of GPU memory: what is idle (the VAE between sample pictures) stays there.",
        label="Plenty of GPU memory",
        advanced=True,
    ),
    _setting(
        "cpu_offload_checkpointing",
        "flag",
        False,
        "Move checkpointed values to the CPU.",
        treatment="ignored",
        reason="gradient checkpointing works without moving values to the CPU",
        advanced=True,
    ),
    _setting(
        "num_processes",
        "int",
        None,
        "Processes that train together, started with torchrun or accelerate; the run is refused where others are started.",
        label="Number of processes",
        minimum=1,
        unit="processes",
        advanced=True,
        own=True,
    ),
    _setting(
        "ddp_timeout",
        "int",
        None,
        "Minutes that processes wait for each other; two days unless given.",
        label="Patience of processes",
        minimum=1,
        unit="minutes",
        advanced=True,
    ),
    _setting(
        "ddp_gradient_as_bucket_view",
        "flag",
        False,
        "Share memory of gradients between processes.",
        treatment="ignored",
        reason=_PROCESSES,
        advanced=True,
    ),
    _setting(
        "ddp_static_graph",
        "flag",
        False,
        "The computation is the same at each step.",
        treatment="ignored",
        reason=_PROCESSES,
        advanced=True,
    ),
)

DEEPSPEED: tuple[Setting, ...] = (
    _setting("deepspeed", "flag", False, "Train with DeepSpeed.", treatment="refused", reason=_DEEPSPEED, advanced=True),
    _setting(
        "zero_stage",
        "int",
        2,
        "Stage of DeepSpeed's ZeRO.",
        choices=(0, 1, 2, 3),
        treatment="ignored",
        reason=_ONLY_DEEPSPEED,
        advanced=True,
    ),
    *(
        _setting(name, kind, default, text, treatment="ignored", reason=_ONLY_DEEPSPEED, advanced=True)
        for name, kind, default, text in (
            ("offload_optimizer_device", "str", None, "Where DeepSpeed keeps the optimizer."),
            ("offload_optimizer_nvme_path", "path", None, "Folder for DeepSpeed's optimizer."),
            ("offload_param_device", "str", None, "Where DeepSpeed keeps the weights."),
            ("offload_param_nvme_path", "path", None, "Folder for DeepSpeed's weights."),
            ("zero3_init_flag", "flag", False, "Prepare for ZeRO stage 3."),
            ("zero3_save_16bit_model", "flag", False, "Save 16 bit weights under ZeRO stage 3."),
            ("fp16_master_weights_and_gradients", "flag", False, "Keep DeepSpeed's weights and gradients in fp16."),
        )
    ),
)

SETTINGS = SPEED + DEEPSPEED
