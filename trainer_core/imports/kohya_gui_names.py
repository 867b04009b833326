"""The names of kohya_ss' window that are not kohya's flags, as tables."""

from __future__ import annotations

OTHER_NAMES: dict[str, str] = {
    "max_resolution": "resolution",
    "optimizer": "optimizer_type",
    "lora_network_weights": "network_weights",
    "sdxl_no_half_vae": "no_half_vae",
    "sdxl_cache_text_encoder_outputs": "cache_text_encoder_outputs",
}
# What the window's LoRA tab shows where a file says nothing: its presets hold a part of the names alone.
WINDOW_VALUES: dict[str, object] = {"max_resolution": "512,512", "caption_extension": ".txt", "enable_bucket": True}
# Where the window starts sd-scripts without the flag when the field is 0.
ZERO_IS_NONE = frozenset((
    "adaptive_noise_scale", "caption_dropout_every_n_epochs", "clip_skip", "ip_noise_gamma", "lr_scheduler_num_cycles",
    "lr_scheduler_timescale", "lr_warmup_steps", "max_timestep", "max_train_epochs", "max_train_steps", "min_snr_gamma",
    "min_timestep", "multires_noise_iterations", "network_dropout", "noise_offset", "sample_every_n_epochs",
    "sample_every_n_steps", "save_every_n_epochs", "save_every_n_steps", "save_last_n_epochs", "save_last_n_epochs_state",
    "save_last_n_steps", "save_last_n_steps_state", "scale_weight_norms", "seed", "stop_text_encoder_training",
    "text_encoder_lr", "unet_lr", "v_pred_like_loss", "vae_batch_size",
))  # fmt: skip
# The window's own, accelerate's, what is read from the model file here, and fields of other families.
NOT_SETTINGS = frozenset((
    "LoRA_type", "additional_parameters", "dynamo_backend", "dynamo_mode", "dynamo_use_dynamic", "dynamo_use_fullgraph",
    "epoch", "extra_accelerate_launch_args", "gpu_ids", "headless", "learning_rate_te", "learning_rate_te1",
    "learning_rate_te2", "log_tracker_config_dir", "lowvram", "lr_warmup", "main_process_port", "model_list", "models_dir",
    "no_token_padding", "state_dir", "vae_dir",
    "model_type", "multi_gpu", "noise_offset_type", "num_cpu_threads_per_process", "num_machines", "num_processes",
    "save_as_bool", "sdxl", "sdxl_checkbox", "train_inpainting",
    "ae", "apply_t5_attn_mask", "blocks_to_swap", "blockwise_fused_optimizers", "clip_g", "clip_g_dropout_rate", "clip_l",
    "cpu_offload_checkpointing", "disable_mmap_load_safetensors", "discrete_flow_shift", "double_blocks_to_swap",
    "enable_all_linear", "flux_fused_backward_pass", "fp8_base_unet", "fused_optimizer_groups", "ggpo_beta", "ggpo_sigma",
    "guidance_scale", "img_attn_dim", "img_mlp_dim", "img_mod_dim", "in_dims", "logit_mean", "logit_std", "mem_eff_save",
    "mode_scale", "model_prediction_type", "pos_emb_random_crop_rate", "save_clip", "save_t5xxl", "show_timesteps",
    "show_timesteps_resolution", "single_blocks_to_swap", "single_dim", "single_mod_dim", "split_mode", "split_qkv",
    "t5xxl", "t5xxl_device", "t5xxl_dtype", "t5xxl_lr", "t5xxl_max_token_length", "timestep_sampling", "train_blocks",
    "train_double_block_indices", "train_lora_ggpo", "train_single_block_indices", "train_t5xxl", "txt_attn_dim",
    "txt_mlp_dim", "txt_mod_dim", "weighting_scheme",
))  # fmt: skip
OTHER_FAMILIES_FIELDS = ("flux1_", "sd3_", "hunyuan_", "anima_", "lumina_")
OTHER_FAMILIES: dict[str, str] = {
    "flux1_checkbox": "Flux",
    "sd3_checkbox": "Stable Diffusion 3",
    "hunyuan_image_checkbox": "HunyuanImage",
    "anima_checkbox": "Anima",
    "lumina_checkbox": "Lumina",
}
# The window's fields that become network_args → the argument's name.
ARGUMENTS_OF: dict[str, str] = {
    "LyCORIS_preset": "preset",
    "constrain": "constraint",
    **{
        name: name
        for name in (
            "conv_dim", "conv_alpha", "rank_dropout", "module_dropout", "rank_dropout_scale", "use_tucker", "use_cp",
            "use_scalar", "bypass_mode", "dora_wd", "factor", "decompose_both", "rescaled", "train_norm", "train_on_input",
            "unit", "down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_dims",
            "block_alphas", "conv_block_dims", "conv_block_alphas", "loraplus_lr_ratio", "loraplus_unet_lr_ratio",
            "loraplus_text_encoder_lr_ratio",
        )
    },
}  # fmt: skip
_PLUS = ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio")
_BLOCKS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_dims", "block_alphas")
_KOHYA = (*_BLOCKS, "conv_block_dims", "conv_block_alphas", "rank_dropout", "module_dropout", *_PLUS)
_LYCORIS = ("LyCORIS_preset", "conv_dim", "conv_alpha", "rank_dropout", "module_dropout", "rank_dropout_scale", "train_norm")
_WEIGHTS = (*_LYCORIS, "use_tucker", "bypass_mode", "dora_wd", "use_scalar")
_NATIVE = ("conv_dim", "conv_alpha", "use_tucker", "rank_dropout", "module_dropout")
_OFT = (*_LYCORIS, "use_tucker", "constrain", "rescaled")
# LoRA_type → network_module, algo, and which fields count.
NETWORKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Standard": ("networks.lora", "", _KOHYA),
    "Kohya LoCon": ("networks.lora", "", ("conv_dim", "conv_alpha", *_KOHYA)),
    "LoRA-FA": ("networks.lora", "", _KOHYA),
    "Kohya DyLoRA": ("networks.dylora", "", ("conv_dim", "conv_alpha", "unit", *_KOHYA)),
    "LoCon": ("lycoris.kohya", "locon", _WEIGHTS),
    "LyCORIS/LoCon": ("lycoris.kohya", "locon", _WEIGHTS),
    "LyCORIS/LoHa": ("lycoris.kohya", "loha", _WEIGHTS),
    "LyCORIS/LoKr": (
        "lycoris.kohya", "lokr",
        (*_LYCORIS, "use_tucker", "bypass_mode", "dora_wd", "factor", "use_cp", "use_scalar", "decompose_both"),
    ),
    "Kohya LoHa": ("lycoris.kohya", "loha", _NATIVE),
    "Kohya LoKr": ("lycoris.kohya", "lokr", (*_NATIVE, "factor")),
    "LyCORIS/iA3": ("lycoris.kohya", "ia3", ("LyCORIS_preset", "conv_dim", "conv_alpha", "train_on_input")),
    "LyCORIS/DyLoRA": ("lycoris.kohya", "dylora", (*_LYCORIS, "use_tucker", "unit")),
    "LyCORIS/GLoRA": ("lycoris.kohya", "glora", (*_LYCORIS, "use_tucker")),
    "LyCORIS/Diag-OFT": ("lycoris.kohya", "diag-oft", _OFT),
    "LyCORIS/BOFT": ("lycoris.kohya", "boft", (*_LYCORIS, "use_tucker")),
    "LyCORIS/Native Fine-Tuning": (
        "lycoris.kohya", "full", ("LyCORIS_preset", "rank_dropout", "module_dropout", "rank_dropout_scale", "train_norm"),
    ),
}  # fmt: skip
