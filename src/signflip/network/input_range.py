"""What a network's inputs are: from where to where, and in which steps."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signflip.arrays import Booleans, Floats
from signflip.errors import NetworkError
from signflip.settings import is_number

_LARGEST = 1e38  # within float32, which witnesses are rounded to
_MOST_STEPS = 2**50
_MOST_DIGITS = 2**53  # whole numbers that float64 has


@dataclass(frozen=True, kw_only=True)
class InputRange:
    """The values that each input of a network may have.

    Attributes:
        lower: the least, from -1e38.
        upper: the greatest, to 1e38.
        step: the inputs are `lower` plus a whole number of steps, as those of 8-bit images are with
            lower 0, upper 255 and step 1; None where every float64 between is an input. Float64
            holds each of them, as it does for 1 or 1/256, and not for 0.1 or 1/255.

    Raises:
        NetworkError: a number is out of range, the range is empty, it is no whole number of steps,
            or float64 does not hold them all.
    """

    lower: float = 0.0
    upper: float = 1.0
    step: float | None = None

    def __post_init__(self) -> None:
        for name in ("lower", "upper", "step"):
            number = getattr(self, name)
            if number is None and name == "step":
                continue
            if not is_number(number):
                raise NetworkError(
                    f"the input range's {name} is {number!r}; it must be a number, such as 255"
                )
            # an int says the same, and is written as another number where networks are told apart
            object.__setattr__(self, name, float(number))
        if not (np.isfinite(self.lower) and np.isfinite(self.upper) and self.lower < self.upper):
            raise NetworkError(
                f"the input range is {self.lower} to {self.upper}; both must be finite, and the "
                "first below the second"
            )
        if max(-self.lower, self.upper) > _LARGEST:
            raise NetworkError(
                f"the input range is {self.lower} to {self.upper}; neither end must be beyond "
                "1e38, or sums of inputs would overflow: divide both and the first layer's "
                "thresholds by one number"
            )
        if self.step is None:
            return
        if not (np.isfinite(self.step) and self.step > 0):
            raise NetworkError(f"the input step is {self.step}; it must be above 0, or None")
        step = Fraction(self.step)
        counts = [abs(Fraction(end) / step) for end in (self.lower, self.upper)]
        digits = step.numerator // (step.numerator & -step.numerator)
        whole = all(count.denominator == 1 for count in counts)
        # else tools would not agree on which numbers are inputs: 3 times 0.1 is not 0.3
        if not whole or max(counts) > min(_MOST_STEPS, _MOST_DIGITS // digits):
            raise NetworkError(
                f"the input range is {self.lower} to {self.upper} in steps of {self.step}; both "
                "ends must be whole numbers of steps, and float64 must hold each: for pixels "
                "k / 255 state 0 to 255 in steps of 1, and scale the first layer's thresholds"
            )

    @property
    def width(self) -> float:
        """`upper - lower`."""
        return self.upper - self.lower

    @property
    def default(self) -> bool:
        """Whether it is [0, 1], the paper's."""
        return self == InputRange()

    def on_grid(self, values: Floats) -> Booleans:
        """Whether each value is a whole number of steps; all are where there is no step."""
        if self.step is None:
            return np.ones(np.shape(values), dtype=np.bool_)
        steps = values / self.step
        whole: Booleans = (np.rint(steps) == steps) & (steps * self.step == values)
        return whole

    def __str__(self) -> str:
        steps = "" if self.step is None else f" in steps of {self.step:g}"
        return f"[{self.lower:g}, {self.upper:g}]{steps}"


UNIT_RANGE = InputRange()
"""[0, 1], the paper's."""


def check_range(input_range: object) -> None:
    """Refuse what is no range of inputs.

    Raises:
        NetworkError: it is none.
    """
    if not isinstance(input_range, InputRange):
        raise NetworkError(
            f"the input range is {input_range!r:.60}; it must be InputRange(lower=0, upper=1)"
        )
