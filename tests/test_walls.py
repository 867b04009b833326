"""The walls of the house (docs/architecture.md): who may import whom, and what may be imported where."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# From the bottom up. A room imports only from floors below its own.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("trainer_core.problems", "trainer_core.picture_names"),
    ("trainer_core.files", "trainer_core.text_files", "trainer_core.picture_files", "trainer_core.randomness",
     "trainer_core.events"),
    ("trainer_core.requests", "trainer_core.publish", "trainer_core.thumbnails", "trainer_core.command_errors",
     "trainer_core.provenance"),
    ("trainer_core.endings", "trainer_core.presets"),
    ("trainer_core.settings", "trainer_core.axis"),
    ("trainer_core.models", "trainer_core.questions", "trainer_core.optimizer_table", "trainer_core.output_names",
     "trainer_core.output_counts",
     "trainer_core.progress",
     "trainer_core.machine"),
    ("trainer_core.state", "trainer_core.guide"),
    ("trainer_core.optimizer_checks", "trainer_core.idle", "trainer_core.resuming"),
    ("tagger", "trainer_core.networks", "trainer_core.dataset", "trainer_core.losses", "trainer_core.noising",
     "trainer_core.averages", "trainer_core.optimizers"),
    ("trainer_core.schedules", "trainer_core.processes", "trainer_core.claimed_names"),
    ("trainer_core.generate", "trainer_core.snapshots"),
    ("trainer_core.grids", "trainer_core.reg"),
    ("trainer_core.prior",),
    ("trainer_core.drawn_jobs", "trainer_core.drawn_answers"),
    ("trainer_core.tools", "trainer_core.pictures"),
    ("trainer_core.planning",),
    ("trainer_core.forecasts",),
    ("trainer_core.plan",),
    ("trainer_core.run_model", "trainer_core.export_notebook", "trainer_core.plan_command"),
    ("trainer_core.stages",),
    ("trainer_core.run", "trainer_core.export"),
    ("trainer_core.advise",),
    ("trainer_core.imports", "trainer_core.between_steps", "trainer_core.validation", "trainer_core.preservation",
     "trainer_core.guided_answers"),
    ("trainer_core.train", "trainer_core.loop", "trainer_core.variants"),
    ("trainer_core.job", "trainer_core.worker"),
    ("trainer_core.commands", "demo", "installer"),
    ("extension",),
    ("trainer_core.__main__", "trainer_core.train_network", "trainer_core.sdxl_train_network", "trainer_core.finetune",
     "benchmarks", "install",
     "scripts"),
)  # fmt: skip

# Standard library only, Python 3.10: these may one day be imported inside webui.
LIGHT = (
    "install", "installer", "extension", "trainer_core.commands", "trainer_core.command_errors", "trainer_core.events",
    "trainer_core.files",
    "trainer_core.axis", "trainer_core.optimizer_table", "trainer_core.optimizer_checks", "trainer_core.idle",
    "trainer_core.output_names", "trainer_core.output_counts", "trainer_core.presets", "trainer_core.problems",
    "trainer_core.progress", "trainer_core.requests", "trainer_core.publish", "trainer_core.endings", "trainer_core.job",
    "trainer_core.export", "trainer_core.export_notebook", "trainer_core.imports",
    "trainer_core.settings", "trainer_core.questions", "trainer_core.text_files", "trainer_core.picture_names",
    "tagger.captions", "tagger.caption_writes", "tagger.journal", "tagger.journal_files", "tagger.folder", "tagger.labels",
    "trainer_core.provenance", "trainer_core.variants.review", "tagger.framing", "trainer_core.pictures.detectors",
    "tagger.query", "tagger.edit", "tagger.grammar", "tagger.tag_words", "tagger.merge", "tagger.suggestions", "tagger.check",
    "tagger.contradictions", "tagger.confidence", "tagger.stats", "tagger.store", "tagger.cache", "tagger.shares", "tagger.hub",
    "tagger.model_files", "tagger.serve", "tagger.commands",
    "trainer_core.guide", "trainer_core.generate.sampler_names", "trainer_core.forecasts.cards",
    "trainer_core.models.header", "trainer_core.models.pickled_header", "trainer_core.models.tensor_info",
    "trainer_core.models.families", "trainer_core.models.layout", "trainer_core.models.open_clip",
    "trainer_core.models.prediction", "trainer_core.models.prompt_weights", "trainer_core.networks.targets",
    "trainer_core.networks.blocks", "trainer_core.networks.block_presets", "trainer_core.networks.block_weights",
    "trainer_core.networks.lbw_prompt", "trainer_core.networks.file_bytes", "trainer_core.networks.kohya_blocks",
    "trainer_core.networks.kind_shapes", "trainer_core.networks.kind_targets", "trainer_core.networks.choice",
    "trainer_core.networks.foreign_names",
)  # fmt: skip

# What the live plan needs: numpy, Pillow and tokenizers are fine, what takes seconds to import is not.
QUICK = (
    *LIGHT,
    "trainer_core.worker",
    "trainer_core.guided_answers",
    "trainer_core.thumbnails",
    "trainer_core.plan",
    "trainer_core.plan_command",
    "trainer_core.planning",
    "trainer_core.forecasts",
    "trainer_core.dataset",
    "trainer_core.models.tokenizer",
    "trainer_core.tools",
    "trainer_core.pictures",
)
SLOW_FILES = ("trainer_core.dataset.latents", "trainer_core.dataset.augment", "trainer_core.dataset.tensor_files",
              "trainer_core.dataset.caption_states", "trainer_core.dataset.masks",
              "trainer_core.tools.extract", "trainer_core.tools.merge_checkpoint")  # fmt: skip
SLOW_PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "onnxruntime", "gradio", "lycoris", "bitsandbytes")
FORBIDDEN_EVERYWHERE = ("torchvision", "timm", "open_clip", "tkinter")

NEVER_SCANNED = ("venv", "tests", "__pycache__")


def modules() -> dict[str, Path]:
    """Every module of the project but the tests, by its name below lora_workbench."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if not any(part in NEVER_SCANNED or part.startswith(".") for part in parts):
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@functools.cache
def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imports(name: str) -> Iterator[str]:
    """The project's modules that a module imports, inside functions too, but not what is only for type checkers."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in _executed(parsed(name)):
        if isinstance(node, ast.ImportFrom):
            words = node.module.split(".") if node.module else []
            if node.level:
                base = [*package[: len(package) - node.level + 1], *words]
            elif words[0] == "lora_workbench":
                base = words[1:]
            else:
                continue
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                yield whole if whole in MODULES else ".".join(base)
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("lora_workbench."))


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield child
        yield from _executed(child)


def outside_imports(name: str) -> set[str]:
    """The top-level packages outside the project that a module imports anywhere."""
    found = set()
    for node in _executed(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def room(module: str) -> tuple[int, str]:
    """The floor's number and the room's name."""
    for number, rooms in enumerate(FLOORS):
        for name in rooms:
            if module == name or module.startswith(f"{name}."):
                return number, name
    raise AssertionError(f"{module} is in no room: give it one in FLOORS and in docs/architecture.md")


def below(names: tuple[str, ...]) -> list[str]:
    """The modules in the named rooms or files."""
    found = [module for module in MODULES if any(module == name or module.startswith(f"{name}.") for name in names)]
    assert len(found) >= len(names)
    return found


def test_imports_lead_down() -> None:
    wrong = []
    for module in sorted(set(MODULES) - {"trainer_core"}):
        floor, name = room(module)
        for imported in set(imports(module)) - {"trainer_core"}:
            if imported not in MODULES:
                wrong.append(f"{module} imports {imported}, which is not there")
                continue
            other_floor, other_name = room(imported)
            if other_name != name and other_floor >= floor:
                wrong.append(f"{module} imports {imported}, which is not on a floor below")
    assert not wrong, "\n".join(wrong)


def test_nothing_runs_in_a_circle() -> None:
    graph = {module: {other for other in imports(module) if other in MODULES and other != module} for module in MODULES}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " imports ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for other in graph[module]:
                walk(other, (*trail, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_light_files_import_the_standard_library_only() -> None:
    """In a bare interpreter: no site-packages, no environment, nothing of ours but the light files."""
    code = f"""
