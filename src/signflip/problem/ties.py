"""What a tie at the top counts as: the paper, other tools and `predict` do not agree."""

from enum import Enum

from signflip.errors import ProblemError


class Ties(Enum):
    """Which images flip whose best rival has the same value as the prediction."""

    NONE = "none"
    """None: the rival must be strictly ahead. The paper's rule."""
    FLIP = "flip"
    """All of them, as in VNN-COMP and Marabou. An image may be tied before it is changed."""
    PREDICT = "predict"
    """Those that `BinaryNetwork.predict` gives to the rival: the one of lower index."""

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return {
            Ties.NONE: "a tie is no flip",
            Ties.FLIP: "a tie is a flip",
            Ties.PREDICT: "a tie goes to the lower class, as the network predicts",
        }[self]

    def flips(self, rival: int, prediction: int) -> bool:
        """Whether a tie of these two classes counts as a flip."""
        if self is Ties.PREDICT:
            return rival < prediction
        return self is Ties.FLIP


def ties_rule(ties: Ties | str) -> Ties:
    """The rule, by itself or by its name.

    Raises:
        ProblemError: no rule has that name.
    """
    try:
        return Ties(ties)
    except ValueError as error:
        names = ", ".join(repr(each.value) for each in Ties)
        raise ProblemError(f"ties is {ties!r}; it must be one of {names}") from error
