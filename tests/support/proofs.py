"""Proof files for tests: what brute force says of a claim, and files that were tampered with."""

from dataclasses import fields, replace
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.upper import set_incumbent, upper_of
from signflip.network import BinaryNetwork
from signflip.patterns.space import PatternSpace
from signflip.problem import Box, Problem
from signflip.proof.check import check
from signflip.proof.container import Content, numbers_of, packed, steps_of
from signflip.proving.eliminated import eliminated
from signflip.proving.enumerated import Enumerated, enumerable
from signflip.proving.growing import End, Pace, Refuter, step
from signflip.proving.no_proof import NoProofError
from tests.support.oracle import patterns
from tests.support.reference import (
    reference_prediction,
    reference_values,
    reference_values_of_pattern,
)

SOME = (0, 1, 2, 3, 4, 5, 7, 8, 63, 127, 128, 2**31, 2**64, 2**200)
"""Numbers that steps may be replaced by."""


def is_true(network: BinaryNetwork, content: Content) -> bool:
    """Whether a file's claim is true, by going through all patterns that a point of the box has."""
    box = cast("Box", SimpleNamespace(lower=content.lower, upper=content.upper))
    values = reference_values(network, content.image.tolist())
    inside = (content.image, *([] if content.witness is None else [content.witness]))
    good = content.network == network.digest and bool(content.rivals)
    good &= all(np.all((content.lower <= x) & (x <= content.upper)) for x in inside)
    good &= content.prediction == reference_prediction(values)
    good &= content.prediction not in content.rivals and set(content.strict) <= set(content.rivals)
    good &= all(0 <= rival < network.classes for rival in content.rivals)
    if not good or content.bound is None:
        return good
    for pattern, _ in patterns(network, box):
        found = reference_values_of_pattern(network, pattern)
        leads = {c: found[c] - found[content.prediction] for c in content.rivals}
        if any(lead > content.bound for lead in leads.values()):
            return False
        if any(leads[c] == content.bound for c in content.strict):
            return False
    return True


def content_of(problem: Problem, bound: Fraction | None, steps: list[int]) -> Content:
    """What a file about a problem's box says, with these steps and no witness."""
    return Content(
        network=problem.network.digest,
        prediction=problem.prediction,
        rivals=problem.rivals,
        bound=bound,
        strict=(),
        epsilon=None,
        image=problem.image,
        lower=problem.box.lower,
        upper=problem.box.upper,
        witness=None,
        steps=steps_of(steps),
    )


def accepted(problem: Problem, content: Content) -> bool:
    """Whether the checker takes a content for a proof."""
    try:
        check(packed(content), problem.network)
    except ProofError:
        return False
    return True


def by_elimination(problem: Problem, bound: Fraction) -> list[Content]:
    """Contents that say a bound of a problem, with steps of elimination: wider and wider tables."""
    space = PatternSpace.of(problem, problem.network.hidden[0])
    if space.size == 0:
        return []
    every = eliminated(space, bound, (), Clock.start(None), share=1.0)
    return [replace(content_of(problem, bound, []), steps=steps) for steps in every]


def by_enumeration(problem: Problem, content: Content) -> Content:
    """What a content says, with steps that a checker goes through itself.

    Raises:
        NoProofError: there are none.
    """
    space, upper = PatternSpace.of(problem, problem.network.hidden[0]), upper_of(problem)
    if not enumerable(space) or content.bound is None:
        raise NoProofError("it is of another kind")
    set_incumbent(upper, problem, content.bound, content.strict)
    clock = Clock.start(None)
    proof, refuter = Enumerated(space, upper), Refuter(space, content.bound, content.strict, clock)
    pace = Pace(proof.budget, proof.first)
    while step(proof, refuter, clock, pace) is not End.DONE:
        pass
    return replace(content, steps=proof.packing().steps())


def tampered(content: Content, others: list[Content], random: Random) -> bytes:
    """A file that says something else, or the same in another way, or nothing.

    Args:
        content: of a valid file.
        others: contents of other files, about images of as many inputs.
        random: what to draw from.
    """
    ways = (_bits, _steps, _steps, _steps, _field, _field, _field, _swap, _swap)
    return random.choice(ways)(content, others, random)


def _bits(content: Content, _others: list[Content], random: Random) -> bytes:
    data = bytearray(packed(content))
    for _ in range(random.randint(1, 3)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    if random.random() < 0.2:
        del data[random.randrange(len(data)) :]
    return bytes(data)


def _steps(content: Content, _others: list[Content], random: Random) -> bytes:
    """Steps changed, dropped, doubled, put elsewhere."""
    numbers = list(numbers_of(content.steps)) or [0]
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        place, other = random.randrange(len(numbers)), random.randrange(len(numbers))
        end = place + random.randint(1, 4)
        match random.randrange(6):
            case 0:
                numbers[place] = random.choice(SOME)
            case 1:
                numbers[place] = max(0, numbers[place] + random.choice((-2, -1, 1, 2)))
            case 2 if end - place < len(numbers):
                del numbers[place:end]
            case 3:
                numbers[other:other] = numbers[place:end]
            case 4:
                numbers[place], numbers[other] = numbers[other], numbers[place]
            case _:
                numbers = numbers[: place + 1] + [0] * random.randint(0, 3)
    return packed(replace(content, steps=steps_of(numbers)))


def _field(content: Content, _others: list[Content], random: Random) -> bytes:
    """A bound too low, other classes, a wider box, another image."""
    classes = (*content.rivals, content.prediction)
    which = random.choice(("bound", "rivals", "strict", "prediction", "box", "image", "pixel"))
    changed: dict[str, Any]
    if which == "bound":
        bound = content.bound or Fraction(0)
        changed = {which: bound - random.choice((Fraction(1, 10**9), 1, 2, 4, -1, 50))}
    elif which == "prediction":
        changed = {which: random.choice((*classes, 0, -1, 99))}
    elif which in ("rivals", "strict"):
        chosen = tuple(random.choices((*classes, *range(max(classes) + 2)), k=random.randint(0, 3)))
        changed = {which: chosen}
    elif which == "image":
        changed = {which: np.clip(content.image + random.uniform(-0.1, 0.1), 0, 1)}
    else:
        lower, upper = content.lower.copy(), content.upper.copy()
        chosen_pixels = (
            slice(None)
            if which == "box"
            else slice(pixel := random.randrange(len(lower)), pixel + 1)
        )
        lower[chosen_pixels] -= random.choice((0, 5e-324, 1e-9, 0.01, 0.2, 1e300))
        upper[chosen_pixels] += random.choice((0, 5e-324, 1e-9, 0.01, 0.2, 1e300))
        changed = {"lower": lower, "upper": upper}
    return packed(replace(content, **changed))


def _swap(content: Content, others: list[Content], random: Random) -> bytes:
    """Parts of a valid proof of something else."""
    other = random.choice(others or [content])
    names = [each.name for each in fields(Content)]
    chosen = random.sample(names, random.choice((1, 1, 2, 4)))
    return packed(replace(content, **{name: getattr(other, name) for name in chosen}))
