"""The Square attack: random squares of the picture, without any gradient."""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from signflip.arrays import Booleans, Integers
from signflip.attack import Outcome, no_distance
from signflip.clock import Clock
from signflip.errors import SettingError
from signflip.methods.climb import check_budget, check_endless, offer_best
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.table_time import SQUARES, allow_tables
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.preparation import Preparation
from signflip.problem import Problem
from signflip.result import Stop
from signflip.run import Run
from signflip.settings import check_number

if TYPE_CHECKING:
    from signflip.square.kernel import State, Tables

CHUNK = 250
"""Squares between two looks at the clock, at most."""
CHUNK_WORK = 2e8
"""The same in weights of the network, each read by each square."""
MOST_WEIGHTS = 2**30
"""A byte each."""
HALVINGS = (10, 50, 200, 500, 1_000, 2_000, 4_000, 6_000, 8_000)
"""Of 10,000 queries, those after which a square's share of the picture is halved (the paper's)."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """The Square attack (Andriushchenko et al. 2020) for the maximum norm, at the box's vertices.

    A chain starts from vertical stripes and sets random squares to one side of the box, smaller and
    smaller ones; it keeps what is no worse (the paper: what is better; here most squares change
    nothing at all). The first chain starts from the warm start if there is one.

    Attributes:
        share: of the picture that the first squares take.
        queries: squares of each chain.
        restarts: number of chains; None to go on until the time limit.
        goal: decide whether there is a flip, or raise the objective as far as it goes.
        seed: of the random squares.

    Raises:
        SettingError: a setting is out of range.
    """

    share: float = 0.8
    queries: int = 10_000
    restarts: int | None = 8
    goal: SearchGoal = SearchGoal.OPTIMISE
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(share=self.share)
        if not 0 < self.share <= 1:
            raise SettingError(f"the share is {self.share}; it must be above 0 and at most 1")
        check_budget(queries=self.queries, restarts=self.restarts, seed=self.seed)
        object.__setattr__(self, "goal", search_goal(self.goal))

    def refuses(self, problem: Problem) -> str | None:
        """It looks for the largest objective, at the vertices of a box that the region has."""
        if problem.measure.norm is not None:
            return no_distance(self)
        if all(map(problem.region.contains, (problem.box.lower, problem.box.upper))):
            return None
        return (
            "Square() tries the vertices of the region's box, and they lie outside the region: use "
            "another method, such as Pgd()"
        )

    def prepare(self) -> None:
        """Compile the kernel; after the first time on a machine it is loaded from a cache."""
        KERNEL.load()

    def run(self, run: Run) -> Outcome:
        """Run chains, until the restarts or the time are used up.

        Raises:
            SettingError: neither the restarts nor the time are limited, or the network is too large
                for tables of all its weights.
            OutOfTime: there is no time for them.
        """
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.square.kernel import state_at, tables_of

        check_endless(self.restarts, run.clock.limit)
        problem = run.problem
        inputs = [layer.inputs for layer in problem.network.hidden]
        weights = sum(n * width for n, width in zip(inputs, problem.network.widths, strict=True))
        if weights > MOST_WEIGHTS:
            raise SettingError(
                f"the network has {weights} weights as matrices; square keeps at most "
                f"{MOST_WEIGHTS} in memory: use another method, such as pgd"
            )
        allow_tables(run.clock, SQUARES * weights)
        tables = tables_of(problem)
        chunk = int(min(max(CHUNK_WORK // weights, 8), CHUNK))
        rng = np.random.default_rng(self.seed)
        chains = count() if self.restarts is None else range(self.restarts)
        for chain in chains:
            if run.clock.expired():
                return Outcome(Stop.TIME_LIMIT)
            warm = chain == 0 and run.witness is not problem.image
            upper = _nearest_vertex(run) if warm else _stripes(problem, rng)
            self._chain(run, tables, state_at(problem, tables, upper), chunk, rng)
            if self.goal.settled_by(run):
                return Outcome(Stop.DECIDED)
        return Outcome(Stop.BUDGET)

    def _chain(
        self, run: Run, tables: "Tables", state: "State", chunk: int, rng: np.random.Generator
    ) -> None:
        """Try `queries` squares from a state, and offer where it stands after each chunk."""
        from signflip.square.kernel import search, state_at

        shape = picture_shape(run.problem)
        sides = _sides(self.share, self.queries, shape)
        _offer(run, state)
        done = 0
        while done < self.queries and not run.clock.expired() and not self.goal.settled_by(run):
            draws = rng.random((min(chunk, self.queries - done), 2 + shape[0]))
            enough = 0.0 if self.goal is SearchGoal.DECIDE and not run.flipped else np.inf
            # the last sums were rounded with every square that was kept
            state = state_at(run.problem, tables, state.upper)
            search(tables, state, shape, sides[done : done + len(draws)], draws, enough)
            _offer(run, state)
            done += len(draws)


def picture_shape(problem: Problem) -> tuple[int, int, int]:
    """Channels, height and width of the picture; one row where there is no second direction."""
    channels, height, width = (1, 1, *problem.network.image_shape)[-3:]
    return channels, height, width


def _sides(share: float, queries: int, shape: tuple[int, int, int]) -> Integers:
    """(queries,) the side of each square."""
    halved = np.searchsorted(HALVINGS, np.arange(queries) * (10_000 / queries), side="left")
    area = share / 2.0**halved * shape[1] * shape[2]
    sides: Integers = np.maximum(np.rint(np.sqrt(area)), 1).astype(np.int64)
    return sides


def _stripes(problem: Problem, rng: np.random.Generator) -> Booleans:
    """(inputs,) whether a pixel is at its upper bound: a random choice for each column."""
    channels, height, width = picture_shape(problem)
    columns = rng.random((channels, 1, width)) < 0.5
    return np.broadcast_to(columns, (channels, height, width)).ravel()


def _nearest_vertex(run: Run) -> Booleans:
    box = run.problem.box
    return run.witness - box.lower > box.upper - run.witness


def _offer(run: Run, state: "State") -> None:
    if state.values.max() < run.value:
        return
    box = run.problem.box
    offer_best(run, np.where(state.upper, box.upper, box.lower)[None])


def _compile() -> None:
    """Attack a small problem."""
    hidden = SignLayer.dense(np.ones((4, 4), dtype=np.int8), np.ones(4))
    output = OutputLayer(np.array([[1] * 4, [-1] * 4]), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((hidden,), output), np.full(4, 0.5), epsilon=0.5)
    Square(queries=10, restarts=1).run(Run(problem, Clock.start(None)))


KERNEL = Preparation("square", _compile)
