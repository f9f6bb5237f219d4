"""Chains of copies and negations: what they say of toggles is so at every image of the box."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.chains import chains_of, groups_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from tests.support.random_problems import points_of, random_problem, with_copies
from tests.support.weights import weights_of

seeds = st.integers(0, 2**32)


def on_a_grid(rng: np.random.Generator) -> Problem:
    """A problem in quarters, many of whose images stand at a threshold."""
    weight = rng.choice([-1, 1], (3, 2))[rng.integers(0, 3, 8)] * rng.choice([-1, 1], (8, 1))
    threshold = rng.integers(-6, 7, 8) / 4
    output = OutputLayer(rng.choice([-1, 1], (2, 8)), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(weight, threshold),), output)
    return Problem.ball(network, rng.integers(0, 5, 2) / 4, epsilon=1.0)


@settings(max_examples=100)
@given(seeds)
def test_a_neuron_toggles_only_where_the_weaker_one_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    if seed % 2:
        problem = on_a_grid(rng)
        images = np.array([[a, b] for a in range(5) for b in range(5)]) / 4
        images = images[[problem.box.contains(image) for image in images]]
    else:
        problem = with_copies(rng, random_problem(rng, inputs=5, widths=(9, 4), epsilon=0.3))
        images = points_of(rng, problem, 200)
    space = PatternSpace.of(problem)
    chains = chains_of(space)
    toggles = np.array([space.toggles_of(image) for image in images])
    sums = images @ weights_of(problem.network.hidden[0]).T
    away = (sums != problem.network.hidden[0].threshold).all(axis=1)
    for neuron, weaker in enumerate(chains.weaker):
        if weaker < 0:
            continue
        assert np.all(toggles[:, neuron] <= toggles[:, weaker])
        if chains.twin[neuron]:
            np.testing.assert_array_equal(toggles[:, neuron], toggles[:, weaker])
        if chains.level[neuron]:
            np.testing.assert_array_equal(toggles[away, neuron], toggles[away, weaker])
    for group in groups_of(space):
        assert np.all(toggles[away][:, group] == toggles[away][:, group[-1:]])


def test_a_chain_holds_all_that_move_one_way_and_every_neuron_has_one_group() -> None:
    weight = [[1, 1], [1, 1], [-1, -1], [1, -1], [1, 1], [-1, -1]]
    threshold = [0.5, 0.5, -0.5, 0.0, 0.25, -1.5]
    output = OutputLayer(np.array([[1] * 6, [-1] * 6]), np.ones(2), np.zeros(2))
    network = BinaryNetwork((SignLayer.dense(weight, threshold),), output)
    # at (0.5, 0.5) the sum is 1: neurons 0, 1 and 4 are +1, 2 is -1 and 5 is +1
    space = PatternSpace.of(Problem(network, np.array([0.5, 0.5]), Box.ball([0.5, 0.5], 1.0)))
    place = {int(neuron): index for index, neuron in enumerate(space.unstable)}
    chains = chains_of(space)
    # downwards: 2 toggles at 0.5, 0 and 1 below it, 4 below 0.25; upwards 5, above 1.5
    assert chains.weaker[place[2]] == -1
    assert {int(chains.weaker[place[0]]), int(chains.weaker[place[1]])} & {place[2]}
    assert chains.weaker[place[4]] in (place[0], place[1])
    assert chains.weaker[place[5]] == chains.weaker[place[3]] == -1
    assert chains.twin[[place[0], place[1]]].sum() == 1
    assert chains.level[[place[0], place[1]]].all()
    assert not chains.level[place[4]]
    groups = [{int(space.unstable[k]) for k in group} for group in groups_of(space)]
    assert sorted(map(sorted, groups)) == [[0, 1, 2], [3], [4], [5]]


@settings(max_examples=50)
@given(seeds)
def test_neurons_of_equal_or_opposite_weights_share_a_family(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.choice([-1, 0, 1], (12, int(rng.integers(1, 4))))
    family = SignLayer.dense(weight, np.zeros(12)).parallel
    for a in range(12):
        others = [b for b in range(12) if b != a]
        alike = [
            b for b in others
            if np.array_equal(weight[a], weight[b]) or np.array_equal(weight[a], -weight[b])
        ]  # fmt: skip
        assert (family[a] >= 0) == bool(alike)
        assert alike == [b for b in others if family[a] >= 0 and family[b] == family[a]]
