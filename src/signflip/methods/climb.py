"""The ascent that gradient attacks share: restarts in batches, and a loop over steps.

A method brings the three things in which it differs: what is raised, how points move, and how wide
the ramps are at each step.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.attack import Outcome
from signflip.blas import threads_for
from signflip.errors import SettingError
from signflip.methods.losses import Loss
from signflip.methods.search_goal import SearchGoal
from signflip.methods.surrogate import Surrogate
from signflip.network import BinaryNetwork
from signflip.problem import Problem
from signflip.result import Stop
from signflip.run import Run
from signflip.settings import check_whole

QUICKER = 5
"""How many times shorter the climb before the first batch is: ramps that narrow are only narrow at
a climb's end, and on wide networks that of a batch comes after a second."""
FIRST_BATCH = 2
"""Points of the first batch: few, since much is found by them within a tenth of a second."""
BATCH = 64
"""Points that move at once: enough for fast products of matrices, few enough to stop in time."""

MOST_WEIGHTS = 250_000_000
"""Weights that are read in a pass over a batch, so that a step takes no longer than 0.1 s."""


class Steps(Protocol):
    """How the points of one batch move; it may remember what it has seen."""

    def next(self, images: Floats, heights: Floats, gradient: Floats) -> Floats:
        """The next points of the region, for points (N, inputs), their losses (N,), and slopes."""
        ...


def check_budget(*, restarts: int | None, seed: int, **counts: int) -> None:
    """Refuse settings of a search with restarts that are out of range.

    Args:
        restarts: starting points, or None for no end.
        seed: of random choices.
        counts: what must be at least 1, by name: `iterations`.

    Raises:
        SettingError: one is.
    """
    check_whole(**counts, restarts=1 if restarts is None else restarts, seed=seed)
    for name, value in counts.items():
        if value < 1:
            raise SettingError(f"{name} is {value}; it must be at least 1")
    if restarts is not None and restarts < 1:
        raise SettingError(
            f"restarts is {restarts}; it must be at least 1, or None to go on until the time limit"
        )
    if seed < 0:
        raise SettingError(f"the seed is {seed}; it must be 0 or more")


def check_endless(restarts: int | None, limit: float | None) -> None:
    """Refuse an attack without an end.

    Raises:
        SettingError: neither the restarts nor the time are limited.
    """
    if restarts is None and limit is None:
        raise SettingError(
            "restarts is None and there is no time limit, so the attack would never end: "
            "set one of the two"
        )


def restart(
    run: Run,
    restarts: int | None,
    seed: int,
    climb_from: Callable[[Floats, int], None],
    *,
    iterations: int,
    surrogate: Surrogate,
    goal: SearchGoal = SearchGoal.OPTIMISE,
    first_batch: int = FIRST_BATCH,
    quick: bool = True,
) -> Outcome:
    """Climb from batches of starting points, until they, the time or the question are through.

    The first point is the run's witness (the clean image, or a warm start), all others are random
    in the region's box. Batches are doubled from `first_batch` to `BATCH` points.

    Args:
        run: the run.
        restarts: number of starting points, or None for no end.
        seed: of the random ones.
        climb_from: climbs from points (N, inputs) in so many steps.
        iterations: steps of each climb.
        surrogate: on which it climbs.
        goal: to decide ends with the first flip.
        first_batch: points of the first batch.
        quick: whether there is a short climb from the first point before all others.

    Raises:
        SettingError: neither the restarts nor the time are limited.
    """
    check_endless(restarts, run.clock.limit)
    rng = np.random.default_rng(seed)
    network = run.problem.network
    most = most_at_once(network)
    widest = max(int(layer.map.fan_in.sum()) for layer in network.hidden)
    started, size = 0, min(first_batch, most)
    first = run.witness
    if quick and iterations > QUICKER:
        with threads_for(widest):
            climb_from(first[None], iterations // QUICKER)
    while not run.clock.expired() and not goal.settled_by(run):
        count = size if restarts is None else min(size, restarts - started)
        if count == 0:
            return Outcome(Stop.BUDGET, remark=surrogate.remark)
        images = random_points(run.problem, count, rng)
        if started == 0:
            images[0] = first
        with threads_for(widest * count):
            climb_from(images, iterations)
        started, size = started + count, min(2 * size, most)
    stop = Stop.DECIDED if goal.settled_by(run) else Stop.TIME_LIMIT
    return Outcome(stop, remark=surrogate.remark)


def most_at_once(network: BinaryNetwork) -> int:
    """Points of a batch, at most `BATCH`: fewer where a pass over a wide network takes long."""
    weights = sum(int(layer.map.fan_in.sum()) for layer in network.hidden)
    return min(BATCH, max(1, MOST_WEIGHTS // max(1, weights)))


def climb(
    run: Run,
    surrogate: Surrogate,
    images: Floats,
    *,
    loss: Loss,
    steps: Steps,
    widths: Iterable[float],
    goal: SearchGoal = SearchGoal.OPTIMISE,
) -> Floats:
    """Move images (N, inputs) uphill, and offer the best by the true network after each step.

    Args:
        run: the run.
        surrogate: has the slope.
        images: where to start, inside the region.
        loss: what is raised.
        steps: how points move; the climb ends where it moves none and the ramps stay as they are.
        widths: of the ramps, one for each step.
        goal: to decide ends with the first flip.

    Returns:
        (N, inputs) where they end.
    """
    # the first climb starts from the clean image, and nobody has to look what that is worth
    if not (len(images) == 1 and np.array_equal(images[0], run.witness)):
        offer_best(run, images)
    before = None
    for width in widths:
        if run.clock.expired() or goal.settled_by(run):
            break
        heights = np.empty(len(images))

        def pull(values: Floats, rows: Integers, heights: Floats = heights) -> Floats:
            heights[rows], wanted = loss(values, rows)
            return wanted

        gradient = surrogate.gradient(images, pull, width, run.clock)
        moved = steps.next(images, heights, gradient)
        if width == before and np.array_equal(moved, images):
            break
        images, before = moved, width
        offer_best(run, images)
    return images


def random_points(problem: Problem, count: int, rng: np.random.Generator) -> Floats:
    """Points (count, inputs) uniform in the box, brought into the region."""
    share = rng.random((count, len(problem.image)))
    points = problem.box.lower + share * (problem.box.upper - problem.box.lower)
    return problem.region.project(problem.box.clip(points))


def half_width(problem: Problem) -> float:
    """The box's largest half-width: epsilon, for a ball."""
    return float((problem.box.upper - problem.box.lower).max()) / 2


def offer_best(run: Run, images: Floats) -> None:
    """Offer the best of images (N, inputs) by the true network."""
    scores = run.problem.scores(images)
    best = int(scores.argmax())
    # a replay takes as long as many steps
    if scores[best] > run.standing.score:
        run.offer(images[best])
