"""Making proof files of what is certain about a problem."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.bounds import interval_bound
from signflip.exact.rows import countable
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from signflip.proof.check import BOUND, check_ball, covered
from signflip.proof.container import Content, Packed, Steps, packed, steps_of
from signflip.proving.cases import Cases, have_room
from signflip.proving.eliminated import eliminated
from signflip.proving.factored import factored
from signflip.proving.growing import End, Growing, Pace, Refuter, keeps, step
from signflip.proving.hard import Frames
from signflip.proving.no_proof import NoProofError

FEW = 2_000
"""Cases of an easy proof: where there are more, another kind of proof may be shorter."""
EASY = 20_000
"""More cases that are looked at before a proof over two hidden layers begins again, by frames."""
BOX, SUM, ROW = 2.5e-8, 2e-8, 4e-9
"""Seconds of a checker for each weight, zeros too: in a box, in a sum of signs, in a row."""


def proof_of(
    problem: Problem,
    *,
    bound: Fraction | None,
    strict: tuple[int, ...] = (),
    witness: Floats | None = None,
    clock: Clock,
    steps: Steps | None = None,
) -> bytes:
    """The file that says that no image of the problem's box has an objective above a bound.

    Args:
        problem: the problem.
        bound: the bound; None to show only a witness.
        strict: rivals whose lead is to be below the bound.
        witness: (inputs,) float64, an image of the region to show.
        clock: when to give up.
        steps: of the proof of the bound, where a search has made them.

    Raises:
        NoProofError: there is no such proof, or time or room was out.
    """
    region, box = problem.region, problem.box
    content = Content(
        network=problem.network.digest,
        prediction=problem.prediction,
        rivals=problem.rivals,
        bound=bound,
        strict=strict,
        epsilon=box.epsilon if isinstance(region, Box) else None,
        image=problem.image,
        lower=box.lower,
        upper=box.upper,
        witness=witness,
        steps=b"",
    )
    if not _holds_ball(problem, content):
        content = replace(content, epsilon=None)
    if bound is not None:
        steps = _steps(problem, content, bound, clock) if steps is None else steps
        content = replace(content, steps=steps)
    return packed(content)


def _steps(problem: Problem, content: Content, bound: Fraction, clock: Clock) -> Steps:
    """The steps of a proof of a bound: factors, few cases, elimination that passes, or cases.

    Raises:
        NoProofError: there are none, or time was out.
    """
    space, strict = PatternSpace.of(problem, problem.network.hidden[0]), content.strict
    if space.size == 0:
        if keeps(space, np.zeros(0, dtype=np.bool_), bound, strict):
            return steps_of([BOUND])
        raise NoProofError("the only pattern is above the bound")
    part = Clock.start(None if clock.limit is None else clock.remaining() / 2)
    found = factored(space, bound, strict, part)
    if found is not None and _is_accepted(problem, replace(content, steps=found), clock, SUM):
        return found
    upper = upper_of(problem)
    set_incumbent(upper, problem, bound, strict)
    refuter = Refuter(space, bound, strict, clock)
    cases = Cases(space, upper) if have_room(space, clock) else None
    few = _one(space, bound, strict) if cases is None else _few(cases, refuter, clock)
    if few is not None:
        return few
    part = Clock.start(None if clock.limit is None else clock.remaining() / 2)
    for steps in eliminated(space, bound, strict, part):
        if _is_accepted(problem, replace(content, steps=steps), clock, ROW):
            return steps
    if cases is None:
        raise NoProofError("cases of so wide a network take more time or room than there is")
    if _goes_through(cases, refuter, clock, FEW + EASY):
        return cases.packing().steps()
    proof: Growing = Frames(space, upper.need) if countable(space) else cases
    why, pace = End.PAUSE, Pace(proof.budget, proof.first)
    while why is not End.DONE:
        why = step(proof, refuter, clock, pace)
    return proof.packing().steps()


def _one(space: PatternSpace, bound: Fraction, strict: tuple[int, ...]) -> bytes | None:
    """The only step where intervals are enough, which need no tables of cases; None if not."""
    most = interval_bound(space)
    return steps_of([BOUND]) if most < bound or (most == bound and not strict) else None


def _few(cases: Cases, refuter: Refuter, clock: Clock) -> Packed | None:
    """The steps where few do; None if not, or if there are none."""
    try:
        done = _goes_through(cases, refuter, clock, FEW)
    except NoProofError:
        return None
    return cases.packing().steps() if done else None


def _goes_through(cases: Cases, refuter: Refuter, clock: Clock, most: int) -> bool:
    """Whether so many cases, or fewer, are all.

    Raises:
        NoProofError: there is no proof, or time is out.
    """
    pace = Pace(cases.budget)
    while not cases.done and cases.visited < most:
        step(cases, refuter, clock, pace, most - cases.visited)
    return cases.done


def _is_accepted(problem: Problem, content: Content, clock: Clock, last: float) -> bool:
    """Whether a checker takes the steps, where there is time to ask it.

    Args:
        problem: the problem.
        content: what it is asked of.
        clock: when to give up.
        last: seconds for each weight of the last hidden layer.
    """
    layers = problem.network.hidden
    first, top = layers[0].inputs * layers[0].neurons, layers[-1].neurons
    weights = top * (layers[-1].inputs if len(layers) > 1 else top)  # of one, it reads itself
    if not clock.suffices(BOX * first + last * weights):
        return False
    try:
        covered(problem.network, content)
    except ProofError:
        return False
    return True


def _holds_ball(problem: Problem, content: Content) -> bool:
    """Whether the box holds the ball of its epsilon: one that was cut does not."""
    try:
        check_ball(problem.network, content)
    except ProofError:
        return False
    return True
