"""`serve`: taggers behind the wd14-tagger extension's endpoints, on this machine alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...trainer_core.files import data_folder
from ...trainer_core.problems import UserError


def add(commands: Any) -> None:
    about = "answer wd14-tagger's HTTP requests on this machine, without webui"
    parser = commands.add_parser("serve", help=about, description=about[:1].upper() + about[1:] + ".", allow_abbrev=False)
    parser.add_argument(
        "--model", action="append", required=True, metavar="MODEL", help="a tagger's folder, file or hub's name"
    )
    parser.add_argument("--port", type=int, default=7861, metavar="N", help="default 7861")
    parser.add_argument("--data_dir", type=Path, metavar="DIR", help="where models are kept (default ~/lora_workbench)")
    parser.set_defaults(run=run_serve)


def run_serve(asked: argparse.Namespace) -> int:
    from ..hub import find_or_download
    from ..serve import HOST, Service, server

    folder = data_folder(asked.data_dir) / "models" / "taggers"
    models = {
        Path(name).stem if name.endswith(".onnx") else Path(name).name: find_or_download(name, folder) for name in asked.model
    }
    try:
        running = server(Service(models), asked.port)
    except OSError as error:
        raise UserError(f"Port {asked.port} can't be used ({error.strerror}): choose another with --port.") from None
    print(f"Listening on http://{HOST}:{running.server_port}/tagger/v1/interrogate; Ctrl+C ends it.", flush=True)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print("Ended.")
    finally:
        running.server_close()
    return 0
