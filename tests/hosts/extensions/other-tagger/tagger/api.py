"""Imported late, when the webui has long begun."""

from tagger.interrogator import WHOSE


def add(app):
    @app.get("/other-tagger/whose")
    def whose():
        return WHOSE
