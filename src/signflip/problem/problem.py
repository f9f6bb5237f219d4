"""Attack problems: a network, an image, a perturbation box and a goal.

    maximise   max over rivals c of  f_c(x') - f_prediction(x')                       (1)
    subject to x' in the box

The image is *flipped* by a witness x' whose objective is strictly positive. A targeted attack has
one rival, an untargeted one has every class but the prediction.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Integers, Signs
from signflip.errors import ProblemError
from signflip.network import BinaryNetwork, ranking
from signflip.problem.goals import Goal, Target, check_goal
from signflip.problem.regions.box import Box, check_unit_interval


@dataclass(frozen=True)
class Replay:
    """What the network makes of a candidate witness, in exact arithmetic.

    Attributes:
        inside: whether the image lies in the box.
        value: the objective (1), exact.
        prediction: the class of the image.
    """

    inside: bool
    value: Fraction
    prediction: int

    @property
    def flipped(self) -> bool:
        """Whether the image is a witness of a flip."""
        return self.inside and self.value > 0


@dataclass(frozen=True, eq=False)
class Problem:
    """Network, image, box and goal.

    Attributes:
        network: the network under attack.
        image: (inputs,) float64 in [0, 1], inside the box.
        box: the images that the attack may choose from.
        goal: `Target(class)`, `Untargeted()`, or None for the class with the second-highest value.

    Raises:
        ProblemError: shapes differ, a value is out of range, or the goal is none or no rival.
    """

    network: BinaryNetwork
    image: Floats
    box: Box
    goal: Goal | None = None

    def __post_init__(self) -> None:
        image = np.array(self.image, dtype=np.float64)
        image.setflags(write=False)
        object.__setattr__(self, "image", image)
        if image.shape != (self.network.inputs,) or self.box.lower.shape != image.shape:
            raise ProblemError(
                f"the image has shape {image.shape} and the box {self.box.lower.shape}; the "
                f"network reads ({self.network.inputs},): flatten the image"
            )
        check_unit_interval(image, "the image")
        if not self.box.contains(image):
            raise ProblemError("the image lies outside the box; it must lie inside")
        check_goal(self.goal)
        if self.goal is None:
            object.__setattr__(self, "goal", Target(self._clean_ranking[1]))
        elif isinstance(self.goal, Target):
            self._check_target(self.goal.class_index)

    @classmethod
    def ball(
        cls,
        network: BinaryNetwork,
        image: npt.ArrayLike,
        *,
        epsilon: float,
        goal: Goal | None = None,
        mask: npt.ArrayLike | None = None,
    ) -> "Problem":
        """The problem of the paper: an epsilon ball, cut with [0, 1], as `Box.ball` makes it."""
        flat = np.asarray(image, dtype=np.float64)
        return cls(network, flat, Box.ball(flat, epsilon, mask), goal)

    def _check_target(self, target: int) -> None:
        if not 0 <= target < self.network.classes:
            raise ProblemError(
                f"the target is class {target}; the network has classes 0 to "
                f"{self.network.classes - 1}"
            )
        if target == self.prediction:
            raise ProblemError(
                f"the target is class {target}, which the network predicts already; choose "
                "another class"
            )

    @cached_property
    def _clean_values(self) -> list[Fraction]:
        return self._exact_values(self.image)

    @cached_property
    def _clean_ranking(self) -> list[int]:
        return ranking(self._clean_values)

    @property
    def prediction(self) -> int:
        """The class of the clean image."""
        return self._clean_ranking[0]

    @cached_property
    def rivals(self) -> tuple[int, ...]:
        """The classes that the attack may raise above the prediction."""
        if isinstance(self.goal, Target):
            return (self.goal.class_index,)
        return tuple(c for c in range(self.network.classes) if c != self.prediction)

    @cached_property
    def clean(self) -> Replay:
        """The clean image's replay."""
        value = self._objective_of_values(self._clean_values)
        return Replay(inside=True, value=value, prediction=self.prediction)

    def coefficients(self, rival: int) -> Floats:
        """(width,) float64: what each neuron of the last hidden layer adds to the objective.

        `f_rival - f_prediction = constant(rival) + coefficients(rival) . h`, up to rounding of the
        scales; exact for a plain output, where each is -2, 0 or 2.
        """
        output = self.network.output
        coefficients: Floats = (
            output.scale[rival] * output.weight[rival]
            - output.scale[self.prediction] * output.weight[self.prediction]
        )
        return coefficients

    def constant(self, rival: int) -> float:
        """`bias_rival - bias_prediction`."""
        return float(self.network.output.bias[rival] - self.network.output.bias[self.prediction])

    @cached_property
    def largest_conceivable(self) -> float:
        """The objective if every neuron of the last layer were ideal; the paper's normaliser."""
        return max(
            self.constant(rival) + float(np.abs(self.coefficients(rival)).sum())
            for rival in self.rivals
        )

    def objectives(self, images: Floats) -> Floats:
        """Objective (1) of images (N, inputs) float64, rounded unless the output is plain."""
        return self.objectives_of_signs(self.network.activations(images)[-1])

    def objectives_of_signs(self, signs: Signs) -> Floats:
        """Objective (1) of last-layer activations (N, width) int8."""
        output = self.network.output
        values = output.values(output.sums(signs))
        gains: Floats = values[:, list(self.rivals)] - values[:, [self.prediction]]
        best: Floats = gains.max(axis=1)
        return best

    def exact_objective(self, sums: Integers) -> Fraction:
        """Objective (1) of one row (classes,) of output sums, exact."""
        return self._objective_of_values(self.network.output.exact_values(sums))

    def _objective_of_values(self, values: list[Fraction]) -> Fraction:
        return max(values[rival] for rival in self.rivals) - values[self.prediction]

    def replay(self, image: npt.ArrayLike) -> Replay:
        """Run one image (inputs,) through the network in exact arithmetic.

        Raises:
            DataError: the image has another shape, or a value is not finite.
        """
        candidate = np.asarray(image, dtype=np.float64)
        values = self._exact_values(candidate)
        return Replay(
            inside=self.box.contains(candidate),
            value=self._objective_of_values(values),
            prediction=values.index(max(values)),  # a tie to the lower class
        )

    def _exact_values(self, image: Floats) -> list[Fraction]:
        signs = self.network.activations(image[None])[-1]
        return self.network.output.exact_values(self.network.output.sums(signs)[0])
