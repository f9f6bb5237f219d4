"""The run of one method on one problem: one clock, one replay, one incumbent."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.clock import Clock, Seconds
from signflip.errors import ProblemError
from signflip.problem import Problem, Replay, Standing

OnImprovement = Callable[[Seconds, float, Floats], None]


class Run:
    """What a method works with: the problem, the clock, and the best witness so far.

    A candidate becomes the incumbent only by `offer`, which replays it in exact arithmetic.
    """

    def __init__(
        self,
        problem: Problem,
        clock: Clock,
        start: npt.ArrayLike | None = None,
        on_improvement: OnImprovement | None = None,
    ) -> None:
        self.problem = problem
        self.clock = clock
        self._on_improvement = on_improvement
        self.witness: Floats = problem.image
        self.replay: Replay = problem.clean
        self.trace = [(clock.elapsed(), float(self.replay.value))]
        if start is not None:
            image = np.asarray(start, dtype=np.float64)
            if image.shape != problem.image.shape or not problem.region.contains(image):
                raise ProblemError(
                    "the start lies outside the problem's box; clip it first: "
                    "problem.box.clip(start)"
                )
            self.offer(image)

    @property
    def value(self) -> Fraction:
        """Objective (1) of the incumbent, exact."""
        return self.replay.value

    @property
    def standing(self) -> Standing:
        """How good the incumbent is."""
        return self.replay.standing

    @property
    def flipped(self) -> bool:
        """Whether the incumbent is a flip."""
        return self.replay.flipped

    def offer(self, image: Floats) -> bool:
        """Replay the image (inputs,); keep it if it lies in the region and beats the incumbent."""
        replay = self.problem.replay(image)
        if not replay.inside or replay.standing <= self.standing:
            return False
        self.witness = np.array(image, dtype=np.float64)
        self.witness.setflags(write=False)
        self.replay = replay
        seconds = self.clock.elapsed()
        self.trace.append((seconds, float(replay.value)))
        if self._on_improvement is not None:
            self._on_improvement(seconds, float(replay.value), self.witness)
        return True
