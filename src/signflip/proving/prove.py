"""Making proof files of what is certain about a problem."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.rows import countable
from signflip.exact.upper import set_incumbent, upper_of
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from signflip.proof import check
from signflip.proof.check import BOUND, check_ball
from signflip.proof.container import Content, Packed, Steps, packed, steps_of
from signflip.proving.cases import Cases
from signflip.proving.eliminated import eliminated
from signflip.proving.factored import factored
from signflip.proving.growing import End, Growing, Refuter, keeps, step
from signflip.proving.hard import Frames
from signflip.proving.no_proof import NoProofError

FEW = 2_000
"""Steps of an easy proof: where there are more, another kind of proof may be shorter."""
EASY = 20_000
"""Cases that are looked at before a proof over two hidden layers begins again, by frames."""


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
    if found is not None and _are_accepted(found, problem, content, bound):
        return found
    upper = upper_of(problem)
    set_incumbent(upper, problem, bound, strict)
    cases, refuter = Cases(space, upper), Refuter(space, bound, strict, clock)
    few = _few(cases, refuter, clock)
    if few is not None:
        return few
    part = Clock.start(None if clock.limit is None else clock.remaining() / 2)
    for steps in eliminated(space, bound, strict, part):
        if _are_accepted(steps, problem, content, bound):
            return steps
    why = End.LEAF
    while why is End.LEAF:
        why = step(cases, refuter, clock, EASY)
    if why is End.DONE:
        return cases.packing().steps()
    proof: Growing = Frames(space, upper.need) if countable(space) else cases
    while why is not End.DONE:
        why = step(proof, refuter, clock, proof.budget)
    return proof.packing().steps()


def _few(cases: Cases, refuter: Refuter, clock: Clock) -> Packed | None:
    """The steps where few do; None if not, or if there are none."""
    why = End.LEAF
    try:
        while why is End.LEAF and cases.written <= FEW:
            why = step(cases, refuter, clock, FEW)
    except NoProofError:
        return None
    return cases.packing().steps() if why is End.DONE else None


def _are_accepted(steps: bytes, problem: Problem, content: Content, bound: Fraction) -> bool:
    try:
        check.Cases(problem.network, replace(content, steps=steps), bound).cover()
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
