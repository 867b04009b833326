"""The kinds of network, what users call them (kohya's network_module, LyCORIS' algo), and the arguments that each takes."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import Setting


@dataclass(frozen=True)
class NetworkKind:
    """One kind. `arguments`: names in network_args beside those that all kinds take.

    has_rank, has_alpha: whether network_dim and network_alpha change it. linear_only: it goes to no convolution, because
    A1111's loader can't apply it there. forge: whether Forge's loader takes it (A1111's takes all).
    """

    name: str
    title: str
    about: str
    arguments: tuple[str, ...] = ()
    preset: str = "full"
    has_rank: bool = True
    has_alpha: bool = True
    linear_only: bool = False
    forge: bool = True


_CONV = ("conv_dim", "conv_alpha")
_BLOCK_RANKS = ("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas")
_PLUS = ("loraplus_lr_ratio", "loraplus_unet_lr_ratio", "loraplus_text_encoder_lr_ratio")
_DORA = ("dora_wd", "wd_on_output")
_RANKED = (*_CONV, *_BLOCK_RANKS, "rs_lora")

KINDS: dict[str, NetworkKind] = {
    kind.name: kind
    for kind in (
        NetworkKind(
            "lora",
            "LoRA, LoCon",
            "The usual kind; with convolutions (LoCon) it carries style more strongly.",
            (*_RANKED, *_PLUS, *_DORA, "use_tucker"),
        ),
        NetworkKind(
            "loha",
            "LoHa",
            "For simple characters; takes much memory and time. High ranks may overflow, low ranks want a higher rate.",
            (*_RANKED, *_DORA, "use_tucker"),
        ),
        NetworkKind(
            "lokr",
            "LoKr",
            "Very small files for simple characters; bound to its base model, sensitive to the learning rate.",
            (*_RANKED, *_DORA, "use_tucker", "factor", "decompose_both", "full_matrix", "unbalanced_factorization"),
        ),
        NetworkKind(
            "ia3",
            "(IA)^3",
            "Tiny; wants 8 to 10 times the usual learning rate, and is bound to its base model.",
            preset="ia3",
            has_rank=False,
            has_alpha=False,
            linear_only=True,
            forge=False,
        ),
        NetworkKind(
            "dylora",
            "DyLoRA",
            "Learns all ranks at once, so that it can be cut down afterwards; slow, and strongly damped.",
            (*_CONV, *_PLUS, "unit", "block_size"),
        ),
        NetworkKind("glora", "GLoRA", "Changes what goes in and what comes out.", has_alpha=False, linear_only=True),
        NetworkKind("full", "Full difference", "Every weight; files as large as the model.", has_rank=False, has_alpha=False),
        NetworkKind(
            "diag-oft",
            "Diag-OFT",
            "Turns the weights without stretching them.",
            ("rescaled", "constraint"),
            has_alpha=False,
            forge=False,
        ),
        NetworkKind(
            "boft",
            "BOFT",
            "Turns the weights in several stages.",
            ("rescaled", "constraint"),
            has_alpha=False,
            forge=False,
        ),
    )
}  # fmt: skip
ALGO_ALIASES = {"locon": "lora", "oft": "diag-oft", "diff": "full", "dora": "lora"}

_BLOCKS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_weights", "x", "block_presets")
EVERY_KIND = ("rank_dropout", "module_dropout", *_BLOCKS)
LYCORIS = ("algo", "preset", "dropout", "train_norm", "rank_dropout_scale", "use_scalar", "bypass_mode")
# LyCORIS' presets: which modules of the model are trained. See networks/kind_targets.py.
PRESETS = ("full", "full-lin", "attn-mlp", "attn-only", "unet-only", "unet-transformer-only", "unet-convblock-only", "ia3")

MODULES = ("networks.lora", "networks.dylora", "networks.oft", "lycoris.kohya")
_OLD_NAMES = {"use_cp": "use_tucker", "use_conv_cp": "use_tucker"}


def _dims(name: str, help_: str) -> Setting:
    return Setting(name, "str", None, help_)


ARGUMENTS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("algo", "str", None, "Kind of network.", choices=(*KINDS, *ALGO_ALIASES)),
        Setting("preset", "str", None, "Which modules of the model are trained.", choices=PRESETS),
        Setting("conv_dim", "int", None, "Rank of the 3×3 convolutions (LoCon).", minimum=0, maximum=768),
        Setting("conv_alpha", "float", None, "Alpha of the 3×3 convolutions; 0 means the same as conv_dim.", minimum=0),
        Setting("dropout", "float", None, "The same as network_dropout.", minimum=0, maximum=1),
        Setting("rank_dropout", "float", None, "Share of ranks left out at each step.", minimum=0, maximum=1),
        Setting("module_dropout", "float", None, "Share of modules left out at each step.", minimum=0, maximum=1),
        Setting("rank_dropout_scale", "flag", None, "What rank_dropout leaves is made up for."),
        Setting("use_tucker", "flag", None, "3×3 convolutions in Tucker's form, which takes fewer numbers."),
        Setting("dora_wd", "flag", None, "DoRA: the weights' lengths are learnt apart from their directions."),
        Setting("wd_on_output", "flag", None, "DoRA by outputs; webui applies that wrongly, so it is refused."),
        Setting("factor", "int", None, "LoKr: size of the smaller factor; -1 takes the most even one.", minimum=-1),
        Setting("decompose_both", "flag", None, "LoKr: the smaller factor is of low rank too."),
        Setting("full_matrix", "flag", None, "LoKr: neither factor is of low rank."),
        Setting("unbalanced_factorization", "flag", None, "LoKr: the outputs' larger factor comes first."),
        Setting("rs_lora", "flag", None, "The scale is alpha divided by the rank's square root."),
        Setting("rescaled", "flag", None, "OFT: the outputs' lengths are learnt too."),
        Setting("constraint", "float", None, "OFT: limit of the turn; refused, here it is trained without one.", minimum=0),
        Setting("train_norm", "flag", None, "The UNet's normalisation layers are trained too."),
        Setting("unit", "int", None, "DyLoRA: ranks are learnt in groups of this size.", minimum=1),
        Setting("block_size", "int", None, "The same as unit.", minimum=1),
        Setting("use_scalar", "flag", None, "A learnt factor a module; refused, files have no place for it."),
        Setting("bypass_mode", "flag", None, "How LyCORIS computes; nothing changes here."),
        Setting("enable_all_linear", "flag", None, "networks.oft: feed-forward layers too, not attention alone."),
        Setting("enable_conv", "flag", None, "networks.oft: convolutions too."),
        Setting("loraplus_lr_ratio", "float", None, "LoRA+: how many times faster ups learn than downs.", minimum=0),
        Setting("loraplus_unet_lr_ratio", "float", None, "LoRA+ in the UNet.", minimum=0),
        Setting("loraplus_text_encoder_lr_ratio", "float", None, "LoRA+ in the text encoder.", minimum=0),
        Setting("block_lr_zero_threshold", "float", None, "Blocks' weights up to this are 0.", minimum=0),
        Setting("x", "float", None, "What X stands for in block_weights."),
        _dims("block_weights", "Weights of the blocks: a preset's name, or 12, 17, 20 or 26 numbers."),
        _dims("block_presets", "An lbwpresets.txt with presets of your own."),
        _dims("down_lr_weight", "Weights of IN00 to IN11, or cosine, sine, linear, reverse_linear, zeros."),
        _dims("mid_lr_weight", "Weight of M00."),
        _dims("up_lr_weight", "Weights of OUT00 to OUT11, or a curve's name."),
        _dims("block_dims", "Ranks of the blocks: 25 numbers, with SDXL 23."),
        _dims("block_alphas", "Alphas of the blocks."),
        _dims("conv_block_dims", "Ranks of the blocks' 3×3 convolutions."),
        _dims("conv_block_alphas", "Alphas of the blocks' 3×3 convolutions."),
    )
}


def plain_name(argument: str) -> str:
    """Today's name of an argument."""
    return _OLD_NAMES.get(argument, argument)


def kind_of(module: str, algo: str | None) -> NetworkKind:
    """The kind that network_module and algo name."""
    if module == "networks.dylora":
        return KINDS["dylora"]
    if module == "networks.oft":
        return KINDS["diag-oft"]
    name = algo or "lora"
    return KINDS[ALGO_ALIASES.get(name, name)]


def is_lycoris(module: str, algo: str | None) -> bool:
    """Whether LyCORIS' defaults hold (preset full, convolutions too): its module, or its algo given to networks.lora."""
    return module == "lycoris.kohya" or (module == "networks.lora" and algo is not None)


def known_arguments(module: str, algo: str | None) -> tuple[str, ...]:
    """Every argument that the network takes."""
    own = kind_of(module, algo).arguments
    if module == "networks.dylora":
        return (*_CONV, *_PLUS, "unit", *EVERY_KIND)
    if module == "networks.oft":
        return ("enable_all_linear", "enable_conv", *EVERY_KIND)
    if is_lycoris(module, algo):
        return (*own, *(() if "conv_dim" in own else _CONV), *EVERY_KIND, *LYCORIS)
    return (*_CONV, *_BLOCK_RANKS, *_PLUS, *EVERY_KIND)
