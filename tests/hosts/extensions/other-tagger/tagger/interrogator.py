"""Of another extension, whose package has the name of one of ours."""

WHOSE = "the other extension's"
