"""The solvers that this installation has."""

import pytest

from signflip.programs import SOLVERS
from tests.support.absent import unless_package

PACKAGES = {"highs": "highspy", "scip": "pyscipopt", "gurobi": "gurobipy"}

each_solver = pytest.mark.parametrize(
    "solver",
    [
        pytest.param(
            make(),
            id=name,
            marks=unless_package(PACKAGES[name], f"the solver {name}"),
        )
        for name, make in SOLVERS.items()
    ],
)
"""Runs a test with each solver, as the argument `solver`; skips the ones not installed."""
