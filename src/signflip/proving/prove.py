"""Making proof files of what is certain about a problem."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from signflip.proof.check import BOUND, check, check_ball
from signflip.proof.container import MOST_BYTES, Content, packed, steps_of
from signflip.proving.cases import Cases, keeps
from signflip.proving.eliminated import eliminated
from signflip.proving.factored import factored
from signflip.proving.no_proof import NoProofError

ROOM = 2**21
"""Bytes of a file for its header: a checker reads no larger ones than `MOST_BYTES`."""


def proof_of(
    problem: Problem,
    *,
    bound: Fraction | None,
    strict: tuple[int, ...] = (),
    witness: Floats | None = None,
    clock: Clock,
) -> bytes:
    """The file that says that no image of the problem's box has an objective above a bound.

    Args:
        problem: the problem.
        bound: the bound; None to show only a witness.
        strict: rivals whose lead is to be below the bound.
        witness: (inputs,) float64, an image of the region to show.
        clock: when to give up.

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
    steps = b"" if bound is None else _steps(problem, content, bound, clock)
    if len(steps) > MOST_BYTES - ROOM - 32 * problem.network.inputs:
        raise NoProofError("its file would be too large")
    return packed(replace(content, steps=steps))


def _steps(problem: Problem, content: Content, bound: Fraction, clock: Clock) -> bytes:
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
    if found is not None and _is_accepted(problem, replace(content, steps=found)):
        return found
    cases = Cases(space, bound, strict, clock)
    few = cases.few()
    if few is not None:
        return few
    part = Clock.start(None if clock.limit is None else clock.remaining() / 2)
    for steps in eliminated(space, bound, strict, part):
        if _is_accepted(problem, replace(content, steps=steps)):
            return steps
    return cases.steps()


def _is_accepted(problem: Problem, content: Content) -> bool:
    try:
        check(packed(content), problem.network)
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
