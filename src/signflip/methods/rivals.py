"""Which class each restart of a gradient attack raises, where several may be raised."""

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.methods.losses import Margin
from signflip.problem import Problem


class Rivals:
    """The classes of restarts: all in turn, the nearest twice first; then by how far they came.

    Every second restart is then of the rival that came nearest, every fourth of the next, and so
    on: of 42 rivals few have a chance, and which these are is seen after one climb of each.

    Args:
        problem: an attack.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._ranked = np.array(problem.nearest_rivals, dtype=np.int64)
        self._lead = np.full(problem.network.classes, -np.inf)
        self._given = 0

    def next(self, count: int) -> Integers:
        """(count,) the rivals of the next restarts."""
        turns = np.maximum(np.arange(self._given, self._given + count) - 1, 0)
        self._given += count
        many = len(self._ranked)
        # how often 2 divides 1, 2, 3, ...: 0, 1, 0, 2, 0, 1, 0, 3, ...
        later = np.maximum(turns - many + 1, 1)
        rank = np.minimum(np.log2(later & -later).astype(np.int64), many - 1)
        by_lead = self._ranked[np.argsort(-self._lead[self._ranked], kind="stable")]
        chosen: Integers = np.where(turns < many, self._ranked[turns % many], by_lead[rank])
        return chosen

    def learn(self, rivals: Integers, images: Floats) -> None:
        """Remember how far restarts of these rivals (N,) came, to images (N, inputs)."""
        if len(self._ranked) == 1:  # there is nothing to choose
            return
        np.maximum.at(self._lead, rivals, leads(self._problem, images, rivals))


def leads(problem: Problem, images: Floats, rivals: Integers) -> Floats:
    """(N,) how far its rival is ahead of the prediction in each image (N, inputs)."""
    rows = np.arange(len(images))
    return Margin(problem.prediction, rivals)(problem.network.forward(images), rows)[0]


def nearest_rival(problem: Problem, image: Floats) -> int:
    """The rival that is the farthest ahead in an image (inputs,)."""
    values = problem.network.forward(image[None])[0]
    return max(problem.nearest_rivals, key=lambda rival: float(values[rival]))
