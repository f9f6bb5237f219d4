from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.arrays import Signs
from signflip.attack import attack
from signflip.errors import SettingError
from signflip.methods.fgsm import Fgsm
from signflip.methods.iprop import IProp, _Draws
from signflip.methods.layer_programs import stable_activations
from signflip.methods.layer_solver import LayerSolver, LocalSearch, TieBreak
from signflip.methods.step_size import AdaptiveStep, ConstantStep, StepSize
from signflip.milp.neurons import stable_signs
from signflip.network import BinaryNetwork, Floats, OutputLayer, SignLayer
from signflip.problem import Problem, Target, Untargeted
from signflip.programs import Highs
from signflip.programs.program import MixedProgram
from signflip.programs.solver import Claim, OnIncumbent, Solution
from signflip.result import Stop
from tests.support.oracle import exact_optimum, patterns
from tests.support.random_problems import random_problem
from tests.support.strategies import problems
from tests.support.zoo import zoo_problems


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """A solver that notes each program and answers with the start, or what `answer` makes of it."""

    answer: Callable[[int, Floats], Floats | None] = lambda _call, start: start
    programs: list[MixedProgram] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def solve(
        self,
        program: MixedProgram,
        *,
        time_limit: float | None = None,
        threads: int = 1,
        seed: int = 0,
        quick: bool = False,
        start: Floats | None = None,
        on_incumbent: OnIncumbent | None = None,
    ) -> Solution:
        del threads, seed, on_incumbent
        assert quick == (not program.integer.all())  # for (10) only
        assert start is not None
        assert time_limit is not None
        self.limits.append(time_limit)
        self.programs.append(program)
        return Solution(claim=Claim.TIME_LIMIT, point=self.answer(len(self.programs) - 1, start))

    @property
    def asked(self) -> list[int]:
        """How many targets each program has, for problems of `levels`: it has one pixel."""
        return [program.columns - 1 for program in self.programs]


def levels(width: int, classes: int = 2) -> Problem:
    """One pixel at 0 that may rise to 1; each of `width` neurons answers +1 from its own level on.

    The prediction is class 0, and every rival gains from +1 of every neuron.
    """
    first = SignLayer.dense(np.ones((width, 1), dtype=np.int8), np.linspace(0.1, 0.9, width))
    rows = np.ones((classes, width), dtype=np.int8)
    rows[0] = -1
    goal = Target(1) if classes == 2 else Untargeted()
    output = OutputLayer(rows, np.ones(classes), np.zeros(classes))
    return Problem.ball(BinaryNetwork((first,), output), [0.0], epsilon=1.0, goal=goal)


def test_the_adaptive_step_shrinks_until_every_neuron_was_tried_alone() -> None:
    solver = Scripted()
    result = attack(levels(100), IProp(solver=solver))
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert solver.asked == [5] * 5 + [2] * 5 + [1] * 100
    alone = [program.value.tobytes() for program in solver.programs[10:]]
    assert len(set(alone)) == 100


def test_a_better_incumbent_starts_the_patience_anew_and_keeps_the_step() -> None:
    def rise(call: int, start: Floats) -> Floats:
        # past the level of one more neuron at the third call, and again at the tenth
        distance = {2: 0.01, 9: 0.017}.get(call, start[0])
        return np.array([distance, *start[1:]])

    network, goal = levels(100).network, Target(1)
    problem = Problem.ball(network, [0.095], epsilon=1.0, goal=goal)
    solver = Scripted(answer=rise)
    result = attack(problem, IProp(solver=solver))
    assert result.objective == result.clean_objective + 8
    # all ideal neurons are asked for too: one after the third call, two after the tenth
    asked = [5] * 3 + [1 + 5] * 5 + [1 + 2] * 2 + [2 + 2] * 5 + [2 + 1] * 98
    assert solver.asked == asked


def test_a_constant_step_ends_when_no_draw_is_left() -> None:
    solver = Scripted()
    result = attack(levels(6), IProp(step=ConstantStep(neurons=3), solver=solver))
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert solver.asked == [3] * comb(6, 3)
    assert len({program.value.tobytes() for program in solver.programs}) == comb(6, 3)


def test_an_untargeted_attack_tries_the_other_rivals_too() -> None:
    solver = Scripted()
    result = attack(levels(10, classes=4), IProp(solver=solver))
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert solver.asked == [1] * 30


def test_it_stops_at_once_where_every_neuron_is_ideal() -> None:
    problem = levels(10)
    solver = Scripted()
    result = attack(problem, IProp(solver=solver), start=problem.box.clip(np.array([0.95])))
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert result.objective == 20
    assert solver.programs == []


