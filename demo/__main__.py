"""The demo's command: python -m lora_workbench.demo --out DIR [--creature zibbo] [--seed 1] [--shuffle-captions]"""

from .run.command import main

if __name__ == "__main__":
    raise SystemExit(main())
