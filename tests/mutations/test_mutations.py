"""Changes the source in planned ways, one at a time, in a copy of the project, and asks that the named tests notice.

`mutations.json` lists them: what goes wrong, the file, the text and what takes its place, and the tests that must fail.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = json.loads((Path(__file__).parent / "mutations.json").read_text(encoding="utf-8"))
LEFT_OUT = shutil.ignore_patterns("venv", "venvs", "__pycache__", "*.safetensors", ".pytest_cache")


@dataclass(frozen=True)
class Copy:
    root: Path
    environment: dict[str, str]

    def run(self, tests: list[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=300,
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The project in another place, under the project's import name; large files are left out."""
    root = tmp_path_factory.mktemp("mutated") / "project"
    root.mkdir()
    for name in ("trainer_core", "tagger", "demo", "benchmarks", "tests"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", root)
    package = root.parent / "path" / "lora_workbench"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__path__ = [{str(root)!r}]\n", encoding="utf-8")
    yield Copy(root, {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"})


def test_there_are_twenty() -> None:
    assert len(MUTATIONS) >= 20
    assert len({one["name"] for one in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one["name"])
def test_mutation_is_caught(mutation: dict, copy: Copy) -> None:
    path = copy.root / mutation["file"]
    source = path.read_text(encoding="utf-8")
    assert source.count(mutation["old"]) == 1, f"{mutation['file']} no longer holds the text once: {mutation['old']!r}"
    path.write_text(source.replace(mutation["old"], mutation["new"]), encoding="utf-8")
    try:
        done = copy.run(mutation["tests"])
    finally:
        path.write_text(source, encoding="utf-8")
    # 1: tests failed; anything else (no test found, a broken import) would prove nothing.
    assert done.returncode == 1, f"not caught: {mutation['name']}\n{done.stdout[-2000:]}{done.stderr[-500:]}"
    assert " failed" in done.stdout


def test_the_copy_passes_unchanged(copy: Copy) -> None:
    """Else the tests above would fail for another reason than the mutation."""
    tests = sorted({test for mutation in MUTATIONS for test in mutation["tests"]})
    done = copy.run(tests)
    assert done.returncode == 0, done.stdout[-3000:]
