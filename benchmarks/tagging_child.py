"""A process of its own for `benchmarks.tagging memory`: tags a folder with a model that costs nothing, and tells its peak."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from ..tagger.batch import tag_folder
from ..tagger.store import Store


def main(folder: Path, count: str) -> None:
    with Store(folder / f"cache_{count}") as store:
        summary = tag_folder(folder / f"of_{count}", folder / "light", store=store)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peak": peak, "cpu": time.process_time(), "written": summary.written}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
