"""The nearest image that flips, by the program: the smallest perturbation.

One of the two freedoms of the program that the paper names. Balls around the image are searched
from small to large, until one holds a flip, and then ever smaller ones, until one holds none.
"""

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.attack import Outcome
from signflip.clock import OutOfTime
from signflip.milp.candidates import Candidates
from signflip.milp.close import close
from signflip.milp.neurons import stable_signs
from signflip.milp.perturbation import LEAST_RADIUS, flip_in_ball, nearest, reach
from signflip.patterns.realise import Realisation
from signflip.problem import Norm
from signflip.programs.effort import Effort
from signflip.result import Stop
from signflip.search import Search

GROWTH = 1.25
"""The radius grows by this factor where the ball holds no flip."""

STEPS = 30
"""The first radius is the box's reach, shrunk by this many factors."""

ACCURACY = 1e-4
"""A flip is the nearest if none is nearer by this share of its distance, or by `LEAST_RADIUS`."""


def smallest(search: Search, norm: Norm, effort: Effort) -> Outcome:
    """Search for the nearest flip, until the solver says that there is no nearer one.

    The bound is the solver's word, a ten-thousandth below the distance; with real output scales
    only flips count whose objective it can tell from 0. Without a start there is no witness before
    the first flip.

    Raises:
        SettingError: the program is too large for the solver's licence.
        MissingExtraError: the solver's package is not installed.
        SolverFailure: the solver gave up, or contradicts itself.
    """
    _approach(search, norm)
    whole = reach(search.problem, norm)
    searched = cleared = 0.0
    radius, sure = whole / GROWTH**STEPS, True
    while search.distance > LEAST_RADIUS:
        closer = search.distance - max(LEAST_RADIUS, ACCURACY * search.distance)
        target = min(whole, closer)
        if searched >= target:
            break
        radius = max(LEAST_RADIUS, min(radius, target))
        stop = _search_ball(search, norm, radius, effort)
        if stop is Stop.TIME_LIMIT:
            return Outcome(stop, min(cleared, search.distance))
        if search.distance <= radius:
            _approach(search, norm)
        else:
            searched = radius
            sure = sure and stop is Stop.CLAIMED_OPTIMAL
            cleared = radius if sure else cleared
            radius *= GROWTH
    if not search.flipped and cleared >= whole:
        cleared = np.inf
    stop = Stop.CLAIMED_OPTIMAL if sure else Stop.IMPRECISE
    return Outcome(stop, min(cleared, search.distance))


def _approach(search: Search, norm: Norm) -> None:
    """Offer the nearest image that has the first-layer pattern of the best flip."""
    if not search.flipped:
        return
    problem = search.problem
    layer = problem.network.hidden[0]
    signs = layer.signs_of_reals(search.witness[None])[0]
    demand = np.where(stable_signs(layer, problem.box) == 0, signs, np.int8(0))
    image = nearest(problem, norm, demand, time_limit=search.clock.remaining()).image
    if image is not None:
        search.offer(image)


def _search_ball(search: Search, norm: Norm, radius: float, effort: Effort) -> Stop:
    """Look for a flip in the ball, until one is found or the solver says that there is none."""
    problem, clock = search.problem, search.clock
    if clock.expired():
        return Stop.TIME_LIMIT
    try:
        encoding = flip_in_ball(problem, norm, radius, clock)
    except OutOfTime:
        return Stop.TIME_LIMIT
    if encoding is None:
        return Stop.CLAIMED_OPTIMAL

    def accept(image: Floats, _claim: float) -> bool:
        search.offer(image)
        return search.distance <= radius

    def mend(demand: Signs, time_limit: float) -> Realisation:
        return nearest(problem, norm, demand, time_limit=time_limit)

    closing = close(
        encoding,
        Candidates(network=encoding.network, accept=accept, mend=mend, clock=clock),
        effort=effort,
        clock=clock,
        value=lambda: 0.0 if search.distance <= radius else -np.inf,
        start=lambda: None,
    )
    return closing.stop
