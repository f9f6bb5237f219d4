"""The solvers that this installation has."""

from importlib.util import find_spec

import pytest

from signflip.programs import SOLVERS

PACKAGES = {"highs": "highspy", "scip": "pyscipopt", "gurobi": "gurobipy"}

each_solver = pytest.mark.parametrize(
    "solver",
    [
        pytest.param(
            make(),
            id=name,
            marks=pytest.mark.skipif(
                find_spec(PACKAGES[name]) is None, reason=f"{PACKAGES[name]} is not installed"
            ),
        )
        for name, make in SOLVERS.items()
    ],
)
"""Runs a test with each solver, as the argument `solver`; skips the ones not installed."""
