"""What a gradient attack raises: functions of the class values, with their slopes.

A loss is called with class values (n, classes) and the rows (n,) of the batch that they are of, and
answers with what is to rise (n,) and its derivative by the class values (n, classes). Each image of
a batch has a rival of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.clock import ENDLESS, Clock
from signflip.errors import SettingError
from signflip.methods.surrogate import Pass

Loss = Callable[[Floats, Integers], tuple[Floats, Floats]]
TINY = 1e-12
"""Keeps quotients finite, as in the authors' code."""


@dataclass(frozen=True, eq=False)
class Lead:
    """`max over rivals of f_rival - f_prediction`: each image's rival is the highest at the time.

    Attributes:
        prediction: the class of the clean image.
        rivals: the classes that the attack may raise.
    """

    prediction: int
    rivals: tuple[int, ...]

    def __call__(self, values: Floats, rows: Integers) -> tuple[Floats, Floats]:
        """The leads, and +1 and -1 for the two classes."""
        best = np.array(self.rivals)[np.argmax(values[:, list(self.rivals)], axis=1)]
        return Margin(self.prediction, best)(values, np.arange(len(rows)))


@dataclass(frozen=True, eq=False)
class Margin:
    """`f_rival - f_prediction`.

    Attributes:
        prediction: the class of the clean image.
        rivals: (N,) the class that each image is to be taken for.
    """

    prediction: int
    rivals: Integers

    def __call__(self, values: Floats, rows: Integers) -> tuple[Floats, Floats]:
        """The margins, and +1 and -1 for the two classes."""
        each, rivals = np.arange(len(rows)), self.rivals[rows]
        pull = np.zeros_like(values)
        pull[each, rivals] = 1
        pull[:, self.prediction] = -1
        return values[each, rivals] - values[:, self.prediction], pull


@dataclass(frozen=True, eq=False)
class LogitRatio:
    """The targeted difference of logits ratio (Croce & Hein 2020, equation 7).

    `(f_rival - f_prediction) / (f_(1) - (f_(3) + f_(4)) / 2)`, with the values in falling order. Of
    three classes the third alone stands for the two; of two classes it is the margin, since their
    ratio has no slope.

    Attributes:
        prediction: the class of the clean image.
        rivals: (N,) the class that each image is to be taken for.
    """

    prediction: int
    rivals: Integers

    def __call__(self, values: Floats, rows: Integers) -> tuple[Floats, Floats]:
        """The ratios and their slopes."""
        margin, pull = Margin(self.prediction, self.rivals)(values, rows)
        if values.shape[1] < 3:
            return margin, pull
        each = np.arange(len(rows))[:, None]
        order = np.argsort(-values, axis=1, kind="stable")
        lower = order[:, 2:4]
        spread = values[each, order[:, :1]] - values[each, lower].mean(axis=1, keepdims=True)
        spread += TINY * (1 + np.abs(values).max(axis=1, keepdims=True))
        ratio = margin[:, None] / spread
        slope = pull / spread
        slope[each, order[:, :1]] -= ratio / spread
        slope[each, lower] += ratio / spread / lower.shape[1]
        return ratio[:, 0], slope


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """The logarithm of the rival's share in the softmax of scaled class values.

    Attributes:
        rivals: (N,) the class that each image is to be taken for.
        scale: (N,) float64, the factor of each image's class values.
    """

    rivals: Integers
    scale: Floats

    def __call__(self, values: Floats, rows: Integers) -> tuple[Floats, Floats]:
        """The logarithms and their slopes."""
        each, rivals = np.arange(len(rows)), self.rivals[rows]
        scale = self.scale[rows][:, None]
        scaled = scale * values
        scaled -= scaled.max(axis=1, keepdims=True)
        total = np.log(np.exp(scaled).sum(axis=1))
        pull = -scale * softmax(scaled)
        pull[each, rivals] += scale[:, 0]
        return scaled[each, rivals] - total, pull


class Scaling(Enum):
    """How PGD++ scales class values before the softmax (Gupta & Ajanthan 2022)."""

    JACOBIAN = "njs"
    """So that the mean singular value of the Jacobian is 1 (network Jacobian scaling)."""
    HESSIAN = "hns"
    """So that the loss's Hessian has the largest Frobenius norm (Hessian norm scaling)."""

    def of(self, passed: Pass, clock: Clock = ENDLESS) -> Floats:
        """The factor (N,) of each image of a pass; 1 where time is out before it is known."""
        values = passed.values
        slopes = []
        for unit in np.eye(values.shape[1]):
            if clock.expired():
                return np.ones(len(values))
            slopes.append(passed.gradient(np.tile(unit, (len(values), 1))))
        jacobian = np.stack(slopes, axis=1)
        gram = jacobian @ jacobian.transpose(0, 2, 1)  # (N, classes, classes)
        singular = np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0, None)).mean(axis=1)
        flat = singular == 0
        inverse: Floats = np.where(flat, 1.0, 1 / np.where(flat, 1.0, singular))
        if self is Scaling.JACOBIAN:
            return inverse
        return _largest_hessian(values, gram, inverse, clock)


def scaling_named(scaling: Scaling | str | None) -> Scaling | None:
    """The scaling, by itself or by its name; None for none.

    Raises:
        SettingError: no scaling has that name.
    """
    if scaling is None:
        return None
    try:
        return Scaling(scaling)
    except ValueError as error:
        names = " or ".join(repr(each.value) for each in Scaling)
        raise SettingError(f"the scaling is {scaling!r}; it must be {names}, or none") from error


def _largest_hessian(values: Floats, gram: Floats, otherwise: Floats, clock: Clock) -> Floats:
    """The scales (N,) of Hessian norm scaling, searched as the authors do.

    The Hessian is `J' S J`, times the scale's square, with `S = diag(p) - p p'` of the softmax. Its
    norm needs only the Gram matrix of J: `tr(S G S G)`. Searched are 100 scales from where the top
    class has a share of 1 / classes + 0.01 to where the others vanish; at an end of these, where
    the two top classes tie, or once time is out, there is none, and `otherwise` (N,) is taken (the
    authors take 1, which fits the size of their class values).
    """
    classes = values.shape[1]
    top = np.sort(values, axis=1)
    gap = top[:, -1] - top[:, -2]
    shares = np.array([1 - 1 / classes - 1e-2, 1e-72])
    ends = -np.log(shares / ((1 - shares) * (classes - 1)))
    scales = otherwise.copy()
    for row in np.flatnonzero((gap > 0) & (ends[0] > 0)):
        tried = np.linspace(ends[0], ends[1], 100) / gap[row]
        share = softmax(tried[:, None] * (values[row] - top[row, -1]))
        unit = gram[row] / max(np.trace(gram[row]), np.finfo(np.float64).tiny)  # no overflow
        squares = []
        for each in share:
            if clock.expired():
                return scales
            squares.append(_squared_norm(each, unit))
        norms = tried**2 * np.sqrt(squares)
        best = int(norms.argmax())
        if 0 < best < len(tried) - 1:
            scales[row] = tried[best]
    return scales


def _squared_norm(share: Floats, gram: Floats) -> float:
    """`tr(S G S G)` for shares (classes,) and a Gram matrix (classes, classes).

    S takes every constant to 0, so G may be centred: then only the diagonal of S is left.
    """
    mean = gram @ share
    centred = gram - mean - mean[:, None] + share @ mean
    return float(share @ centred**2 @ share)


def softmax(values: Floats) -> Floats:
    """Shares (N, classes) of class values, none of them above 0 by much."""
    powers = np.exp(values)
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
