"""Which version of the project lies on the disk, so that an update under a running webui is noticed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def on_disk(root: Path = ROOT) -> str:
    """The commit that is checked out, or without git a fingerprint of the files that webui has loaded."""
    return _commit(root) or _fingerprint(root)


def _commit(root: Path) -> str:
    git = root / ".git"
    try:
        if git.is_file():  # a submodule or a second work tree
            git = (root / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else ""
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        places = [git, (git / common.read_text(encoding="utf-8").strip()).resolve()] if common.is_file() else [git]
        for place in places:
            if (place / name).is_file():
                return (place / name).read_text(encoding="utf-8").strip()
            if (place / "packed-refs").is_file():
                found = re.search(rf"^(\S+) {re.escape(name)}$", (place / "packed-refs").read_text(encoding="utf-8"), re.M)
                if found:
                    return found[1]
    except (OSError, ValueError):  # no git there, or one that is being written
        return ""
    return ""


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*root.glob("extension/**/*.py"), *root.glob("trainer_core/*.py"), *root.glob("scripts/*.py")]):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def shown(version: str) -> str:
    return version[:10]
