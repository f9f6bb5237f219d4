"""The nearest image that flips: the smallest perturbation, instead of the largest objective.

One of the two freedoms of the program that the paper names.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Signs
from signflip.clock import Clock, Seconds
from signflip.errors import ProblemError
from signflip.milp.candidates import Candidates
from signflip.milp.close import Effort, close
from signflip.milp.neurons import stable_signs
from signflip.milp.perturbation import (
    LEAST_RADIUS,
    Ball,
    Norm,
    flip_in_ball,
    nearest,
    reach,
)
from signflip.milp.realise import Realisation
from signflip.problem import Problem
from signflip.programs.highs import Highs
from signflip.programs.solver import Solver
from signflip.result import Stop, Verdict

OnNearer = Callable[[Seconds, float, Floats], None]

GROWTH = 1.25
"""The radius grows by this factor where the ball holds no flip."""

STEPS = 30
"""The first radius is the box's reach, shrunk by this many factors."""

ACCURACY = 1e-4
"""A flip is the nearest if none is nearer by this share of its distance, or by `LEAST_RADIUS`."""

__all__ = ["Nearest", "Norm", "PerturbationResult", "exact_distance", "minimise_perturbation"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PerturbationResult:
    """The answer of `minimise_perturbation`, and of `min_epsilon`, which proves its bound.

    Attributes:
        verdict: `FLIPPED` with a witness, else `UNKNOWN`: a solver's word is no proof. `ROBUST`
            where `min_epsilon` has proved that the box has none.
        norm: what distances are measured by.
        witness: (inputs,) float64, the nearest flip found, replayed in exact arithmetic; or None.
        distance: the norm of the witness's perturbation, computed exactly and rounded up; or None.
        bound: no flip of the box is nearer than this, as far as the solver's word goes, or proved;
            infinite where the box is said to have none. In a solver's word it stays below the
            distance by a ten-thousandth, and with real output
            scales only flips count whose objective it can tell from 0.
        seconds: the time that it took.
        trace: (seconds, distance) of each nearer witness.
        stop: why it stopped.
    """

    verdict: Verdict
    norm: Norm
    witness: Floats | None
    distance: float | None
    bound: float
    seconds: Seconds
    trace: tuple[tuple[Seconds, float], ...]
    stop: Stop


def minimise_perturbation(
    problem: Problem,
    *,
    norm: Norm = Norm.LINF,
    solver: Solver | None = None,
    threads: int = 1,
    seed: int = 0,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnNearer | None = None,
) -> PerturbationResult:
    """Find the smallest perturbation of the problem's box that flips its image.

    Balls around the image are searched from small to large, until one holds a flip, and then ever
    smaller ones, until one holds none. Without a start there is no witness before the first flip.

    Args:
        problem: what to attack; its box limits the perturbation.
        norm: what is minimised: `LINF` for the smallest epsilon, or `L1`.
        solver: which solver; None for HiGHS.
        threads: threads that the solver may use.
        seed: of the solver's random choices.
        time_limit: seconds, or None to run until the solver is through.
        start: (inputs,) float64 inside the box, an image that flips: nothing farther is searched.
        on_improvement: called as (seconds, distance, image) at each nearer witness.

    Raises:
        ProblemError: the start lies outside the box, or does not flip.
        SettingError: a setting is out of range, or the program too large for the solver's licence.
        MissingExtraError: the solver's package is not installed.
        SolverFailure: the solver gave up, or contradicts itself.
    """
    clock = Clock.start(time_limit)
    effort = Effort(solver=solver or Highs(), threads=threads, seed=seed)
    best = Nearest(problem=problem, norm=norm, clock=clock, on_improvement=on_improvement)
    if start is not None:
        best.begin(np.asarray(start, dtype=np.float64))
    _approach(best)
    stop, bound = _search(best, effort)
    return PerturbationResult(
        verdict=Verdict.UNKNOWN if best.witness is None else Verdict.FLIPPED,
        norm=norm,
        witness=best.witness,
        distance=None if best.witness is None else best.distance,
        bound=min(bound, best.distance),
        seconds=clock.elapsed(),
        trace=tuple(best.trace),
        stop=stop,
    )


@dataclass(kw_only=True)
class Nearest:
    """The nearest flip so far; an image becomes it only by a replay in exact arithmetic."""

    problem: Problem
    norm: Norm
    clock: Clock
    on_improvement: OnNearer | None
    witness: Floats | None = None
    distance: float = np.inf
    trace: list[tuple[Seconds, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offer(self.problem.image)  # where a tie is a flip, it may be one

    def begin(self, image: Floats) -> None:
        """Start from an image (inputs,).

        Raises:
            ProblemError: it is no flip inside the box.
        """
        if image.shape != self.problem.image.shape or not self.problem.replay(image).flipped:
            raise ProblemError(
                "the start is no flip inside the problem's box; start from the witness of an "
                "attack, or from nothing"
            )
        self.offer(image)

    def offer(self, image: Floats) -> None:
        """Keep the image (inputs,) if it is a flip inside the box and nearer than the last one."""
        distance = exact_distance(self.problem.image, image, self.norm)
        if distance >= self.distance or not self.problem.replay(image).flipped:
            return
        self.witness, self.distance = np.array(image, dtype=np.float64), distance
        self.witness.setflags(write=False)
        seconds = self.clock.elapsed()
        self.trace.append((seconds, distance))
        if self.on_improvement is not None:
            self.on_improvement(seconds, distance, self.witness)


def _search(best: Nearest, effort: Effort) -> tuple[Stop, float]:
    """Search balls around the image; why it stopped, and the least distance that is left."""
    whole = reach(best.problem, best.norm)
    searched = cleared = 0.0
    radius, sure = whole / GROWTH**STEPS, True
    while best.distance > LEAST_RADIUS:
        closer = best.distance - max(LEAST_RADIUS, ACCURACY * best.distance)
        target = min(whole, closer)
        if searched >= target:
            break
        radius = max(LEAST_RADIUS, min(radius, target))
        stop = _search_ball(best, Ball.within(best.problem, best.norm, radius), effort)
        if stop is Stop.TIME_LIMIT:
            return stop, cleared
        if best.distance <= radius:
            _approach(best)
        else:
            searched = radius
            sure = sure and stop is Stop.CLAIMED_OPTIMAL
            cleared = radius if sure else cleared
            radius *= GROWTH
    if best.witness is None and cleared >= whole:
        cleared = np.inf
    return Stop.CLAIMED_OPTIMAL if sure else Stop.IMPRECISE, cleared


def _approach(best: Nearest) -> None:
    """Offer the nearest image that has the first-layer pattern of the best flip."""
    if best.witness is None:
        return
    layer = best.problem.network.hidden[0]
    signs = layer.signs_of_reals(best.witness[None])[0]
    demand = np.where(stable_signs(layer, best.problem.box) == 0, signs, np.int8(0))
    limit = best.clock.remaining()
    image = nearest(best.problem, best.norm, demand, time_limit=limit).image
    if image is not None:
        best.offer(image)


def _search_ball(best: Nearest, ball: Ball, effort: Effort) -> Stop:
    """Look for a flip in the ball, until one is found or the solver says that there is none."""
    problem, norm, clock = best.problem, best.norm, best.clock
    if clock.expired():
        return Stop.TIME_LIMIT
    encoding = flip_in_ball(problem, ball)
    if encoding is None:
        return Stop.CLAIMED_OPTIMAL

    def accept(image: Floats, _claim: float) -> bool:
        best.offer(image)
        return best.distance <= ball.radius

    def mend(demand: Signs, time_limit: float) -> Realisation:
        return nearest(problem, norm, demand, time_limit=time_limit)

    closing = close(
        encoding,
        Candidates(network=encoding.network, accept=accept, mend=mend, clock=clock),
        effort=effort,
        clock=clock,
        value=lambda: 0.0 if best.distance <= ball.radius else -np.inf,
        start=lambda: None,
    )
    return closing.stop


def exact_distance(image: Floats, other: Floats, norm: Norm) -> float:
    """The norm of `other - image`, both (inputs,), computed exactly and rounded up."""
    pairs = zip(image.tolist(), other.tolist(), strict=True)
    changes = [abs(Fraction(there) - Fraction(here)) for here, there in pairs]
    exact = max(changes) if norm is Norm.LINF else sum(changes, start=Fraction(0))
    nearest_float = float(exact)
    if Fraction(nearest_float) < exact:
        return float(np.nextafter(nearest_float, np.inf))
    return nearest_float
