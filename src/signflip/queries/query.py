"""A query: a network, a box of inputs, and what outputs are looked for.

Outputs are looked for that fulfil one of several cases; each case is comparisons that all hold,

    sum_c coefficients_c Y_c >= level,

as VNN-LIB and Marabou state them: a tie counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from signflip.arrays import Floats, Signs
from signflip.errors import ProblemError
from signflip.network import BinaryNetwork
from signflip.problem.grids import Float32, Grid, Levels, on_grid


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`sum coefficients_c Y_c >= level`.

    Attributes:
        coefficients: class -> what it is multiplied by.
        level: what the sum must reach.
    """

    coefficients: tuple[tuple[int, Fraction], ...]
    level: Fraction

    def holds(self, values: Sequence[Fraction]) -> bool:
        """Whether class values, exact numbers, fulfil it."""
        total = sum((factor * values[c] for c, factor in self.coefficients), start=Fraction(0))
        return total >= self.level


Case = tuple[Comparison, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """The whole question.

    Attributes:
        network: the network. Its own range of inputs does not count, but for its step: inputs in
            steps are whole numbers of them, here too.
        lower: (inputs,) float64, the box.
        upper: (inputs,) float64.
        cases: what is looked for; one of them is enough.
        float32: whether only inputs of float32 numbers count.

    Raises:
        ProblemError: shapes or classes do not fit, or the box is empty.
    """

    network: BinaryNetwork
    lower: Floats
    upper: Floats
    cases: tuple[Case, ...]
    float32: bool = False

    def __post_init__(self) -> None:
        inputs, classes = self.network.inputs, self.network.classes
        if self.lower.shape != (inputs,) or self.upper.shape != (inputs,):
            raise ProblemError(
                f"the query bounds {self.lower.shape[0]} inputs, and the network reads {inputs}; "
                "every input needs a lower and an upper bound"
            )
        crossed = (self.lower > self.upper).nonzero()[0]
        if len(crossed):
            i = int(crossed[0])
            raise ProblemError(
                f"the box is empty at input {i}: lower {self.lower[i]} is above {self.upper[i]}"
            )
        asked = [c for case in self.cases for each in case for c, _ in each.coefficients]
        if not self.cases or not all(self.cases):
            raise ProblemError("the query asks for nothing; it must compare an output")
        if max(asked) >= classes:
            raise ProblemError(f"the query asks for Y_{max(asked)}; there are {classes} outputs")

    def answered_by(self, signs: Signs) -> bool:
        """Whether activations (width,) of the last hidden layer fulfil a case. Exact."""
        values = self.network.output.exact_values(signs)
        return any(all(each.holds(values) for each in case) for case in self.cases)

    def is_witness(self, image: Floats) -> bool:
        """Whether an image (inputs,) lies in the box and fulfils a case. Exact."""
        inside = bool((self.lower <= image).all() and (image <= self.upper).all())
        inside = inside and bool(self.network.input_range.on_grid(image).all())
        inside = inside and not (self.float32 and not on_grid(Float32(), image).all())
        return inside and self.answered_by(self.network.activations(image[None])[-1][0])

    @property
    def grid(self) -> Grid | None:
        """The inputs that count: whole steps, or float32 numbers; None for all."""
        step = self.network.input_range.step
        if step is not None:
            return Levels(0.0, step, 1)
        return Float32() if self.float32 else None

    def on_grid(self) -> "Query | None":
        """The query with its box cut to inputs that count; None where none is in it."""
        if self.grid is None:
            return self
        lower, upper = self.grid.ceil(self.lower), self.grid.floor(self.upper)
        return None if (lower > upper).any() else replace(self, lower=lower, upper=upper)

    @property
    def centre(self) -> Floats:
        """(inputs,) float64: a point in the middle of the box, on the grid where there is one."""
        middle = np.clip(self.lower + (self.upper - self.lower) / 2, self.lower, self.upper)
        return middle if self.grid is None else self.grid.floor(middle)
