"""What a checked proof file says, in sentences."""

import math
from fractions import Fraction

import numpy as np

from signflip.proof.check import Proved
from signflip.proof.container import Content

MOST_DIGITS = 30
"""Of numbers that are shown exactly."""


def sentences(proved: Proved, classes: int) -> list[str]:
    """The claim of a proof that was checked.

    Args:
        proved: what the checker returned.
        classes: of the network.
    """
    said = []
    bound = proved.content.bound
    if bound is not None:
        said.append(f"{_where(proved)}, {_bound(proved, bound, classes)}.")
    if proved.content.witness is not None:
        said.append(_witness(proved))
    return said


def _where(proved: Proved) -> str:
    content = proved.content
    if content.epsilon is not None:
        where = f"Within epsilon {content.epsilon!r} of the image"
    else:
        moved = np.maximum(content.image - content.lower, content.upper - content.image).max()
        where = f"Between the file's bounds, which are up to {float(moved):.6g} from the image"
    fixed = len(content.image) - proved.free
    return f"{where}, {fixed} of {len(content.image)} pixels being held" if fixed else where


def _bound(proved: Proved, bound: Fraction, classes: int) -> str:
    content = proved.content
    own, rivals, strict = content.prediction, content.rivals, content.strict
    others = set(range(classes)) - {own}
    if bound <= 0 and set(rivals) == others and (bound < 0 or set(range(own)) <= set(strict)):
        ahead = f", ahead of any other by at least {_number(-bound, -math.inf)}" if bound else ""
        return f"every image has the class {own}{ahead}"
    if set(rivals) == others:
        none = "no class is"
    elif len(rivals) == 1:
        none = f"class {rivals[0]} is not"
    else:
        none = f"none of the classes {', '.join(map(str, rivals))} is"
    by = f" by more than {_number(bound, math.inf)}" if bound else ""
    level = "by just as much" if bound else "level with it"
    ties = f", and none of {', '.join(map(str, strict))} is {level}" if strict else ""
    return f"{none} ahead of class {own}{by}{ties}"


def _witness(proved: Proved) -> str:
    content, values = proved.content, proved.values
    prediction = values.index(max(values))
    reached = max(values[c] for c in content.rivals) - values[content.prediction]
    said = (
        f"There is an image of class {prediction}, {_distance(content)!r} from this one, with an "
        f"objective of at least {_number(reached, -math.inf)}"
    )
    return f"{said}, the largest that there is." if reached == content.bound else f"{said}."


def _distance(content: Content) -> float:
    """The largest change of a pixel of the witness, rounded up."""
    witness = content.image if content.witness is None else content.witness
    pairs = zip(witness.tolist(), content.image.tolist(), strict=True)
    return _rounded(max(abs(Fraction(a) - Fraction(b)) for a, b in pairs), math.inf)


def _number(value: Fraction, towards: float) -> str:
    """Exact, unless that would be long: then rounded to the side where what is said stays true."""
    exact = str(value)
    return exact if len(exact) < MOST_DIGITS else repr(_rounded(value, towards))


def _rounded(value: Fraction, towards: float) -> float:
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    wrong = near < value if towards > 0 else near > value  # as they are: nothing is rounded
    return math.nextafter(near, towards) if wrong else near
