"""The outputs of a file, of which a property speaks, and the class values of its network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from signflip.errors import ProblemError
from signflip.formats.assembly import SCALED
from signflip.formats.outputs import CLASSES, LOGIT, outputs_of
from signflip.network import BinaryNetwork
from signflip.queries.query import Case, Comparison


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a file's outputs are, as its network's card states it.

    Attributes:
        logit: whether there is one, which is the value of class 1.
        after: the function that follows the class values, such as Softmax; None if none does.
        factor: what class values were multiplied by, to be float64s.
    """

    logit: bool
    after: str | None
    factor: Fraction

    @classmethod
    def of(cls, network: BinaryNetwork) -> "Outputs":
        """Those of the file that a network was read from."""
        said = outputs_of(network)
        after = [part for part in said if part != LOGIT]
        factor = Fraction(network.card.get(SCALED, "1"))
        return cls(logit=LOGIT in said, after=after[0] if after else None, factor=factor)

    def asked(self, case: Case) -> Case:
        """What is asked of outputs, of class values.

        Raises:
            ProblemError: it cannot be said of them.
        """
        return tuple(self._asked(each) for each in case)

    def _asked(self, each: Comparison) -> Comparison:
        factors = [(c, factor) for c, factor in each.coefficients if factor]
        if self.after == CLASSES:
            raise ProblemError(
                "the network's file gives classes (ArgMax, TopK), and the property compares "
                "outputs; export the network up to its class values"
            )
        balanced = len(factors) in (0, 2) and not sum(factor for _, factor in factors)
        if self.after and not (balanced and each.level == 0):
            raise ProblemError(
                f"the network's file ends in a {self.after}, of which only the order of outputs "
                "can be asked; export the network up to its class values"
            )
        if self.logit:
            each = _of_one(each)
        return replace(each, level=each.level * self.factor)

    def shown(self, values: Sequence[Fraction]) -> list[float]:
        """The file's outputs at class values."""
        own = [value / self.factor for value in (values[1:] if self.logit else values)]
        if self.after in ("Softmax", "LogSoftmax"):
            gaps = [float(value - max(own)) for value in own]
            total = math.log(sum(math.exp(gap) for gap in gaps))
            logs = [gap - total for gap in gaps]
            return logs if self.after == "LogSoftmax" else [math.exp(each) for each in logs]
        if self.after == "Sigmoid":
            return [(1 + math.tanh(float(value) / 2)) / 2 for value in own]
        return [float(value) for value in own]


def _of_one(each: Comparison) -> Comparison:
    """What is asked of a file's one output, Y_0, of class 1."""
    beyond = max(c for c, _ in each.coefficients)
    if beyond > 0:
        raise ProblemError(f"the query asks for Y_{beyond}; the network's file has 1 output")
    return replace(each, coefficients=tuple((1, factor) for _, factor in each.coefficients))
