"""One entry point for every method."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Protocol, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt

from signflip.clock import Clock, OutOfTime, check_limit
from signflip.errors import ProblemError, SettingError
from signflip.files import as_path
from signflip.problem import GridName, Problem
from signflip.problem.grids import Float32
from signflip.result import AttackResult, Stop, Verdict
from signflip.search import OnImprovement, Search

TIME_TO_LOAD = 2.0
"""Seconds of a time limit in which the rest of what is kept of a method may be loaded: 0.2 s."""


@dataclass(frozen=True)
class Outcome:
    """How a method's run ended.

    Attributes:
        stop: why it stopped.
        bound: an upper bound of the objective, or None; where the measure is a distance, a lower
            bound of that of a flip, infinite if there is none.
        proved: whether `bound` is proved, not a solver's word.
        flipless: whether it is proved that no image flips, by the problem's rule of ties; without
            it a proved bound must say so.
        remark: what else to know of the run, in sentences; empty for nothing.
    """

    stop: Stop
    bound: float | Fraction | None = None
    proved: bool = False
    flipless: bool = False
    remark: str = ""


class Method(Protocol):
    """An attack: a frozen dataclass that holds its settings. See `Preparing` and `Choosy`."""

    def run(self, search: Search, /) -> Outcome:
        """Attack `search.problem`, offering each candidate, until `search.clock` expires."""
        ...


@runtime_checkable
class Preparing(Method, Protocol):
    """A method that has to get ready once in each process: its clock starts after that."""

    def prepare(self) -> None:
        """Get ready, such as by compiling; at once if that was done before."""
        ...


@runtime_checkable
class Lasting(Preparing, Protocol):
    """A method that gets ready once on a machine: what that makes is kept on disk."""

    def ready(self) -> bool:
        """Load what most problems need, if all is there; whether it is.

        A run that has some seconds can load the rest as it goes.
        """
        ...


@runtime_checkable
class Choosy(Method, Protocol):
    """A method that says itself what it cannot work on.

    One that does not is taken to work on every region and goal, and to measure by the objective.
    """

    def refuses(self, problem: Problem) -> str | None:
        """Why it cannot work on the problem, as a sentence with the mend; None if it can."""
        ...


@cache
def _follows(kind: type[object], protocol: type[object]) -> bool:
    # asked once for each class: that takes as long as an easy attack's tables
    return issubclass(kind, protocol)


def _is_preparing(method: Method) -> TypeGuard[Preparing]:
    return _follows(type(method), Preparing)


def _is_lasting(method: Method) -> TypeGuard[Lasting]:
    return _follows(type(method), Lasting)


def _is_choosy(method: Method) -> TypeGuard[Choosy]:
    return _follows(type(method), Choosy)


def refusal(method: Method, problem: Problem) -> str | None:
    """Why the method cannot work on the problem, as a sentence with the mend; None if it can."""
    if _is_choosy(method):
        return method.refuses(problem)
    return None if problem.measure.norm is None else no_distance(method)


def check_method(method: object, called: str = "the method") -> None:
    """Refuse what is no method: a name, or a class of methods.

    Raises:
        SettingError: it is none.
    """
    if isinstance(method, type):
        raise SettingError(
            f"{called} is the class {method.__name__}; it must be an object: {method.__name__}()"
        )
    if not hasattr(method, "run"):
        raise SettingError(
            f"{called} is {method!r}; it must be an object with settings, such as Exact()"
        )


def _get_ready(method: Method, time_limit: float | None) -> None:
    """Prepare the method, unless it has time to load what is kept, most often a part of it."""
    if not _is_preparing(method):
        return
    if (
        (time_limit is None or time_limit >= TIME_TO_LOAD)
        and _is_lasting(method)
        and method.ready()
    ):
        return
    method.prepare()


def no_distance(method: Method) -> str:
    """What a method says that minimises no perturbation."""
    return (
        f"{type(method).__name__} looks for the largest objective, not for the smallest "
        "perturbation; use Exact() or Milp()"
    )


class UnsoundError(RuntimeError):
    """A replayed witness contradicts a proof: a bug in Signflip, never a user's error."""


