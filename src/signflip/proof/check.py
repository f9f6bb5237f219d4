"""Checks a proof that no image of a box flips: whole numbers, fractions, and nothing of the search.

The format is docs/proof-format.md. Whatever counts is computed here, from the weights, the image
and the box, without any rounding; the steps of a proof only say which cases to look at.

To be trusted: this file, `evaluate`, `exclusions`, `joint`, `elimination`, `enumeration`,
`factors`, `last_layer`, `parity`, `container.unpacked`, Python, NumPy's whole numbers, and of the
network `map.rows`, `threshold`, the three arrays of `output`, and `input_range`.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signflip.network import BinaryNetwork
from signflip.proof.container import Content, fail, numbers_of, pieces_of, unpacked
from signflip.proof.elimination import Eliminations
from signflip.proof.enumeration import Enumerations
from signflip.proof.evaluate import MANY, Array, Box, step, values_of, weighted
from signflip.proof.exclusions import Exclusions
from signflip.proof.factors import Factors
from signflip.proof.joint import Forms
from signflip.proof.parity import Parity

# what a step begins with
BOUND, NEW, KNOWN, FORM, JOINT, NOTED, ELIMINATED, FACTORED, BASE, WITH = range(10)
ENUMERATED, BRANCH = 10, 11


@dataclass(frozen=True, eq=False, kw_only=True)
class Proved:
    """What is true if `check` returns it.

    Attributes:
        content: what the file says. The network is that of `network`, its class of the image is
            `prediction`, and image and witness lie in the box. If there is a bound: at no real
            point of the box is a rival further ahead of the prediction than that, and those of
            `strict` are not even so far ahead. If there is an epsilon: every float64 image of the
            network's range lies in the box that is within it of the image, and differs from that
            in none but the free pixels.
        free: number of pixels that are free to change.
        values: class values of the witness; empty if there is none.
        cases: how many the proof distinguishes.
    """

    content: Content
    free: int
    values: tuple[Fraction, ...]
    cases: int


def check(data: bytes, network: BinaryNetwork) -> Proved:
    """What a proof file proves of a network.

    Raises:
        ProofError: it proves nothing; the message says which step fails, and why.
    """
    file = unpacked(data, network.inputs)
    if file.network != network.digest:
        fail("network", "the digest in the proof is that of another network")
    values = values_of(network, file.image)
    prediction, rivals, witness = values.index(max(values)), set(file.rivals), file.witness
    if prediction != file.prediction:
        fail("image", f"its class is {prediction}, and not {file.prediction}")
    if not rivals or not rivals <= set(range(len(values))) - {prediction}:
        fail("rivals", f"they must be classes other than {prediction}")
    if len(rivals) < len(file.rivals):
        fail("rivals", "one is there twice")
    if not set(file.strict) <= rivals:
        fail("rivals", "a strict one is not among them")
    for x in (file.image,) if witness is None else (file.image, witness):
        if not ((file.lower <= x) & (x <= file.upper)).all():
            fail("box", "the image or the witness lies outside")
    if file.lower.min() < network.input_range.lower or file.upper.max() > network.input_range.upper:
        fail("box", f"it goes beyond the range of the network's inputs, {network.input_range}")
    free = (file.lower != file.image) | (file.upper != file.image)
    if file.epsilon is not None:
        check_ball(network, file)
    if file.bound is None and (witness is None or any(pieces_of(file.steps))):
        fail("bound", "there is none, but steps, or no witness either")
    cases = covered(network, file)
    shown = () if witness is None else tuple(values_of(network, witness))
    return Proved(content=file, free=int(free.sum()), values=shown, cases=cases)


def covered(network: BinaryNetwork, file: Content) -> int:
    """How many cases the steps refute, all that there are, or 0 if no bound is said.

    Nothing else of the file is looked at.

    Raises:
        ProofError: the steps do not prove the bound.
    """
    return 0 if file.bound is None else _Cases(network, file, file.bound).cover()


def check_ball(network: BinaryNetwork, file: Content) -> None:
    """No float64 of the range within epsilon of a free pixel is beyond the pixel's bounds.

    Raises:
        ProofError: one is.
    """
    epsilon, inputs = Fraction(file.epsilon or 0), network.input_range
    bounds = zip(file.image.tolist(), file.lower.tolist(), file.upper.tolist(), strict=True)
    # most pixels of an image are like another one: of these the last is looked at
    for (x, low, high), i in dict(zip(bounds, range(network.inputs), strict=True)).items():
        for end, towards, is_last in (
            (low, -math.inf, low <= inputs.lower),
            (high, math.inf, high >= inputs.upper),
        ):
            beyond = math.nextafter(end, towards)
            free = low != x or high != x
            if free and not is_last and _within(beyond, x, epsilon):
                fail("box", f"pixel {i} ends at {end}, and {beyond} is within {file.epsilon} too")


def _within(x: float, y: float, epsilon: Fraction) -> bool:
    """Whether they are no further apart than that: by whole numbers, as there are many pixels."""
    (a, b), (c, d) = x.as_integer_ratio(), y.as_integer_ratio()
    return abs(a * d - c * b) * epsilon.denominator <= epsilon.numerator * b * d


def _lead(network: BinaryNetwork, file: Content, rival: int, bound: Fraction) -> tuple[Array, int]:
    """Whole numbers n (width,) and r: a rival's lead keeps the bound where `n . signs <= r`."""
    (row, bias, unit), (own, own_bias, own_unit) = (
        weighted(network, c) for c in (rival, file.prediction)
    )
    both = max(unit, own_unit)  # powers of two
    a, b = both // unit, both // own_unit
    numbers = [x * a - y * b for x, y in zip(row, own, strict=True)]
    common = math.gcd(both, *numbers)
    numbers = [n // common for n in numbers]
    room = (bound * both - bias * a + own_bias * b) / common
    most = sum(map(abs, numbers))
    limit = math.ceil(room) - 1 if rival in file.strict else math.floor(room)
    return np.array(numbers, np.int64 if most < 2**62 else object), max(-most - 1, min(most, limit))


class _Cases:
    """Cases: signs of unstable neurons that are assumed. Each is refuted, and all are covered.

    *Unstable* are the first-layer neurons that have both signs in the box; they are numbered in
    their order from 0. The literals 2 j and 2 j + 1 say that number j has the sign -1 and +1; those
    after the last neuron's, that the number of unstable neurons that are +1 is even, and odd.
    """

    def __init__(self, network: BinaryNetwork, file: Content, bound: Fraction) -> None:
        first = network.hidden[0]
        self.box, self.above = Box(file.lower, file.upper, first.threshold), network.hidden[1:]
        self.leads = [_lead(network, file, rival, bound) for rival in file.rivals]
        self.signs = self.box.signs(first)
        self.unstable = np.flatnonzero(self.signs == 0).tolist()
        self.numbers = numbers_of(file.steps)
        self.exclusions = Exclusions(self.box, first, self.unstable, self._next)
        self.eliminations = Eliminations(self.above, self.leads, self.unstable, self._next)
        parts = (self.above, self.leads, self.signs, self.unstable, self._next)
        self.forms, self.factors, self.parities = Forms(*parts), Factors(*parts), Parity(*parts)
        self.enumerations = Enumerations(*parts, self.exclusions)
        self.parity = -1  # that the case in hand says, or none
        self.bounds: list[tuple[Array, int]] = []  # signs and parities of cases to be closed by it
        self.settled: list[set[int]] = []  # in each, rivals bounded by other means

    def cover(self) -> int:
        """Go through all cases, a literal first and then its opposite; how many there are.

        A case is closed by its bound, or by literals of it that exclude each other.
        """
        path: list[tuple[int, bool]] = []  # literals, and whether the opposite was refuted before
        held, cases, known = 0, 0, self.exclusions.known  # sets of literals are bits
        while not cases or path:
            step = self._next()
            if step >= BRANCH:
                literal = step - BRANCH
                if literal >= 2 * len(self.unstable) + 2 or held >> literal // 2 * 2 & 3:
                    fail(f"case {cases}", f"neuron {literal // 2} is none, or has its sign already")
                path.append((literal, False))
                held ^= self._assume(literal)
                continue
            if step in (FORM, NOTED, FACTORED, BASE):  # the case in hand stays as it is
                if step == FORM:
                    self.forms.keep()
                elif step == NOTED:
                    self.exclusions.note(f"case {cases}")
                elif step == BASE:
                    self.exclusions.keep_base(f"case {cases}")
                else:
                    self.factors.bound(self.signs, held, known, f"case {cases}")
                continue
            if step in (BOUND, JOINT):
                signs, case = self.signs.copy(), f"case {cases}"
                forms, parity = self.forms, self.parity
                settled = forms.bounded(signs, parity, case) if step == JOINT else set[int]()
                self.settled.append(settled | self.factors.settled(held))
                self.bounds.append((signs, parity))
            elif step == ELIMINATED:
                self.eliminations.close(self.signs, held, known, f"case {cases}")
            elif step == ENUMERATED:
                cases += self.enumerations.close(self.signs, held, f"case {cases}") - 1
            elif step == WITH:
                self.exclusions.close_with_base(held, f"case {cases}")
            else:
                if step == NEW:
                    self.exclusions.note(f"case {cases}")
                self.exclusions.close(held, self._next() if step == KNOWN else 0, f"case {cases}")
            cases += 1
            while path and path[-1][1]:
                literal, _ = path.pop()
                held ^= self._assume(literal, times=0)
            if path:
                literal, _ = path.pop()
                path.append((literal ^ 1, True))
                held ^= 1 << literal | self._assume(literal ^ 1)
            if not path or len(self.bounds) >= MANY:
                self._check_bounds(f"cases before {cases}")
        self.exclusions.look("cases before the last")
        if next(self.numbers, None) is not None:
            fail("steps", "they go on after all cases are covered")
        return cases

    def _next(self) -> int:
        number = next(self.numbers, None)
        if number is None:
            fail("steps", "they end before all cases are covered")
        return number

    def _assume(self, literal: int, times: int = 1) -> int:
        """Give a neuron a literal's sign, or with 0 take it back; the literal as a bit."""
        if literal < 2 * len(self.unstable):
            self.signs[self.unstable[literal // 2]] = times * (literal % 2 * 2 - 1)
        else:
            self.parity = literal % 2 if times else -1
        return 1 << literal

    def _check_bounds(self, where: str) -> None:
        """In no case that its bound is to close may a rival be too far ahead."""
        if self.bounds:
            signs, parities = (np.array(each) for each in zip(*self.bounds, strict=True))
            missed = self.parities.missed(signs, parities)
            for i, layer in enumerate(self.above):
                signs = step(layer, signs, None if i else self.parities.over(parities))
            for rival, (numbers, limit) in enumerate(self.leads):
                over = signs @ numbers + (signs == 0) @ np.abs(numbers) > limit
                over &= ~missed & [rival not in settled for settled in self.settled]
                if over.any():
                    which = f"no. {over.argmax()} of {len(over)} waiting"
                    fail(where, f"the bound of {which} is too high")
        self.bounds, self.settled = [], []
