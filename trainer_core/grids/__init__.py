"""Grids of pictures over epochs, strengths, blocks, seeds …, and the next run that a chosen cell writes."""
