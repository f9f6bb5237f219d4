import gc
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import ProblemError
from signflip.network import BinaryNetwork, OutputLayer, SignLayer, Signs
from signflip.walk import tables as module
from signflip.walk.tables import (
    Halves,
    Tables,
    energy,
    halved_sums,
    propagate,
    tables_of,
    wires_of,
)
from tests.support.map_strategies import mapped_networks
from tests.support.random_problems import random_problem
from tests.support.strategies import networks


def layers_of(tables: Tables, halves: Halves) -> list[Signs]:
    """The signs of each layer above the first, or of the only one."""
    return [np.where(row >= 0, 1, -1) for row in np.split(halves, tables.place[1:-1])]


@given(networks(max_first=12, max_above=12) | mapped_networks(), st.integers(0, 2**32))
def test_toggles_change_what_the_network_says(network: BinaryNetwork, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = tables_of(network)
    wires = wires_of(tables)
    pattern = rng.choice([-1, 1], network.widths[0]).astype(np.int8)
    wires.sums[:] = halved_sums(network, pattern)
    for _ in range(3):
        toggled = rng.permutation(len(pattern))[: rng.integers(0, len(pattern) + 1)]
        pattern[toggled] *= -1
        wires.turned[: len(toggled)] = toggled
        wires.up[: len(toggled)] = pattern[toggled] > 0
        propagate(tables, wires, len(toggled))
        wires.sums[:] = wires.trial
        np.testing.assert_array_equal(wires.sums, halved_sums(network, pattern))
        wanted = network.activations_of_pattern(pattern[None])
        for signs, expected in zip(
            layers_of(tables, wires.sums), wanted[1:] or wanted, strict=True
        ):
            np.testing.assert_array_equal(signs, expected[0])


def test_the_true_objective_is_the_problems() -> None:
    problem = random_problem(
        np.random.default_rng(0), inputs=9, widths=(9, 8, 7), plain=False, epsilon=0.3
    )
    pattern = problem.network.activations(problem.image[None])[0][0]
    tables = tables_of(problem.network)
    last = halved_sums(problem.network, pattern)[tables.place[-2] :]
    coefficients = problem.coefficients(problem.rivals[0]).astype(np.float32)
    constant = problem.constant(problem.rivals[0])
    soft, true = energy(last, coefficients, np.float32(1e9))
    assert float(true) + constant == pytest.approx(float(problem.clean.value), rel=1e-6)
    assert soft == true  # a softness of next to nothing
    gentle, same = energy(last, coefficients, np.float32(1e-3))
    assert same == true
    assert abs(gentle) < abs(coefficients).sum() * 0.01


def test_tables_stay_as_long_as_the_network_does() -> None:
    network = random_problem(np.random.default_rng(0), inputs=4, widths=(4, 4)).network
    assert tables_of(network) is tables_of(network)
    other = random_problem(np.random.default_rng(0), inputs=4, widths=(4, 4)).network
    assert tables_of(other) is not tables_of(network)
    gone = ref(network)
    before = len(module._BY_INPUT)
    del network
    gc.collect()
    assert gone() is None
    assert len(module._BY_INPUT) == before - 1


def test_layers_that_are_too_wide_are_refused() -> None:
    rows = np.ones((1, module.MOST_FAN_IN + 1), dtype=np.int8)
    hidden = (
        SignLayer.dense(rows.T, np.zeros(rows.shape[1])),
        SignLayer.dense(rows, np.zeros(1)),
    )
    output = OutputLayer(np.array([[1], [-1]]), np.ones(2), np.zeros(2))
    with pytest.raises(ProblemError, match="neurons of 32767 weights"):
        tables_of(BinaryNetwork(hidden, output))