def test_a_solver_without_a_point_leaves_the_incumbent() -> None:
    result = attack(levels(5), IProp(solver=Scripted(answer=lambda _call, _start: None)))
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert result.objective == result.clean_objective


def test_no_layer_problem_gets_more_than_the_cutoff_or_the_time_that_is_left() -> None:
    solver = Scripted()
    attack(levels(5), IProp(solver=solver, cutoff=3.0))
    attack(levels(5), IProp(solver=solver, cutoff=3.0, restarts=0), time_limit=2.0)
    assert solver.limits[:5] == [3.0] * 5
    assert len(solver.limits) == 10
    assert all(0 < limit < 2.0 for limit in solver.limits[5:])


def test_without_time_it_does_nothing() -> None:
    solver = Scripted()
    result = attack(levels(5), IProp(solver=solver), time_limit=0.0)
    assert result.stop is Stop.TIME_LIMIT
    assert solver.programs == []


@settings(max_examples=60)
@given(
    problems(),
    st.sampled_from([AdaptiveStep(), AdaptiveStep(share=1.0), ConstantStep(neurons=2)]),
    st.booleans(),
    st.sampled_from([LocalSearch(), LocalSearch(steps=2, sweeps=1), Highs()]),
    st.sampled_from(TieBreak),
    st.sampled_from([None, 2]),
)
def test_it_ends_at_a_local_optimum_below_the_optimum(
    problem: Problem,
    step: StepSize,
    fix_stable: bool,
    solver: LayerSolver,
    tie_break: TieBreak,
    restarts: int | None,
) -> None:
    method = IProp(
        step=step, fix_stable=fix_stable, solver=solver, tie_break=tie_break, restarts=restarts
    )
    result = attack(problem, method)
    replay = problem.replay(result.witness)
    assert replay.inside
    assert float(replay.value) == result.objective >= result.clean_objective
    assert replay.value <= exact_optimum(problem).value
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert result.bound is None


@given(problems())
def test_stable_activations_are_those_of_every_image(problem: Problem) -> None:
    first = stable_signs(problem.network.hidden[0], problem.box)
    stable = stable_activations(problem.network, first)
    for pattern, _ in patterns(problem.network, problem.box):
        activations = problem.network.activations_of_pattern(np.array([pattern], dtype=np.int8))
        for bound, signs in zip(stable, activations, strict=True):
            assert np.all((bound == 0) | (bound == signs[0]))


def test_it_reaches_the_optimum_of_a_monotone_problem() -> None:
    assert attack(levels(10), IProp()).objective == 20


def test_it_beats_fgsm_on_real_images() -> None:
    problems = zoo_problems("mnist-2x100", epsilon=0.003, count=3)
    propagated = [attack(problem, IProp()) for problem in problems]
    stepped = [attack(problem, Fgsm()) for problem in problems]
    assert all(result.stop is Stop.LOCAL_OPTIMUM for result in propagated)
    assert sum(r.objective for r in propagated) > sum(r.objective for r in stepped)


@pytest.mark.parametrize("solver", [LocalSearch(), Highs()], ids=["local", "highs"])
def test_the_same_seed_gives_the_same_answer(solver: LayerSolver) -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.002, count=1)[0]
    one, other = (attack(problem, IProp(seed=3, solver=solver)) for _ in range(2))
    np.testing.assert_array_equal(one.witness, other.witness)
    assert [value for _, value in one.trace] == [value for _, value in other.trace]


def test_restarts_at_a_local_optimum_find_more() -> None:
    gained = 0.0
    for problem in zoo_problems("mnist-3x100", epsilon=0.01, count=4):
        once, again = (attack(problem, IProp(restarts=restarts)) for restarts in (0, 10))
        assert once.stop is again.stop is Stop.LOCAL_OPTIMUM
        assert again.objective >= once.objective > once.clean_objective
        gained += again.objective - once.objective
    assert gained > 0


def test_the_local_search_is_about_as_good_as_programs() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.002, count=1)[0]
    method = IProp(step=ConstantStep(neurons=100), restarts=0)  # all that are missed at once
    local, programs = attack(problem, method), attack(problem, replace(method, solver=Highs()))
    gains = [result.objective - result.clean_objective for result in (local, programs)]
    assert gains[0] >= 0.7 * gains[1] > 0


