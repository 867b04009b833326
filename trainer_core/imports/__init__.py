"""Settings of other tools and pasted scripts as ours: one file for each format. Light: standard library only."""

from .read import import_file, import_text
from .result import Imported, Left

__all__ = ["Imported", "Left", "import_file", "import_text"]
