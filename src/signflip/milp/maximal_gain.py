"""The paper's program (1)-(8): a network, a box and a goal as a mixed-integer program."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.clock import Clock
from signflip.milp.encoding import EncodedNetwork, Gain, encode_network
from signflip.problem import Problem
from signflip.programs.program import MixedProgram, ProgramBuilder
from signflip.programs.solver import INTEGRALITY


@dataclass(frozen=True, eq=False, kw_only=True)
class MaximalGain:
    """The program (1)-(8). Its objective counts in `unit` from `lower`.

    Attributes:
        program: what to solve.
        network: what its points mean.
        lower: no image has an objective below this, by interval arithmetic.
        upper: no image has an objective above this.
        unit: 2 for a plain output, whose objectives are even; else what scales [lower, upper] to
            the width of the last layer, so that a solver's tolerances suit it.
        chosen: (rivals,) int64, the binary that chooses each rival; empty if there is only one.
        value: the column of the objective's value, or -1 for only one rival.
    """

    program: MixedProgram
    network: EncodedNetwork
    lower: float
    upper: float
    unit: float
    chosen: Integers
    value: int

    @property
    def tolerance(self) -> float:
        """To how much the solver's objectives are believed."""
        return self.network.accuracy(self.lower, self.upper)

    @property
    def no_flip(self) -> float:
        """An objective that is plainly below that of every flip that a solver can tell from it."""
        problem = self.network.problem
        if not problem.tied_rivals:
            return 0.0
        return -1.0 if problem.network.output.plain else -2 * self.tolerance

    def objective(self, point: Floats) -> float:
        """Objective (1), as the program has it at a point (columns,)."""
        return self.lower + self.unit * self.program.objective_at(point)

    def bound(self, bound: float) -> float:
        """The bound of objective (1) that a bound of the program means.

        The objective of a plain output is lowered to a value that it can have: those of one rival
        are 4 apart, and all are even.
        """
        if self.network.problem.network.output.plain:
            step = 2.0 if self.value < 0 else 1.0
            bound = step * float(np.floor(bound / step + INTEGRALITY))
        return self.lower + self.unit * bound

    def start(self, image: Floats) -> Floats:
        """The point (columns,) float64 of an image (inputs,) of the box."""
        point = np.zeros(self.program.columns)
        self.network.assign(point, image)
        if len(self.chosen):
            gains = [g.coefficients @ point[g.columns] + g.constant for g in self.network.gains]
            best = int(np.argmax(gains))
            point[self.chosen[best]] = 1.0
            point[self.value] = (gains[best] - self.lower) / self.unit
        return point


def maximal_gain(
    problem: Problem, *, flips_only: bool = False, clock: Clock | None = None
) -> MaximalGain:
    """Encode: maximise objective (1) over the problem's box.

    For several rivals (an untargeted goal), a binary for each chooses the one whose gain counts.

    Args:
        problem: what to encode.
        flips_only: whether images that do not flip are no points of the program, so that a solver
            may give up each part of its search as soon as no flip can be in it.
        clock: the time that there is; None for any.

    Raises:
        OutOfTime: there is no time for so large a program.
    """
    builder = ProgramBuilder(clock)
    network = encode_network(builder, problem, problem.region)
    gains = network.gains
    lower = min(gain.lower for gain in gains)
    upper = max(gain.upper for gain in gains)
    unit = 2.0
    if not problem.network.output.plain:
        unit = (upper - lower) / problem.network.output.inputs or 1.0
    chosen: list[int] = []
    value = -1
    if len(gains) == 1:
        builder.offset = (gains[0].constant - lower) / unit
        for column, coefficient in zip(gains[0].columns, gains[0].coefficients, strict=True):
            builder.add_objective(column, coefficient / unit)
    else:
        chosen = [builder.binary() for _ in gains]
        value = _add_choice(builder, problem, gains, chosen, (lower, upper, unit))
    if flips_only:
        _demand_flip(builder, network, chosen, unit, value, lower)
    return MaximalGain(
        program=builder.build(),
        network=network,
        lower=lower,
        upper=upper,
        unit=unit,
        chosen=np.array(chosen, dtype=np.int64),
        value=value,
    )


def _demand_flip(
    builder: ProgramBuilder,
    network: EncodedNetwork,
    chosen: list[int],
    unit: float,
    value: int,
    lower: float,
) -> None:
    """Add: the objective is at least that of a flip, by the rule of ties."""
    if value >= 0:
        needs = list(map(network.least_flip, network.gains))
        builder.row([value], [1.0], lower=(min(needs) - lower) / unit)
        for gain, binary, least in zip(network.gains, chosen, needs, strict=True):
            if least > min(needs):
                network.demand_flip(builder, gain, binary)
        return
    least = network.least_flip(network.gains[0])
    (gain,) = network.gains
    builder.row(gain.columns, gain.coefficients / unit, lower=(least - gain.constant) / unit)


def _add_choice(
    builder: ProgramBuilder,
    problem: Problem,
    gains: Sequence[Gain],
    chosen: list[int],
    scale: tuple[float, float, float],
) -> int:
    """Add the column of the chosen rival's gain, to be maximised."""
    lower, upper, unit = scale
    most = (upper - lower) / unit
    value = builder.column(0.0, most, integer=problem.network.output.plain)
    builder.add_objective(value, 1.0)
    builder.row(chosen, np.ones(len(chosen)), lower=1.0, upper=1.0)
    for gain, binary in zip(gains, chosen, strict=True):
        # value <= gain where the rival is chosen, and value <= most anyway
        slack = (upper - gain.lower) / unit
        builder.row(
            np.concatenate([gain.columns, [value, binary]]),
            np.concatenate([gain.coefficients / unit, [-1.0, -slack]]),
            lower=(lower - gain.constant) / unit - slack,
        )
    return value
