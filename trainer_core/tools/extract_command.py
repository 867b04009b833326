"""`python -m trainer_core extract`: makes a LoRA of what a tuned model has learnt.

python -m trainer_core extract --model_org nai.safetensors --model_tuned tuned.safetensors --save_to out.safetensors --dim 192
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..generate.option_words import Parser, plain_word, positive
from ..problems import UserError, WordsError
from .kohya_flags import add_idle, idle_lines, require_flags
from .outputs import PRECISIONS, add_output, out_path
from .proof import extracted_hints, extracted_lines

_LOADING = "one pair of tensors is read at a time, in the files' own precision, and computed on --device"
IDLE = dict.fromkeys(("load_precision", "load_original_model_to", "load_tuned_model_to"), _LOADING)


def main(argv: Sequence[str]) -> int:
    """`extract`; the exit status."""
    words = _parser().parse_args([plain_word(word) for word in argv])
    if not 0.5 < words.clamp_quantile <= 1:
        raise WordsError("extract: --clamp_quantile must be above 0.5 and at most 1.")
    if words.min_diff < 0:
        raise WordsError("extract: --min_diff can't be below 0.")
    if words.device:
        _require_device(words.device)
    require_flags(words.model_org, words.v2, words.sdxl)
    default = Path(words.model_tuned).expanduser().with_suffix("")
    out = out_path(
        words.out,
        default.with_name(f"{default.name}-lora.safetensors"),
        [words.model_org, words.model_tuned],
        words.overwrite,
    )
    from .extract import Wanted, extract

    wanted = Wanted(
        words.dim,
        words.conv_dim,
        words.min_diff,
        words.clamp_quantile,
        unet=not words.text_encoder_only,
        text_encoder=not words.unet_only,
        precision=words.save_precision,
        device=words.device or "cpu",
        velocity=words.v_parameterization,
    )
    done = extract(
        words.model_org,
        words.model_tuned,
        wanted,
        out,
        metadata=not words.no_metadata,
        data_dir=words.data_dir,
        tell=_tell if sys.stderr.isatty() else None,
    )
    print("\n".join([*idle_lines(words, IDLE), *extracted_lines(done)]))
    for line in extracted_hints(done, conv=bool(words.conv_dim), unet=not words.text_encoder_only):
        print(f"note: {line}")
    print(f"extracted: {done.path}")
    return 0


def _require_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise UserError(
            f"--device {device} can't be computed on in float64 here ({str(error).splitlines()[0].strip('.')}): leave it out "
            "for the CPU."
        ) from error


def _tell(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\r{done} of {total} modules", end=end, file=sys.stderr, flush=True)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m trainer_core extract",
        allow_abbrev=False,
        description="Makes a LoRA of the difference between two models, and says how much of it the file lacks.",
    )
    parser.add_argument("--model_org", required=True, metavar="MODEL", help="the model that the other was tuned from")
    parser.add_argument("--model_tuned", required=True, metavar="MODEL", help="the tuned model")
    add_output(parser, "TUNED-lora.safetensors beside the tuned model")
    parser.add_argument("--dim", type=positive, default=4, metavar="N", help="rank: the more, the larger and the nearer (4)")
    parser.add_argument("--conv_dim", type=positive, metavar="N", help="rank of the resnets' convolutions; else left out")
    parser.add_argument(
        "--min_diff", type=float, default=0.0, metavar="X", help="leave out text encoders that differ by no more (0)"
    )
    parser.add_argument(
        "--clamp_quantile", type=float, default=1.0, metavar="X", help="cut off numbers beyond this quantile (1: none)"
    )
    parser.add_argument("--save_precision", choices=PRECISIONS, help="of the file (float)")
    parser.add_argument("--unet_only", action="store_true", help="leave the text encoders out")
    parser.add_argument("--text_encoder_only", action="store_true", help="leave the UNet out")
    parser.add_argument("--device", metavar="D", help="where to compute, such as cuda (cpu)")
    parser.add_argument("--no_metadata", action="store_true", help="only what webui needs to know the file")
    parser.add_argument("--v2", action="store_true", help="kohya's; which family a model is of is seen from its file")
    parser.add_argument("--sdxl", action="store_true", help="kohya's, as --v2")
    parser.add_argument("--v_parameterization", action="store_true", help="the model predicts velocity")
    parser.add_argument("--data_dir", metavar="DIR", help="the data folder, where models' hashes are kept")
    add_idle(parser, IDLE)
    return parser
