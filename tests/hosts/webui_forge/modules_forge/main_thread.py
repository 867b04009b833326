"""By this package an extension knows Forge."""
