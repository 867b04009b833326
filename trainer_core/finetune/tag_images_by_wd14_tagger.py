"""kohya's name for `python -m tagger tag`.

python finetune/tag_images_by_wd14_tagger.py --onnx --repo_id SmilingWolf/wd-swinv2-tagger-v3 pictures/10_penny
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Python puts the script's folder first; this one's neighbours would shadow other packages.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in (here, here.parent)]
    try:
        from lora_workbench.tagger.commands.kohya_words import main
    except ModuleNotFoundError as error:
        if error.name != "lora_workbench":
            raise
        sys.exit("error: this Python has no lora_workbench: run `python install.py setup`, then activate trainer_core/venv.")
    raise SystemExit(main(sys.argv[1:]))
