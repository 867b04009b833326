"""A zip file made while it is sent: nothing of it is written to the disk, and a browser sees the first bytes at once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 1 << 20
_PACKED = (".txt", ".json", ".csv", ".html", ".toml", ".caption", ".tags", ".cap", ".bmp")  # pictures don't shrink


class _Pipe(io.RawIOBase):
    """Takes what zipfile writes, until it is sent. It can't be rewound, so sizes stand behind each file."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self._waiting += content
        return len(content)

    def take(self) -> bytes:
        content = bytes(self._waiting)
        self._waiting.clear()
        return content


def zip_stream(files: Iterable[tuple[Path, str]]) -> Iterator[bytes]:
    """The zip's bytes with each file under its name; files that went away meanwhile are passed over."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as archive:  # type: ignore[arg-type]
        for path, name in files:
            try:
                info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                source = path.open("rb")
            except OSError:
                continue
            is_packed = path.suffix.lower() in _PACKED
            info.compress_type = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
            with source, archive.open(info, "w") as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()
