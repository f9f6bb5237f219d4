"""Annealing over first-layer patterns, with a point of the box kept in step."""