import importlib, sys, types
package = types.ModuleType("lora_workbench")
package.__path__ = [{str(ROOT)!r}]
sys.modules["lora_workbench"] = package
before = set(sys.modules)
for name in {below(LIGHT)!r}:
    importlib.import_module("lora_workbench." + name)
others = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(sorted(others - set(sys.stdlib_module_names) - {{"lora_workbench"}}))
print(sorted(name.partition(".")[2] for name in sys.modules if name.startswith("lora_workbench.")))
"""
    lines = bare(code, "-S").splitlines()
    assert lines[0] == "[]"
    # What they import of ours must be light as well: packages' own __init__ files aside, nothing else may have come in.
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"} | {"tagger"}
    assert set(ast.literal_eval(lines[1])) - packages <= set(below(LIGHT))


def test_light_files_parse_as_python_3_10() -> None:
    for module in below(LIGHT):
        ast.parse(MODULES[module].read_text(encoding="utf-8"), feature_version=(3, 10))


def test_the_plan_imports_nothing_slow() -> None:
    names = [name for name in below(QUICK) if name not in SLOW_FILES]
    code = f"""
import importlib, sys
for name in {SLOW_PACKAGES!r}:
    sys.modules[name] = None
for name in {names!r}:
    importlib.import_module("lora_workbench." + name)
"""
    bare(code)


def test_unwanted_packages_are_never_imported() -> None:
    assert not [module for module in MODULES if outside_imports(module) & set(FORBIDDEN_EVERYWHERE)]


def test_importing_does_no_work() -> None:
    """At a module's top there are definitions, constants and imports; no loops, no `with`, no bare calls."""
    wrong = []
    for module in sorted(set(MODULES) - {"install", "scripts.lora_workbench"}):
        for node in parsed(module).body:
            works = isinstance(node, (ast.For, ast.While, ast.With))
            calls = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
            if works or calls:
                wrong.append(f"{module}, line {node.lineno}: {ast.unparse(node)[:80]}")
    assert not wrong, "\n".join(wrong)


def test_no_package_in_scripts() -> None:
    """webui loads scripts/*.py by file; a package there would be one more name in the modules that all extensions share."""
    assert not (ROOT / "scripts" / "__init__.py").exists()


def test_tagger_hides_no_other_tagger() -> None:
    """The forks put our folder on sys.path; wd14-tagger's `tagger` has no __init__.py, so a package with one would win."""
    assert not (ROOT / "tagger" / "__init__.py").exists()


def bare(code: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", *flags, "-c", code], capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
