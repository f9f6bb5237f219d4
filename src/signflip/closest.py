"""The nearest image that flips: the smallest perturbation, instead of the largest objective.

One of the two freedoms of the program that the paper names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.errors import ProblemError
from signflip.milp.candidates import Candidates
from signflip.milp.close import Effort, close
from signflip.milp.highs import Highs
from signflip.milp.perturbation import (
    LEAST_RADIUS,
    Ball,
    Norm,
    nearest,
    reach,
    smallest_perturbation,
)
from signflip.milp.realise import Realisation
from signflip.milp.solver import Solver
from signflip.network import Floats, Signs
from signflip.problem import Problem
from signflip.result import Stop, Verdict
from signflip.run import Clock, Seconds

OnNearer = Callable[[Seconds, float, Floats], None]

GROWTH = 1.5
"""The radius grows by this factor where it holds no flip."""

STEPS = 14
"""The first radius is the box's reach, shrunk by this many factors."""

__all__ = ["Norm", "PerturbationResult", "minimise_perturbation"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PerturbationResult:
    """The answer of `minimise_perturbation`.

    Attributes:
        verdict: `FLIPPED` with a witness, else `UNKNOWN`: a solver's word is no proof.
        norm: what distances are measured by.
        witness: (inputs,) float64, the nearest flip found, replayed in exact arithmetic; or None.
        distance: the norm of the witness's perturbation, computed exactly and rounded up; or None.
        bound: no flip of the box is nearer than this, as far as the solver's word goes; infinite
            where it says that the box has none. With real output scales, only flips count whose
            objective a solver can tell from 0.
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

    Balls around the image are searched, from small to large, so that most programs are small; the
    first one that holds a flip holds the nearest. Without a start there is no witness before that.

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
    best = _Nearest(problem=problem, norm=norm, clock=clock, on_improvement=on_improvement)
    if start is not None:
        best.begin(np.asarray(start, dtype=np.float64))
    stop, bound = _grow(best, effort)
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
class _Nearest:
    """The nearest flip so far; an image becomes it only by a replay in exact arithmetic."""

    problem: Problem
    norm: Norm
    clock: Clock
    on_improvement: OnNearer | None
    witness: Floats | None = None
    distance: float = np.inf
    trace: list[tuple[Seconds, float]] = field(default_factory=list)

    def begin(self, image: Floats) -> None:
        if image.shape != self.problem.image.shape or not self.problem.replay(image).flipped:
            raise ProblemError(
                "the start is no flip inside the problem's box; start from the witness of an "
                "attack, or from nothing"
            )
        self.offer(image)

    def offer(self, image: Floats) -> None:
        distance = exact_distance(self.problem.image, image, self.norm)
        if distance >= self.distance or not self.problem.replay(image).flipped:
            return
        self.witness, self.distance = np.array(image, dtype=np.float64), distance
        self.witness.setflags(write=False)
        seconds = self.clock.elapsed()
        self.trace.append((seconds, distance))
        if self.on_improvement is not None:
            self.on_improvement(seconds, distance, self.witness)


def _grow(best: _Nearest, effort: Effort) -> tuple[Stop, float]:
    """Search balls of growing radius; why it stopped, and the least distance that is left."""
    cleared, doubtful = 0.0, np.inf
    for radius in _radii(best):
        stop, bound = _search(best, Ball.within(best.problem, best.norm, radius), effort)
        if stop is Stop.TIME_LIMIT:
            return stop, min(max(cleared, bound), doubtful)
        if best.distance <= radius:
            least = min(max(cleared, bound), doubtful)
            return (Stop.IMPRECISE if doubtful < bound else stop), least
        cleared, doubtful = radius, min(doubtful, bound)
    return (Stop.CLAIMED_OPTIMAL if doubtful == np.inf else Stop.IMPRECISE), doubtful


def _radii(best: _Nearest) -> Iterator[float]:
    """Radii up to the box's reach, or to the nearest flip known, whichever is less."""
    whole = min(reach(best.problem, best.norm), best.distance)
    for step in range(STEPS, 0, -1):
        radius = whole / GROWTH**step
        if LEAST_RADIUS <= radius < best.distance:
            yield radius
    if whole > 0:
        yield max(LEAST_RADIUS, min(whole, best.distance))


def _search(best: _Nearest, ball: Ball, effort: Effort) -> tuple[Stop, float]:
    """Search one ball; why it stopped, and the least distance of what it may still hold."""
    problem, norm, clock = best.problem, best.norm, best.clock
    if clock.expired():
        return Stop.TIME_LIMIT, 0.0
    encoding = smallest_perturbation(problem, ball)
    if encoding is None:
        return Stop.CLAIMED_OPTIMAL, np.inf

    def accept(image: Floats, claim: float) -> bool:
        best.offer(image)
        return best.distance <= encoding.tolerance - claim

    def mend(demand: Signs, time_limit: float) -> Realisation:
        return nearest(problem, norm, demand, time_limit=time_limit)

    def start() -> Floats | None:
        within = best.witness is not None and best.distance <= ball.radius
        return encoding.start(best.witness) if within and best.witness is not None else None

    closing = close(
        encoding,
        Candidates(network=encoding.network, accept=accept, mend=mend, clock=clock),
        effort=effort,
        clock=clock,
        value=lambda: -best.distance,
        start=start,
    )
    return closing.stop, -closing.bound


def exact_distance(image: Floats, other: Floats, norm: Norm) -> float:
    """The norm of `other - image`, both (inputs,), computed exactly and rounded up."""
    pairs = zip(image.tolist(), other.tolist(), strict=True)
    changes = [abs(Fraction(there) - Fraction(here)) for here, there in pairs]
    exact = max(changes) if norm is Norm.LINF else sum(changes, start=Fraction(0))
    nearest_float = float(exact)
    if Fraction(nearest_float) < exact:
        return float(np.nextafter(nearest_float, np.inf))
    return nearest_float
