"""A server in small, to be killed: `python server.py DATA` drives the queue of a data folder until it is."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lora_workbench.extension.jobs import Jobs
from lora_workbench.extension.queue_driver import QueueDriver
from lora_workbench.tests.extension.parts import fake_command


def main(data: Path) -> None:
    driver = QueueDriver(Jobs(data, fake_command), lambda: True, lambda: True, lambda: None, lambda: None)
    driver.begin()
    print("ready", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