def test_the_tie_break_by_distance_is_another_one() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.004, count=1)[0]
    one, other = (attack(problem, IProp(tie_break=each, restarts=0)) for each in TieBreak)
    assert [value for _, value in one.trace] != [value for _, value in other.trace]


def test_names_stand_for_solvers_and_tie_breaks() -> None:
    named = IProp(solver="local", tie_break="distance")  # type: ignore[arg-type]
    assert named == IProp(solver=LocalSearch(), tie_break=TieBreak.DISTANCE)
    assert IProp(solver="highs").solver == Highs()  # type: ignore[arg-type]


def test_an_untargeted_local_search_goes_through_the_rivals() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.004, count=1, goal=Untargeted())[0]
    result = attack(problem, IProp())
    assert result.stop is Stop.LOCAL_OPTIMUM
    assert result.objective > result.clean_objective


def test_it_goes_on_from_a_warm_start() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.002, count=1)[0]
    start = attack(problem, Fgsm(width=0.3)).witness
    assert not np.array_equal(start, problem.image)
    result = attack(problem, IProp(solver=Scripted()), start=start)
    np.testing.assert_array_equal(result.witness, start)


def test_it_stops_when_the_time_is_out() -> None:
    problem = zoo_problems("mnist-2x100", epsilon=0.02, count=1)[0]
    result = attack(problem, IProp(), time_limit=0.5)
    assert result.stop is Stop.TIME_LIMIT


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"cutoff": 0.0}, "the cutoff is 0.0; it must be above 0 seconds"),
        ({"cutoff": float("nan")}, "the cutoff is nan; it must be above 0 seconds"),
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"fix_stable": 1}, "fix_stable is 1; it must be True or False"),
        ({"step": 5}, r"the step is 5; it must be AdaptiveStep\(\) or ConstantStep"),
        ({"restarts": -1}, "restarts is -1; it must be 0 or more, or None"),
        (
            {"solver": "cplex"},
            "no solver is called 'cplex'; the solvers of layer",
        ),
        ({"tie_break": "luck"}, "tie_break is 'luck'; it must be one of differences, distance"),
        ({"seed": -1}, "the seed is -1; it must be from 0 to 2147483647"),
        ({"seed": 2**31}, "the seed is 2147483648; it must be from 0 to 2147483647"),
    ],
)
def test_bad_settings_are_refused(bad: Mapping[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        IProp(**bad)  # type: ignore[arg-type]


def test_bad_settings_of_the_local_search_are_refused() -> None:
    with pytest.raises(SettingError, match="steps is 0; it must be at least 1"):
        LocalSearch(steps=0)
    with pytest.raises(SettingError, match="sweeps is 0; it must be at least 1"):
        LocalSearch(sweeps=0)


@dataclass(kw_only=True)
class Still:
    """Layer problems that never find anything."""

    signs: list[Signs]
    at_once: int = 16
    asked: list[Signs] = field(default_factory=list)

    def pursue(self, targets: Signs) -> bool:
        self.asked.append(targets)
        return False

    def restart(self) -> bool:
        return False


@pytest.mark.parametrize("step", [AdaptiveStep(share=0.5, patience=5), ConstantStep(neurons=2)])
def test_draws_at_once_end_where_the_step_gets_smaller(step: StepSize) -> None:
    problem = random_problem(np.random.default_rng(4), inputs=20, widths=(9, 8), epsilon=0.3)
    incumbent = [signs[0] for signs in problem.network.activations(problem.image[None])]
    search = Still(signs=incumbent)
    draws = _Draws(IProp(step=step), problem, search)
    while len(targets := draws.next_targets()):
        search.pursue(targets)
        draws.failed(len(targets))
    ideal = np.sign(problem.coefficients(problem.rivals[0]))
    missed = int(((ideal != 0) & (incumbent[-1] != ideal)).sum())
    sizes, seen = [], set[bytes]()
    for targets in search.asked:
        drawn = ((targets != 0) & (targets != incumbent[-1])).sum(axis=1)
        assert ((targets == 0) | (targets == ideal)).all()
        assert len(set(drawn.tolist())) == 1
        sizes += drawn.tolist()
        seen |= {target.tobytes() for target in targets}
    assert len(seen) == len(sizes)  # none twice
    if isinstance(step, ConstantStep):
        assert sizes == [2] * comb(missed, 2)
        assert len(search.asked[0]) == min(search.at_once, comb(missed, 2))
    else:
        assert sizes == sorted(sizes, reverse=True)
        assert sizes.count(1) == missed
        assert max(map(sizes.count, {*sizes} - {1})) <= step.patience
