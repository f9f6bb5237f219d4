"""The exact method: a search over first-layer sign patterns that finds a flip or proves none.

Not in the paper. See docs/search.md for why its verdicts can be trusted.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from signflip.attack import Outcome
from signflip.clock import Clock, OutOfTime
from signflip.errors import SettingError
from signflip.methods.search_goal import SearchGoal, search_goal
from signflip.methods.table_time import has_time_to_walk
from signflip.methods.walk import WALK
from signflip.network import BinaryNetwork, OutputLayer, SignLayer, Sparse
from signflip.preparation import Preparation
from signflip.problem import Distance, Norm, Problem
from signflip.result import Stop
from signflip.run import Run
from signflip.settings import check_flag, check_number, check_whole

if TYPE_CHECKING:
    from signflip.patterns.space import PatternSpace
    from signflip.walk.walker import Walker


MOST_DEEP = 32766
"""First-layer neurons of a network of more than two hidden layers, whose sums 16 bits hold."""


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Exact search over first-layer sign patterns, for any depth, box, goal and output scales.

    Attributes:
        goal: decide whether there is a flip, or find the largest objective and prove it.
        threads: threads that search one problem side by side.
        annealing: share of the time that the pattern walk may take beside the search; more while it
            is near to a flip, less once it has long been far from one. 0 also for no search of
            neighbourhoods of the best image, which a hard problem of two hidden layers gets.
        ask: share of the ellipsoid's limit from which flips that pass the bound get the integer
            test of geometry.
        gate: the share from which they get it before the bound; both change the speed only.
        joint: whether a search of two hidden layers that goes on may begin again over sets of
            flips with a joint bound; without it, blocks of six alone prove all.
    """

    SPEED_ONLY: ClassVar = ("threads", "ask", "gate", "joint")

    goal: SearchGoal = SearchGoal.DECIDE
    threads: int = 1
    annealing: float = 0.2
    ask: float = 0.65
    gate: float = 0.65
    joint: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "goal", search_goal(self.goal))
        check_whole(threads=self.threads)
        check_flag(joint=self.joint)
        check_number(annealing=self.annealing, ask=self.ask, gate=self.gate)
        if self.threads < 1:
            raise SettingError(f"threads is {self.threads}; it must be at least 1")
        if not 0 <= self.annealing <= 1:
            raise SettingError(f"annealing is {self.annealing}; it must be from 0 to 1")
        if not 0 <= self.ask <= self.gate <= 1:
            raise SettingError(
                f"ask is {self.ask} and gate {self.gate}; they must rise from 0 to 1"
            )

    def prepare(self) -> None:
        """Compile the kernel; after the first time on a machine it is loaded from a cache."""
        KERNELS.load()

    def ready(self) -> bool:
        """Load what most problems need, if all is in the cache; whether it is."""
        return KERNELS.ready()

    def refuses(self, problem: Problem) -> str | None:
        """It minimises no norm but the largest change; deep networks can be too wide for it."""
        hidden = problem.network.hidden
        # where there are two hidden layers, elimination takes any width
        if len(hidden) > 2 and hidden[0].neurons > MOST_DEEP:
            return (
                f"the first hidden layer has {hidden[0].neurons} neurons; Exact() takes up to "
                f"{MOST_DEEP} where there are more than two hidden layers: use another method"
            )
        if problem.measure.norm in (None, Norm.LINF):
            return None
        return (
            f"Exact() encloses the smallest epsilon; for the smallest perturbation in the norm "
            f"{problem.measure.norm.value} use Milp()"
        )

    def run(self, run: Run) -> Outcome:
        """Search until the goal is settled or time is out."""
        measure = run.problem.measure
        if isinstance(measure, Distance):
            from signflip.methods.enclosing import enclose

            return enclose(run, self, measure.tolerance)
        # here, and not above: Numba takes longer to import than all the rest of Signflip
        from signflip.patterns.space import PatternSpace

        space = PatternSpace.of(run.problem)
        if space.size == 0:  # one pattern, and the clean image has it
            return Outcome(Stop.OPTIMAL, bound=run.value, proved=True, flipless=not run.flipped)
        return self.settle(run, space)

    def settle(self, run: Run, space: "PatternSpace", walker: "Walker | None" = None) -> Outcome:
        """The same for a problem whose patterns (two or more) are known, going on with a walk."""
        from signflip.exact.beside import WalkBeside
        from signflip.exact.bounds import interval_bound
        from signflip.exact.input_bits import InputBits
        from signflip.exact.neighbourhoods import Neighbourhoods
        from signflip.exact.tree import ExactSearch

        walks = walker is not None or has_time_to_walk(run.clock, run.problem.network)
        share = self.annealing if walks else 0.0
        beside = WalkBeside(run, space, self.goal, share, walker)
        bits = InputBits.of(run, self.goal, space, beside)
        local = Neighbourhoods.of(run, self.goal, space) if bits is None else bits
        answer = None if local is None else local.outcome()
        if answer is not None:
            return answer
        try:
            return ExactSearch(self, run, space, beside).outcome()
        except OutOfTime as late:
            return Outcome(Stop.TIME_LIMIT, interval_bound(space), proved=True, remark=str(late))


def _compile() -> None:
    """Search small problems, one for each way that the bounds are computed."""
    from signflip.exact.factor_search import compile_factors
    from signflip.exact.frontier import compile_sets

    WALK.load()
    bits = SignLayer(Sparse.selection(4, np.arange(4)), np.full(4, 0.5))
    two, three = _dense(2), _dense(3)
    for hidden in (two, three, (bits, *_dense(1))):
        _search(hidden)
    compile_sets(_problem(two))
    compile_factors()


def _search(hidden: tuple[SignLayer, ...]) -> None:
    Exact(goal=SearchGoal.OPTIMISE, annealing=0.0).run(Run(_problem(hidden), Clock.start(None)))


def _problem(hidden: tuple[SignLayer, ...]) -> Problem:
    weights = np.random.default_rng(1).choice([-1, 1], (2, 4))
    output = OutputLayer(weights, np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork(hidden, output), np.full(4, 0.5), epsilon=0.5)


def _dense(layers: int) -> tuple[SignLayer, ...]:
    rng = np.random.default_rng(0)
    return tuple(SignLayer.dense(rng.choice([-1, 1], (4, 4)), np.zeros(4)) for _ in range(layers))


KERNELS = Preparation("exact", _compile, part=lambda: _search(_dense(2)))
