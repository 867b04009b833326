"""Starts the small host in an environment with a real host's pins, in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lora_workbench.installer.processes import ask, clean_environment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENVS = HERE / "venvs"
KINDS = ("gradio3", "gradio4")
BASE = ROOT / "demo" / "models" / "toy_base.safetensors"
PREFIX = "/lora_workbench/api/v1"


def find_python() -> Path | None:
    """A Python that the hosts' pins have packages for: 3.10, which most webuis run on, or 3.11."""
    for version in ("3.10", "3.11"):
        candidates = [shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")]
        for path in candidates:
            if path and ask([path, "-I", "-c", "import venv, ensurepip, ssl, sys; print(sys.version_info[:2])"]):
                return Path(path)
    return None


def make_environments(python: Path) -> dict[str, Path]:
    """Each kind's interpreter; an environment is made once and again when its pins change."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(KINDS, pool.map(lambda kind: _make_environment(kind, python), KINDS), strict=True))


def _make_environment(kind: str, python: Path) -> Path:
    pins, venv = HERE / "requirements" / f"{kind}.txt", VENVS / kind
    stamp, mark = venv / "made_from", hashlib.sha256(pins.read_bytes()).hexdigest()
    interpreter = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == mark):
        shutil.rmtree(venv, ignore_errors=True)
        _run([python, "-I", "-m", "venv", venv])
        _run([interpreter, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "-r", pins])
        stamp.write_text(mark, encoding="utf-8")
    return interpreter


def _run(command: list[Any]) -> None:
    done = subprocess.run([str(word) for word in command], env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def hashes(interpreter: Path) -> dict[str, str]:
    """Every file of the environment by its hash; what Python compiles and where gradio counts its launches aside."""
    venv = interpreter.parents[1]
    files = [path for path in venv.rglob("*") if path.is_file() and not {"__pycache__", "launches.json"} & set(path.parts)]
    return {str(path.relative_to(venv)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Host:
    """A webui in a folder of its own, with our extension and another one. Its home folder is that folder too."""

    def __init__(self, kind: str, interpreter: Path, folder: Path) -> None:
        self.kind, self.interpreter, self.folder = kind, interpreter, folder
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.timings: dict[str, list[float]] = {}  # seconds by extension: on the clock, of the processor
        self._read = 0
        self.log = folder / "host.log"
        shutil.copytree(HERE / "webui", folder, dirs_exist_ok=True)
        if kind == "gradio4":
            shutil.copytree(HERE / "webui_forge", folder, dirs_exist_ok=True)
        shutil.copytree(HERE / "extensions", folder / "extensions")
        (folder / "extensions" / "lora-workbench").symlink_to(ROOT, target_is_directory=True)
        (folder / "models" / "Stable-diffusion").mkdir(parents=True)
        self.loras = folder / "models" / "Lora"
        self.loras.mkdir()
        self.data = folder / "lora_workbench"

    def start(self, *words: str) -> Host:
        environment = {
            **clean_environment(),
            "HOME": str(self.folder),
            "USERPROFILE": str(self.folder),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",  # the toy's steps are too small to be shared out, least of all on a busy machine
        }
        command = [str(self.interpreter), "-u", "webui.py", "--port", str(self.port), *words]
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds: float = 180) -> None:
        """Until the tabs are there, for the first time or anew; reads the log on from where the last wait ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.log.read_text(encoding="utf-8")
            at = text.find("host: ready ", self._read)
            if at >= 0 and (end := text.find("\n", at)) >= 0:
                self._read = end
                self.timings = json.loads(text[at:end].split(" ", 3)[3])
                return
            assert self.process and self.process.poll() is None, text[-3000:]
            time.sleep(0.1)
        raise AssertionError(f"the host was not ready within {seconds} s:\n{text[-3000:]}")

    def reload(self) -> None:
        """As its "Reload UI" does."""
        self.post("/host/reload")
        self.wait_until_ready()

    def kill(self) -> None:
        """As by `kill -9`: it has no moment to end anything."""
        if self.process:
            self.process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
            self.process.wait(timeout=20)
            self.process = None

    def errors(self) -> list[str]:
        """What the host or an extension had to say of errors."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "Traceback" in line or line.startswith("host: error")]

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.ask("POST", path, body or {}, {"X-LoRA-Workbench": "1", **headers})

    def ask(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, {"Content-Type": "application/json", **headers}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    def status(self, path: str, **headers: str) -> int:
        """The status of a GET that may be refused."""
        try:
            self.get(path, **headers)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def inside(self) -> dict[str, Any]:
        return self.get("/host/inside")

    def job(self, identity: str) -> dict[str, Any]:
        return self.get(f"{PREFIX}/jobs/{identity}")

    def open_project(self) -> None:
        """A project on the pictures, made where there is none yet."""
        if not self.get(f"{PREFIX}/state")["project"]:
            self.post(f"{PREFIX}/projects", {"name": "zibbo"})
        dataset = str(self.folder / "pictures" / "zibbo")
        self.post(f"{PREFIX}/project", {"changes": {"dataset": dataset, "base_model": str(BASE)}})

    def train(self, steps: int, **settings: Any) -> str:
        """Puts a small run on the pictures into the queue; its id."""
        self.open_project()
        values = {
            "pretrained_model_name_or_path": str(BASE),
            "train_data_dir": str(self.folder / "pictures" / "zibbo"),
            "max_train_steps": steps,
            "resolution": "64",
            "min_bucket_reso": 64,
            "network_dim": 2,
            "optimizer_type": "AdamW",
            "save_every_n_epochs": 1,
            "caption_extension": ".txt",
            **settings,
        }
        return self.post(f"{PREFIX}/jobs", {"kind": "train", "project": "zibbo", "settings": values})["id"]


def wait_until(condition, seconds: float = 60, what: str = "") -> Any:
    """What `condition` returns once it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
