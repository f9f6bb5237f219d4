"""Attack problems: a network, an image, a region, a goal, and what a tie counts as.

    maximise   max over rivals c of  f_c(x') - f_prediction(x')                       (1)
    subject to x' in the region

The image is *flipped* by a witness x' for which a rival is strictly ahead, or, if the problem's
rule of ties says so, level with the prediction. A targeted attack has one rival, an untargeted one
has every class but the prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats, Signs
from signflip.errors import ProblemError
from signflip.network import BinaryNetwork, SignLayer, check_network, ranking
from signflip.network.checks import real_numbers
from signflip.problem.goals import Goal, goal_of
from signflip.problem.grids import GridName, grid_name, put_on_grid
from signflip.problem.measures import Margin, Measure
from signflip.problem.regions.box import Box, as_floats, check_range
from signflip.problem.regions.grid_points import GridPoints
from signflip.problem.regions.region import Region
from signflip.problem.ties import Ties, ties_rule

LEAST_SCORE = 5e-324


class Standing(NamedTuple):
    """How good an image is: first by its objective, and among equals a flip is better.

    Attributes:
        value: the objective (1), exact.
        flipped: whether it counts as a flip by the problem's rule of ties.
    """

    value: Fraction
    flipped: bool

    @property
    def score(self) -> float:
        """The objective as a float; that of a flip at a tie is the least above 0."""
        return LEAST_SCORE if self.flipped and self.value == 0 else float(self.value)


NO_FLIP = Standing(Fraction(0), flipped=False)
"""Every flip is better than this, and nothing else is."""


@dataclass(frozen=True)
class Replay:
    """What the network makes of a candidate witness, in exact arithmetic.

    Attributes:
        inside: whether the image lies in the region.
        standing: its objective, and whether that is a flip.
        prediction: the class of the image.
    """

    inside: bool
    standing: Standing
    prediction: int

    @property
    def value(self) -> Fraction:
        """The objective (1), exact."""
        return self.standing.value

    @property
    def flipped(self) -> bool:
        """Whether the image is a witness of a flip."""
        return self.inside and self.standing.flipped


@dataclass(frozen=True, eq=False)
class Problem:
    """Network, image, region, goal and rule of ties.

    Attributes:
        network: the network under attack.
        image: (inputs,) float64 in the network's input range, inside the region.
        region: the images that the attack may choose from; a `Box`, for example.
        goal: `Target(class)`, `Untargeted()`, or None for the class with the second-highest value.
        ties: what a rival counts as that is level with the prediction: `Ties.NONE`, the paper's
            rule, for no flip; or the rule's name.
        measure: what makes one image better than another: `Margin()`, the objective, or
            `Distance(norm)`, to look for the smallest perturbation that flips.

    Raises:
        ProblemError: shapes differ, a value is out of range, the region is none, the goal is no
            goal or no rival, or there is no such rule.
        NetworkError: the network is none.
    """

    network: BinaryNetwork
    image: Floats
    region: Region
    goal: Goal | None = None
    ties: Ties = Ties.NONE
    measure: Measure = Margin()  # noqa: RUF009

    def __post_init__(self) -> None:
        check_network(self.network)
        if not hasattr(self.region, "contains"):
            raise ProblemError(
                f"the region is {self.region!r:.60}; it must be such as Box.ball(image, 0.1): "
                "Problem.ball(network, image, epsilon=0.1) makes one"
            )
        image = np.array(as_floats(self.image, "the image"))
        image.setflags(write=False)
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "ties", ties_rule(self.ties))
        if not isinstance(self.measure, Measure):
            raise ProblemError(
                f"the measure is {self.measure!r}; it must be Margin(), or Distance(Norm.LINF) for "
                "the nearest flip"
            )
        if image.shape != (self.network.inputs,) or self.box.lower.shape != image.shape:
            raise ProblemError(
                f"the image has shape {image.shape} and the box {self.box.lower.shape}; the "
                f"network reads ({self.network.inputs},): flatten the image"
            )
        inputs = self.network.input_range
        if self.box.inputs != inputs:  # by which the box was checked when it was made
            check_range(self.box.lower, "the box's lower", inputs)
            check_range(self.box.upper, "the box's upper", inputs)
        if not self.region.contains(image):
            check_range(image, "the image", inputs)
            raise ProblemError("the image lies outside the box; it must lie inside")
        object.__setattr__(self, "goal", goal_of(self.goal).settled(self._clean_ranking))

    @classmethod
    def ball(
        cls,
        network: BinaryNetwork,
        image: npt.ArrayLike,
        *,
        epsilon: float,
        goal: Goal | None = None,
        mask: npt.ArrayLike | None = None,
        ties: Ties | str = Ties.NONE,
        grid: GridName | str | None = None,
        measure: Measure = Margin(),  # noqa: B008 - a frozen value
    ) -> "Problem":
        """The problem of the paper: an epsilon ball, cut with the network's input range.

        Args:
            network: the network under attack.
            image: (inputs,) float64 in the input range, the centre.
            epsilon: radius, in the unit of the image.
            goal: which classes may beat the prediction.
            mask: (inputs,) bool, true where a pixel may change; None for all of them.
            ties: what a rival counts as that is level with the prediction.
            grid: only images of `float32` numbers, or of `8bit` ones, k / 255 of the range, count;
                the image is put on the grid if it is off it by rounding alone. None for all
                float64 images, or for the steps of the network's inputs where it has them.
            measure: what makes one image better than another.

        Raises:
            ProblemError: as for the class; or a pixel is plainly off the grid.
            NetworkError: the network is none.
        """
        check_network(network)
        inputs = network.input_range
        flat = as_floats(image, "the image")
        if grid is None and inputs.step is None:
            box = Box.ball(flat, epsilon, mask, inputs=inputs)
            return cls(network, flat, box, goal, ties_rule(ties), measure)
        name = GridName.EIGHT_BIT if grid is None else grid_name(grid)
        points = name.of(inputs)
        check_range(flat, "the image", inputs)
        centre = put_on_grid(flat, points, inputs)
        ball = points.ball(centre, Box.ball(centre, epsilon, mask, inputs=inputs), epsilon)
        return cls(network, centre, GridPoints(ball, points), goal, ties_rule(ties), measure)

    @property
    def box(self) -> Box:
        """The box that holds the region."""
        return self.region.box

    @cached_property
    def first_layer(self) -> SignLayer:
        """The first hidden layer as the images of the region see it: the same signs at each.

        On a grid a neuron that reads one pixel has its threshold between two values, nearer to the
        one that is farther from this image's: neurons that no image tells apart are equal, and no
        image stands at a threshold.
        """
        layer, grid = self.network.hidden[0], self.region.grid
        if grid is None or (layer.map.fan_in != 1).any():
            return layer
        lower, upper = self.box.lower, self.box.upper
        at_lowest, at_highest = layer.signs_at_extremes(lower, upper)
        neurons = np.flatnonzero(at_lowest != at_highest)
        rows = layer.map.rows(neurons)
        rising = rows.sum(axis=1) > 0
        pixel = self.image[np.argmax(rows != 0, axis=1)]
        threshold = layer.threshold.copy()
        # x >= t iff x >= ceil(t); -x >= t iff x <= floor(-t), so x < ceil of what comes after
        limits = threshold[neurons]
        above = grid.ceil(np.where(rising, limits, np.nextafter(-limits, np.inf)))
        below = grid.floor(np.nextafter(above, -np.inf))
        between = below + (above - below) * np.where(pixel <= below, 0.75, 0.25)
        if not ((below < between) & (between < above)).all():
            return layer  # of grid points so near to each other float64 has none between
        threshold[neurons] = np.where(rising, between, -between)
        return SignLayer(layer.map, threshold)

    @cached_property
    def _clean_values(self) -> tuple[list[int], int]:
        return self._whole_values(self.image)

    @cached_property
    def _clean_ranking(self) -> list[int]:
        return ranking(self._clean_values[0])

    @property
    def prediction(self) -> int:
        """The class of the clean image."""
        return self._clean_ranking[0]

    @property
    def target(self) -> int | None:
        """The class that the goal names, None for any."""
        return goal_of(self.goal).target

    @cached_property
    def rivals(self) -> tuple[int, ...]:
        """The classes that the attack may raise above the prediction."""
        return goal_of(self.goal).rivals(self._clean_ranking)

    @cached_property
    def nearest_rivals(self) -> tuple[int, ...]:
        """The rivals, the nearest to the prediction in the clean image first."""
        return tuple(c for c in self._clean_ranking if c in self.rivals)

    @cached_property
    def tied_rivals(self) -> tuple[int, ...]:
        """The rivals that need only be level with the prediction for a flip."""
        return tuple(c for c in self.rivals if self.ties.flips(c, self.prediction))

    def level_beats(self, standing: Standing) -> tuple[int, ...]:
        """The rivals whose gain is better than `standing` though it is no larger.

        Every other rival's gain has to exceed `standing.value`.
        """
        return self.tied_rivals if standing == NO_FLIP else ()

    def no_flip_below(self, bound: float | Fraction) -> bool:
        """Whether no image flips whose objective is at most `bound`."""
        return bound < 0 or (bound == 0 and not self.tied_rivals)

    @cached_property
    def clean(self) -> Replay:
        """The clean image's replay."""
        standing = self._standing_of(*self._clean_values)
        return Replay(inside=True, standing=standing, prediction=self.prediction)

    def coefficients(self, rival: int) -> Floats:
        """(width,) float64: what each neuron of the last hidden layer adds to the objective.

        `f_rival - f_prediction = constant(rival) + coefficients(rival) . h`, up to rounding of the
        scales; exact for a plain output, where each is -2, 0 or 2.
        """
        return self.network.output.coefficients(rival, self.prediction)

    def constant(self, rival: int) -> float:
        """`bias_rival - bias_prediction`."""
        return self.network.output.constant(rival, self.prediction)

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
        best: Floats = self._gains_of_signs(signs, self.rivals).max(axis=1)
        return best

    def scores(self, images: Floats) -> Floats:
        """`Standing.score` of images (N, inputs) float64, rounded unless the output is plain."""
        return self.scores_of_signs(self.network.activations(images)[-1])

    def scores_of_signs(self, signs: Signs) -> Floats:
        """`Standing.score` of last-layer activations (N, width) int8."""
        best = self.objectives_of_signs(signs)
        if self.tied_rivals and (best == 0).any():
            tied = self._gains_of_signs(signs, self.tied_rivals).max(axis=1) == 0
            best[(best == 0) & tied] = LEAST_SCORE
        return best

    def _gains_of_signs(self, signs: Signs, rivals: tuple[int, ...]) -> Floats:
        values = self.network.output.values(signs)
        gains: Floats = values[:, list(rivals)] - values[:, [self.prediction]]
        return gains

    def exact_objective(self, signs: Signs) -> Fraction:
        """Objective (1) of one row (width,) of last-layer activations, exact."""
        return self.standing(signs).value

    def standing(self, signs: Signs) -> Standing:
        """The standing of one row (width,) of last-layer activations, exact."""
        return self._standing_of(*self.network.output.whole_values(signs))

    def _standing_of(self, values: Sequence[int], denominator: int) -> Standing:
        own = values[self.prediction]
        best = max(values[rival] for rival in self.rivals)
        tied = best == own and any(values[rival] == own for rival in self.tied_rivals)
        return Standing(Fraction(best - own, denominator), flipped=best > own or tied)

    def replay(self, image: npt.ArrayLike) -> Replay:
        """Run one image (inputs,) through the network in exact arithmetic.

        Raises:
            DataError: the image has another shape, or a value is no finite number.
        """
        candidate = real_numbers(image, "images")
        values, denominator = self._whole_values(candidate)
        return Replay(
            inside=self.region.contains(candidate),
            standing=self._standing_of(values, denominator),
            prediction=values.index(max(values)),  # a tie to the lower class
        )

    def _whole_values(self, image: Floats) -> tuple[list[int], int]:
        return self.network.output.whole_values(self.network.activations(image[None])[-1][0])
