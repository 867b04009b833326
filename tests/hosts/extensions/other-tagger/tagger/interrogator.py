"""Of another extension, whose package has the name of one of ours (and no __init__.py, as the best-known one)."""

WHOSE = "the other extension's"
