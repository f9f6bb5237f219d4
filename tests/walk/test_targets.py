from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.walk.dual import frame_of, fresh_dual, image_of, pursue
from signflip.walk.tables import halved_sums, readers_of, tables_of, wires_of
from signflip.walk.targets import chase, look
from tests.support.map_strategies import upper_layers
from tests.support.random_problems import points_of, random_problem


@settings(max_examples=60)
@given(upper_layers((2, 2, 2)), st.integers(0, 2**32))
def test_local_search_meets_what_it_says_and_no_less_than_before(
    layer: SignLayer, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    inputs, neurons = layer.inputs, layer.neurons
    first = SignLayer.dense(np.ones((inputs, 1)), np.zeros(inputs))
    output = OutputLayer(np.ones((2, neurons)), np.ones(2), np.zeros(2))
    network = BinaryNetwork((first, layer), output)
    signs = rng.choice([-1, 1], inputs).astype(np.int8)
    start = signs.copy()
    target = rng.choice([-1, 0, 1], neurons).astype(np.int8)
    free = rng.random(inputs) < 0.8
    met = chase(
        tables_of(network), readers_of(network), 0, halved_sums(network, signs), signs, target,
        free, np.full(inputs, 0.3, dtype=np.float32), rng.random(inputs, dtype=np.float32), 200,
    )  # fmt: skip
    np.testing.assert_array_equal(signs[~free], start[~free])

    def met_at(below: "np.typing.NDArray[np.int8]") -> int:
        above = layer.signs_of_signs(below[None])[0]
        return int(np.count_nonzero((above == target) & (target != 0)))

    assert met == met_at(signs) >= met_at(start)


def test_local_search_meets_nearly_as_many_targets_as_can_be() -> None:
    reached, possible = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        layer = SignLayer.dense(rng.choice([-1, 0, 1], (9, 10)), rng.normal(0, 1.5, 9))
        first = SignLayer.dense(np.ones((10, 1)), np.zeros(10))
        output = OutputLayer(np.ones((2, 9)), np.ones(2), np.zeros(2))
        network = BinaryNetwork((first, layer), output)
        signs = rng.choice([-1, 1], 10).astype(np.int8)
        target = rng.choice([-1, 1], 9).astype(np.int8)
        reached += chase(
            tables_of(network), readers_of(network), 0, halved_sums(network, signs), signs, target,
            np.ones(10, dtype=np.bool_), np.full(10, 0.3, dtype=np.float32),
            rng.random(10, dtype=np.float32), 200,
        )  # fmt: skip
        every = np.array(list(product((-1, 1), repeat=10)), dtype=np.int8)
        possible += int((layer.signs_of_signs(every) == target).sum(axis=1).max())
    assert reached >= 0.95 * possible


def test_the_point_is_looked_at_as_the_network_does() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng, inputs=30, widths=(20, 9, 8), epsilon=0.3)
        space = PatternSpace.of(problem)
        frame = frame_of(space)
        dual = fresh_dual(frame)
        tables = tables_of(problem.network)
        wires = wires_of(tables)
        point = points_of(rng, problem, 1)[0]
        pursue(frame, dual, space.toggles_of(point), 20, np.float32(1.0))
        toggles = np.zeros(space.size, dtype=np.bool_)
        lack = np.zeros(space.size, dtype=np.float32)
        same = look(
            tables, wires, frame, dual, space.unstable, space.signs[space.unstable],
            halved_sums(problem.network, space.signs), toggles, lack,
        )  # fmt: skip
        image = image_of(space, dual)
        # float32 may be off where a neuron is next to its threshold
        sure = np.abs(lack) > 1e-3
        np.testing.assert_array_equal(toggles[sure], space.toggles_of(image)[sure])
        assert same == np.array_equal(toggles, dual.toggled)
        np.testing.assert_array_equal(
            wires.trial, halved_sums(problem.network, space.pattern(toggles))
        )