def attack(
    problem: Problem,
    method: Method | None = None,
    *,
    time_limit: float | None = None,
    start: npt.ArrayLike | None = None,
    on_improvement: OnImprovement | None = None,
    proof: str | Path | None = None,
) -> AttackResult:
    """Attack a problem with a method.

    Args:
        problem: what to attack, and by what measure.
        method: how: `Auto()`, the default, or one of `Fgsm()`, `Milp()`, `IProp()`, `Walk()`,
            `Exact()`.
        time_limit: seconds, or None to run until the method is through.
        start: (inputs,) float64 inside the region: a point to start from, None for the clean image.
            Where the measure is a distance, an image that flips.
        on_improvement: called as (seconds, objective or distance, image) at each better witness.
        proof: file for a proof that `signflip check` can check, made in what is left of the time
            limit: of *robust*, of an optimum, of the lower end of a distance, or the witness of a
            flip. Where there is none, the result's remark says why; a file of that name that was
            there before is gone in any case.

    Raises:
        ProblemError: the problem is none, the method cannot work on it, or the start is no image,
            lies outside the region or is no flip.
        SettingError: the method is none, the time limit is negative, nothing can be called at an
            improvement, there can be no file for the proof, or an old one cannot be removed.
    """
    if method is None:
        from signflip.methods.auto import Auto  # methods are made for attacks, and import them

        method = Auto()
    check_method(method)
    if not isinstance(problem, Problem):
        raise ProblemError(
            f"the problem is of type {type(problem).__name__}; make one of network, image and "
            "epsilon: Problem.ball(network, image, epsilon=0.1)"
        )
    if on_improvement is not None and not callable(on_improvement):
        raise SettingError(
            f"on_improvement is {on_improvement!r:.60}; it must be a function of seconds, "
            "objective and image"
        )
    refused = refusal(method, problem)
    if refused is not None:
        raise ProblemError(refused)
    check_limit(time_limit)
    _get_ready(method, time_limit)
    file = None
    if proof is not None:
        # here, and not above: what makes proofs rests on the search, and few attacks need it
        from signflip.proving.files import ProofFile

        file = ProofFile(as_path(proof, "the file of the proof", SettingError))
    clock = Clock.start(time_limit)
    search = Search(problem, clock, start, on_improvement)
    if file is not None:
        file.listen(search)
    try:
        outcome = method.run(search)
    except OutOfTime as late:  # before the method could begin
        outcome = Outcome(Stop.TIME_LIMIT, remark=str(late))
    bound = outcome.bound
    if bound is not None and search.contradicts(bound):
        if outcome.proved:
            raise UnsoundError(
                f"{method} proved a bound of {bound}, and a witness reaches {search.reached}"
            )
        bound = search.reached
    measured = problem.measure.norm is not None and search.flipped
    verdict, seconds, remark = _verdict(search, outcome, method), clock.elapsed(), outcome.remark
    if file is not None:
        try:
            lacking = file.write(verdict, outcome.stop, bound)
        except OSError as error:  # such as a full disk: the answer is one all the same
            lacking = f"The proof cannot be written to {proof} ({error.strerror})."
        remark = " ".join(filter(None, (remark, lacking)))
    as_float32, as_8bit = _flips_on_grids(search) if search.flipped else (None, None)
    return AttackResult(
        verdict=verdict,
        witness=search.witness.copy(),  # the user's own: to write to, or to share with PyTorch
        objective=float(search.value),
        clean_objective=float(problem.clean.value),
        bound=None if bound is None else float(bound),
        distance=search.distance if measured else None,
        prediction=problem.prediction,
        witness_prediction=search.replay.prediction,
        seconds=seconds,
        trace=tuple(search.trace),
        stop=outcome.stop,
        remark=remark,
        flips_as_float32=as_float32,
        flips_as_8bit=as_8bit,
        found_by=search.part if verdict is Verdict.ROBUST else search.found_by,
    )


def _flips_on_grids(search: Search) -> list[bool]:
    """Whether the witness flips where images are kept as float32, and in 8 bits."""
    problem = search.problem
    grids = Float32(), GridName.EIGHT_BIT.of(problem.network.input_range)
    images = np.array([grid.nearest(search.witness) for grid in grids])
    # together: a forward pass of two images takes little longer than one of one
    signs = problem.network.activations(images)[-1]
    return [problem.standing(row).flipped for row in signs]


def _verdict(search: Search, outcome: Outcome, method: Method) -> Verdict:
    if search.flipped:
        if outcome.flipless:
            raise UnsoundError(f"{method} proved that no image flips, and a witness does")
        return Verdict.FLIPPED
    problem, bound = search.problem, outcome.bound
    bounded = bound is not None and problem.measure.excludes_flips(problem, bound)
    return Verdict.ROBUST if outcome.flipless or (outcome.proved and bounded) else Verdict.UNKNOWN
