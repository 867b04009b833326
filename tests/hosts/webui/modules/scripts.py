"""Executes the extensions' scripts by their file's name, which is not in sys.modules, their folder on sys.path meanwhile."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from modules import extensions, paths, script_callbacks, timings

keeps_paths = Path(paths.script_path, "modules_forge").is_dir()  # every extension's, in front of all, as the forks do
_basedir = paths.script_path


def basedir() -> str:
    return _basedir


def load() -> None:
    global _basedir
    script_callbacks.clear()
    found = extensions.files("scripts", ".py")
    if keeps_paths:
        sys.path = [*reversed(dict.fromkeys(one.path for one, _ in found if one.path not in sys.path)), *sys.path]
    kept = sys.path
    for extension, path in found:
        _basedir = extension.path
        sys.path = [extension.path, *kept]
        try:
            with timings.taken_by(extension.name):
                spec = importlib.util.spec_from_file_location(Path(path).name, path)
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except Exception:  # noqa: BLE001  (any extension's error, whatever it is)
            print(f"host: error loading script {path}", file=sys.stderr)
            traceback.print_exc()
        finally:
            _basedir = paths.script_path
            sys.path = kept
