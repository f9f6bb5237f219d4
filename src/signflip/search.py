"""The search of one method on one problem: one clock, one replay, one incumbent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.clock import Clock, Seconds
from signflip.errors import ProblemError
from signflip.problem import Problem, Replay, Standing

OnImprovement = Callable[[Seconds, float, Floats], None]
"""Called as (seconds, figure, image) at each better witness: `Incumbent.figure`."""


class Search:
    """What a method works with: the problem, the clock, and the best witness so far.

    A candidate becomes the incumbent only by `offer`, which replays it in exact arithmetic. Which
    of two is better is for the problem's measure to say.

    Raises:
        ProblemError: the start is no image, lies outside the region, or is no flip where distances
            are measured.
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
        self._incumbent = problem.measure.first(problem)
        self.listener: object = None
        """What is told of the steps of an exact search, see `signflip.exact.recorder`."""
        self.part: str | None = None
        """The part of a portfolio that is at work; None where a method has no parts."""
        self.found_by: str | None = None
        """The part that the incumbent is from."""
        figure = self._incumbent.figure
        self.trace = [(clock.elapsed(), figure)] if np.isfinite(figure) else []
        if start is not None:
            image = _as_image(start, problem)
            refusal = problem.measure.refuses_start(problem, image)
            if refusal is not None:
                raise ProblemError(refusal)
            self.offer(image)

    @property
    def witness(self) -> Floats:
        """(inputs,) float64, the incumbent; the clean image if none was better."""
        return self._incumbent.image

    @property
    def replay(self) -> Replay:
        """What the network makes of the incumbent."""
        return self._incumbent.replay

    @property
    def value(self) -> Fraction:
        """Objective (1) of the incumbent, exact."""
        return self.replay.value

    @property
    def standing(self) -> Standing:
        """How good the incumbent is by its objective."""
        return self.replay.standing

    @property
    def flipped(self) -> bool:
        """Whether the incumbent is a flip."""
        return self.replay.flipped

    @property
    def figure(self) -> float:
        """What the measure says of the incumbent."""
        return self._incumbent.figure

    @property
    def reached(self) -> float | Fraction:
        """The same, exact."""
        return self.value if self.problem.measure.norm is None else self.figure

    @property
    def distance(self) -> float:
        """Where distances are measured: that of the incumbent, infinite before the first flip."""
        return self._incumbent.figure

    @contextmanager
    def limited(self, seconds: Seconds) -> Iterator[None]:
        """Meanwhile, end the clock after so many more seconds: for a part of a portfolio."""
        whole = self.clock
        if seconds < whole.remaining():
            self.clock = Clock(whole.started, whole.elapsed() + seconds)
        try:
            yield
        finally:
            self.clock = whole

    def contradicts(self, bound: float | Fraction) -> bool:
        """Whether the incumbent is better than a bound says that any image is."""
        return self.problem.measure.contradicts(bound, self._incumbent)

    def offer(self, image: Floats) -> bool:
        """Replay the image (inputs,); keep it if it lies in the region and beats the incumbent."""
        better = self.problem.measure.better(
            self.problem, np.array(image, dtype=np.float64), self._incumbent
        )
        if better is None:
            return False
        better.image.setflags(write=False)
        self._incumbent = better
        self.found_by = self.part
        seconds = self.clock.elapsed()
        self.trace.append((seconds, better.figure))
        if self._on_improvement is not None:
            self._on_improvement(seconds, better.figure, better.image.copy())
        return True


def _as_image(start: npt.ArrayLike, problem: Problem) -> Floats:
    """The start as (inputs,) float64.

    Raises:
        ProblemError: it is no array of numbers of that shape.
    """
    inputs = problem.network.inputs
    try:
        image = np.asarray(start, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProblemError(
            f"the start is {start!r:.60}; it must be an image: a flat array of {inputs} numbers"
        ) from error
    if image.shape != (inputs,):
        raise ProblemError(f"the start has shape {image.shape}; it must be flat: ({inputs},)")
    return image
