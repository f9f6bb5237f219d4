"""One entry point for every method."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy.typing as npt

from signflip.clock import Clock
from signflip.problem import Problem
from signflip.result import AttackResult, Stop, Verdict
from signflip.run import OnImprovement, Run


@dataclass(frozen=True)
class Outcome:
    """How a method's run ended.

    Attributes:
        stop: why it stopped.
        bound: an upper bound of the objective, or None.
        proved: whether `bound` is proved, not a solver's word.
        flipless: whether it is proved that no image flips, by the problem's rule of ties; without
            it a proved bound must say so.
    """

    stop: Stop
    bound: float | Fraction | None = None
    proved: bool = False
    flipless: bool = False


class Method(Protocol):
    """An attack: a frozen dataclass that holds its settings."""

    def run(self, run: Run) -> Outcome:
        """Attack `run.problem`, offering each candidate to `run`, until `run.clock` expires."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A method that has to get ready once in each process: its clock starts after that."""

    def prepare(self) -> None:
        """Get ready, such as by compiling; at once if that was done before."""
        ...


class UnsoundError(RuntimeError):
    """A replayed witness contradicts a proof: a bug in Signflip, never a user's error."""


def attack(
    problem: Problem,
    method: Method,
    *,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnImprovement | None = None,
) -> AttackResult:
    """Attack a problem with a method.

    Args:
        problem: what to attack.
        method: how: `Fgsm()`, `Milp()`, `IProp()`, `Exact()`.
        time_limit: seconds, or None to run until the method is through.
        start: (inputs,) float64 inside the box: a point to start from, None for the clean image.
        on_improvement: called as (seconds, objective, image) at each better witness.

    Raises:
        ProblemError: the start lies outside the box.
        SettingError: the time limit is negative.
    """
    if isinstance(method, Preparing):
        method.prepare()
    clock = Clock.start(time_limit)
    run = Run(problem, clock, start, on_improvement)
    outcome = method.run(run)
    bound = outcome.bound
    if bound is not None and bound < run.value:
        if outcome.proved:
            raise UnsoundError(
                f"{method} proved a bound of {bound}, and a witness reaches {run.value}"
            )
        bound = run.value
    return AttackResult(
        verdict=_verdict(run, outcome, method),
        witness=run.witness,
        objective=float(run.value),
        clean_objective=float(problem.clean.value),
        bound=None if bound is None else float(bound),
        prediction=problem.prediction,
        witness_prediction=run.replay.prediction,
        seconds=clock.elapsed(),
        trace=tuple(run.trace),
        stop=outcome.stop,
    )


def _verdict(run: Run, outcome: Outcome, method: Method) -> Verdict:
    if run.flipped:
        if outcome.flipless:
            raise UnsoundError(f"{method} proved that no image flips, and a witness does")
        return Verdict.FLIPPED
    bounded = (
        outcome.proved and outcome.bound is not None and run.problem.no_flip_below(outcome.bound)
    )
    return Verdict.ROBUST if outcome.flipless or bounded else Verdict.UNKNOWN
