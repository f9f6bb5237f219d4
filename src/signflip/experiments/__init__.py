"""Sweeps over grids of problems and methods, the store of their results, and the report."""
