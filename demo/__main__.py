"""`python -m lora_workbench.demo --out DIR [--creature NAME] [--seed N] [--shuffle-captions]`, with trainer_core/venv."""

from lora_workbench.demo.run.command import main

if __name__ == "__main__":
    raise SystemExit(main())
