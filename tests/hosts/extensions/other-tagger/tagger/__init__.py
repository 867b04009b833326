"""Of another extension: a top-level package that has the name of one of ours."""
