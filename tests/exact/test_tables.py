import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.errors import ProblemError
from signflip.exact.bits import REACH, SUBSETS
from signflip.exact.tables import MOST_INPUTS, blocks_of, second_layer
from signflip.methods.exact import Exact
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.result import Verdict
from tests.support.random_problems import random_problem, with_copies

seeds = st.integers(0, 2**32)


@settings(max_examples=40)
@given(seeds, st.sampled_from([(9,), (8, 5), (9, 6, 3)]))
def test_a_neuron_is_plus_one_iff_its_halved_sum_is_0_or_more(
    seed: int, widths: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=10, widths=widths)
    space = PatternSpace.of(problem)
    sums, effect = second_layer(space)
    flips = rng.random(space.size) < 0.5
    after = problem.network.activations_of_pattern(space.pattern(flips)[None])[:2][-1][0]
    np.testing.assert_array_equal(sums + effect[flips].sum(axis=0) >= 0, after > 0)


@settings(max_examples=40)
@given(seeds, st.sampled_from([(20,), (20, 9), (13, 6, 3), (4, 30)]))
def test_what_the_blocks_from_here_on_can_change(seed: int, widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=10, widths=widths, classes=3)
    if rng.random() < 0.5:
        problem = with_copies(rng, problem)
    space = PatternSpace.of(problem)
    if space.size == 0:
        return
    blocks, sums = blocks_of(space)
    assert (blocks.first[0], blocks.first[-1]) == (0, space.size)
    assert np.all((np.diff(blocks.first) <= 6) & (np.diff(blocks.first) > 0))
    assert blocks.effect.shape == (space.size, len(sums))
    gain, loss = np.zeros((2, len(sums)), dtype=np.int16)
    for level in reversed(range(len(blocks.usable))):
        members = blocks.effect[blocks.first[level] : blocks.first[level + 1]]
        kept = [index for index in range(64) if int(blocks.usable[level]) >> index & 1]
        flips = (SUBSETS[kept][:, None] >> np.arange(6)) & 1
        assert not flips[:, len(members) :].any()
        change = flips[:, : len(members)].astype(np.int16) @ members
        gain, loss = gain + change.max(axis=0), loss - change.min(axis=0)
        np.testing.assert_array_equal(blocks.gain[level], gain)
        np.testing.assert_array_equal(blocks.loss[level], loss)
    for row, members in zip(blocks.rows, np.split(blocks.effect, blocks.first[1:-1]), strict=True):
        raised = (2 ** np.arange(len(members))) @ (members > 0)
        np.testing.assert_array_equal(row, raised * REACH.shape[1])


def wide(neurons: int) -> Problem:
    """A second-layer neuron that is +1 iff all of the first layer is, for two pixels of 0.5 on."""
    thresholds = np.full(neurons, -2.0)
    thresholds[:: neurons // 3] = 0.5
    hidden = (
        SignLayer.dense(np.ones((neurons, 2), dtype=np.int8), thresholds),
        SignLayer.dense(np.ones((1, neurons), dtype=np.int8), np.array([float(neurons)])),
    )
    output = OutputLayer(np.array([[-1], [1]], dtype=np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork(hidden, output), [0.4, 0.0], epsilon=0.2)


def test_the_widest_first_layer_that_16_bits_can_sum() -> None:
    assert attack(wide(MOST_INPUTS), Exact()).verdict is Verdict.FLIPPED


def test_a_wider_first_layer_is_refused() -> None:
    with pytest.raises(ProblemError, match=f"has {MOST_INPUTS + 1} neurons; .* use another method"):
        attack(wide(MOST_INPUTS + 1), Exact())


def test_a_deep_network_with_one_is_refused_before_anything_starts() -> None:
    problem = wide(MOST_INPUTS + 1)
    above = SignLayer.dense(np.array([[1]]), np.zeros(1))
    network = BinaryNetwork((*problem.network.hidden, above), problem.network.output)
    deep = Problem.ball(network, problem.image, epsilon=0.2)
    refused = Exact().refuses(deep)
    assert refused is not None
    assert f"has {MOST_INPUTS + 1} neurons" in refused
    assert Exact().refuses(problem) is None
