"""The HTTP API as a table of plain functions: a call in, a dictionary or a reply out. It knows no web framework."""
