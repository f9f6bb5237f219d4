"""How points of a gradient attack move: rules for the length and the direction of a step."""

import numpy as np

from signflip.arrays import Floats
from signflip.problem import Problem


class SignSteps:
    """Steps along the gradient's signs, all of one length or shrinking to nothing.

    With momentum the direction is `momentum * direction + gradient`, of gradients that are divided
    by their mean magnitude (Dong et al. 2018).
    """

    def __init__(
        self, problem: Problem, length: float, *, momentum: float = 0.0, shrink: int | None = None
    ) -> None:
        """Steps of `length` at first, in the unit of the image; `shrink` after that many to 0."""
        self._problem = problem
        self._length = length
        self._momentum = momentum
        self._shrink = shrink
        self._made = 0
        self._direction: Floats | None = None

    def next(self, images: Floats, heights: Floats, gradient: Floats) -> Floats:
        """The next points."""
        del heights
        if self._momentum:
            size = np.abs(gradient).mean(axis=1, keepdims=True)
            gradient = gradient / np.where(size == 0, 1.0, size)
            if self._direction is not None:
                gradient = gradient + self._momentum * self._direction
            self._direction = gradient
        length = self._length
        if self._shrink is not None:
            length *= 1 - self._made / self._shrink
        self._made += 1
        length = max(length, least_step(self._problem))
        return self._problem.region.project(images + length * np.sign(gradient))


class AutoSteps:
    """The steps of Auto-PGD (Croce & Hein 2020, algorithm 1).

    Momentum of 0.75, and a length of twice epsilon that is halved, with a return to the best point,
    at checkpoints where too few of the last steps rose or the best has not changed.
    """

    RISING = 0.75
    MOMENTUM = 0.75

    def __init__(self, problem: Problem, length: float, iterations: int) -> None:
        """Steps of `length` at first, in the unit of the image, for that many iterations."""
        self._problem = problem
        self._length = length
        self._checkpoints = checkpoints(iterations)
        self._made = 0
        self._lengths: Floats = np.empty(0)
        self._previous: Floats = np.empty(0)

    def next(self, images: Floats, heights: Floats, gradient: Floats) -> Floats:
        """The next points."""
        if self._made == 0:
            self._start(images, heights, gradient)
        else:
            self._remember(images, heights, gradient)
            if self._made in self._checkpoints:
                images, heights, gradient = self._check(images, heights, gradient)
        share = 1.0 if self._made == 0 else self.MOMENTUM
        lengths = np.maximum(self._lengths, least_step(self._problem))[:, None]
        aim = self._problem.region.project(images + lengths * np.sign(gradient))
        moved = images + share * (aim - images) + (1 - share) * (images - self._previous)
        self._previous = images
        self._heights = heights
        self._made += 1
        return self._problem.region.project(moved)

    def _start(self, images: Floats, heights: Floats, gradient: Floats) -> None:
        self._previous, self._heights = images, heights
        self._top, self._best, self._slope = images.copy(), heights.copy(), gradient.copy()
        self._lengths = np.full(len(images), self._length)
        self._rises = np.zeros(len(images), dtype=np.int64)
        self._last_lengths, self._last_best = self._lengths.copy(), self._best.copy()
        self._last_checkpoint = 0

    def _remember(self, images: Floats, heights: Floats, gradient: Floats) -> None:
        self._rises += heights > self._heights
        better = heights > self._best
        self._best[better] = heights[better]
        self._top[better], self._slope[better] = images[better], gradient[better]

    def _check(
        self, images: Floats, heights: Floats, gradient: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Halve lengths where it is time to; from the best points go on there."""
        few = self._rises < self.RISING * (self._made - self._last_checkpoint)
        stuck = (self._lengths == self._last_lengths) & (self._best <= self._last_best)
        halve = few | stuck
        self._last_lengths, self._last_best = self._lengths.copy(), self._best.copy()
        self._rises[:] = 0
        self._last_checkpoint = self._made
        self._lengths = np.where(halve, self._lengths / 2, self._lengths)
        at = halve[:, None]
        return (
            np.where(at, self._top, images),
            np.where(halve, self._best, heights),
            np.where(at, self._slope, gradient),
        )


def least_step(problem: Problem) -> float:
    """The step of the region's grid, which rounds away what is less; 0 where there is none."""
    grid = problem.region.grid
    return 0.0 if grid is None or grid.step is None else grid.step


def checkpoints(iterations: int) -> frozenset[int]:
    """The steps of so many after which Auto-PGD looks back: at 0.22, 0.41, 0.57, ... of them.

    In whole steps, as in the authors' code.
    """
    first, less, least = (max(int(share * iterations), 1) for share in (0.22, 0.03, 0.06))
    made = gap = first
    found = set()
    while made < iterations:
        found.add(made)
        gap = max(gap - less, least)
        made += gap
    return frozenset(found)
