"""Hypothesis strategies: small networks, images, boxes and problems, with the awkward cases in.

Defaults are small enough for the oracle (4 inputs, 5 neurons in the first layer).
"""

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer, Signs
from signflip.problem import Goal, Problem, Target, Ties, Untargeted
from tests.support.picks import mixtures, picks

GRID = 16
"""Numbers of coarse problems are multiples of 1/16: float64 adds them without rounding."""


def grid(least: int, greatest: int) -> list[float]:
    """The multiples of 1/16 between two whole numbers, the smallest numbers first."""
    return sorted((k / GRID for k in range(least * GRID, greatest * GRID + 1)), key=abs)


@cache
def weights(neurons: int, inputs: int) -> st.SearchStrategy[Signs]:
    """(neurons, inputs) int8 of -1 and +1."""
    return picks((neurons, inputs), [-1, 1])


@cache
def thresholds(neurons: int, inputs: int, *, coarse: bool = False) -> st.SearchStrategy[Floats]:
    """(neurons,) float64: many near 0; integers, which tie; some beyond the range, for constants.

    Args:
        neurons: how many.
        inputs: inputs of the layer; constant neurons have a threshold beyond these.
        coarse: multiples of 1/16 only.
    """
    kinds = [
        [0.0, -1.0, 1.0],
        grid(-1, 1),
        [*range(-inputs, inputs + 1, 2), -inputs - 2, inputs + 2],
    ]
    return mixtures((neurons,), kinds, None if coarse else st.floats(-1, 1))


_CLASSES, _EITHER = st.integers(2, 4), st.booleans()


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    max_inputs: int = 4,
    max_first: int = 5,
    max_above: int = 5,
    max_depth: int = 4,
    plain: bool | None = None,
    coarse: bool = False,
) -> BinaryNetwork:
    """Networks of 1 to 4 hidden layers, with constant neurons and ties.

    Args:
        draw: given by hypothesis.
        max_inputs: largest number of inputs.
        max_first: largest width of the first hidden layer.
        max_above: largest width of the others.
        max_depth: largest number of hidden layers.
        plain: whether the output is plain; else it has real scales (0 and below too) and biases.
            None for both kinds.
        coarse: every number a multiple of 1/16.
    """
    sizes = [draw(_mostly_large(limit)) for limit in (max_inputs, max_first)]
    sizes += draw(st.lists(_mostly_large(max_above), max_size=max_depth - 1))
    hidden = tuple(
        SignLayer.dense(draw(weights(width, below)), draw(thresholds(width, below, coarse=coarse)))
        for below, width in pairwise(sizes)
    )
    count = draw(_CLASSES)
    if plain or (plain is None and draw(_EITHER)):
        scale, bias = np.ones(count), np.zeros(count)
    else:
        scale, bias = draw(_scales(count, coarse=coarse)), draw(_scales(count, coarse=coarse))
    return BinaryNetwork(hidden, OutputLayer(draw(weights(count, sizes[-1])), scale, bias))


@cache
def _scales(count: int, *, coarse: bool) -> st.SearchStrategy[Floats]:
    return mixtures((count,), [grid(-4, 4)], None if coarse else st.floats(-4, 4))


@cache
def _mostly_large(limit: int) -> st.SearchStrategy[int]:
    """1 to `limit`: one neuron in a layer leaves an attack little to do."""
    return st.sampled_from([*range(1, limit + 1), *range(limit // 2 + 1, limit + 1), limit, limit])


@cache
def images(inputs: int, *, coarse: bool = False) -> st.SearchStrategy[Floats]:
    """(inputs,) float64 in [0, 1], with many pixels at 0 and 1."""
    return mixtures((inputs,), [[0.0, 1.0], grid(0, 1)], None if coarse else st.floats(0, 1))


@cache
def epsilons(*, coarse: bool = False) -> st.SearchStrategy[float]:
    """Radii from 0 to 1, with 0, 1 and (unless coarse) very small ones."""
    kinds = [st.integers(1, GRID).map(lambda k: k / GRID), st.sampled_from([0.25, 0.5, 1.0, 0.0])]
    if not coarse:
        kinds += [st.floats(0, 1), st.sampled_from([0.3, 0.7, 1e-12, 1e-17, 1e-300, 5e-324])]
    return st.one_of(kinds)


_GOALS = st.sampled_from(["second", "untargeted", "target"])


@st.composite
def goals(draw: st.DrawFn, network: BinaryNetwork, image: Floats) -> Goal | None:
    """No goal, untargeted, or any class but the prediction."""
    kind = draw(_GOALS)
    if kind == "second":
        return None
    if kind == "untargeted":
        return Untargeted()
    prediction = int(network.predict(image[None])[0])
    others = [c for c in range(network.classes) if c != prediction]
    return Target(draw(st.sampled_from(others)))


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    network: st.SearchStrategy[BinaryNetwork] | None = None,
    epsilon: st.SearchStrategy[float] | None = None,
    coarse: bool = False,
    ties: st.SearchStrategy[Ties] = st.just(Ties.NONE),  # noqa: B008
) -> Problem:
    """Problems in epsilon balls, half of them with a mask, with every kind of goal.

    Args:
        draw: given by hypothesis.
        network: where to draw the network from; default `networks(coarse=coarse)`.
        epsilon: where to draw the radius from; default `epsilons(coarse=coarse)`.
        coarse: every number a multiple of 1/16, so that sums of pixels are exact in float64.
        ties: where to draw the rule of ties from; default the paper's.
    """
    drawn = draw(_networks(coarse=coarse) if network is None else network)
    image = draw(images(drawn.inputs, coarse=coarse))
    mask = draw(_masks(drawn.inputs))
    return Problem.ball(
        drawn,
        image,
        epsilon=draw(epsilons(coarse=coarse) if epsilon is None else epsilon),
        goal=draw(goals(drawn, image)),
        mask=mask,
        ties=draw(ties),
    )


@cache
def _networks(*, coarse: bool) -> st.SearchStrategy[BinaryNetwork]:
    return networks(coarse=coarse)


@cache
def _masks(inputs: int) -> st.SearchStrategy[npt.NDArray[np.bool_] | None]:
    return st.none() | picks((inputs,), [0, 1]).map(lambda drawn: drawn > 0)
