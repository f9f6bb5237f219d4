"""Proofs that a search makes as it goes: accepted, with the claim that the answer has."""

import gc
import time
import weakref
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip import Verdict, attack
from signflip.clock import ENDLESS
from signflip.exact.frames import Rules
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import NO_FLIP, Problem, Ties
from signflip.proof.check import check
from signflip.proof.container import pieces_of
from signflip.proving import hard, packing, prove, recording
from signflip.proving.cases import Cases
from signflip.proving.enumerated import Enumerated, enumerable
from signflip.proving.files import PROOFS
from signflip.proving.growing import End
from signflip.proving.hard import Frames
from signflip.proving.prove import proof_of
from signflip.proving.recording import Recording
from signflip.result import Stop
from signflip.run import Run
from tests.support.map_strategies import mapped_networks
from tests.support.proofs import is_true
from tests.support.random_problems import random_problem
from tests.support.strategies import networks, problems
from tests.support.tiny import tiny_network

some_problems = problems(
    network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches are recorded from the start, and threads give work away at each step."""
    monkeypatch.setattr(recording, "RECORD", -1.0)
    monkeypatch.setattr(Frames, "budget", 2)
    monkeypatch.setattr(Cases, "budget", 2)
    monkeypatch.setattr(Enumerated, "budget", 2)


@settings(max_examples=80)
@given(
    problem=some_problems,
    goal=st.sampled_from(SearchGoal),
    threads=st.integers(1, 3),
    enumerates=st.booleans(),
)
def test_a_recorded_search_answers_as_any_and_has_its_proof(
    problem: Problem, goal: SearchGoal, threads: int, enumerates: bool
) -> None:
    exact = Exact(goal=goal, annealing=0.0, threads=threads)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "enumerable", lambda space: enumerates and enumerable(space))
        path = Path(folder) / "a.proof"
        result = attack(problem, exact, proof=path)
        assert result.verdict is attack(problem, exact).verdict
        if result.verdict is Verdict.UNKNOWN:
            return
        proved = check(path.read_bytes(), problem.network)
    assert is_true(problem.network, proved.content)
    if result.stop is Stop.OPTIMAL:
        assert proved.content.bound is not None
        assert float(proved.content.bound) == result.objective
    elif result.verdict is Verdict.ROBUST:
        assert proved.content.bound == Fraction(0)
        assert proved.content.strict == problem.tied_rivals


@pytest.mark.parametrize("goal", SearchGoal)
def test_no_second_search_makes_the_proof(
    goal: SearchGoal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PROOFS.load()
    problem, path = robust(), tmp_path / "a.proof"
    monkeypatch.delattr(prove, "_steps")
    result = attack(problem, Exact(goal=goal, annealing=0.0), proof=path)
    assert (result.verdict, result.remark) == (Verdict.ROBUST, "")
    assert check(path.read_bytes(), problem.network).cases > 1


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    threads=st.integers(2, 4),
    bottom=st.integers(0, 8),
    halved=st.sampled_from([-1, 5, 40, 10**9]),
)
def test_the_frames_of_threads_are_one_proof(
    seed: int, threads: int, bottom: int, halved: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, inputs=6, widths=(14, 40), classes=3, epsilon=0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hard, "RULES", Rules(least=0, fresh=1, age=1, near=0.0, bottom=bottom))
        patch.setattr(hard, "HALVED", halved)
        patch.setattr(recording, "enumerable", lambda _: False)
        prove_with(threads, problem)


@pytest.mark.parametrize("seed", range(0, 60, 20))
def test_the_cases_of_threads_are_one_proof(seed: int) -> None:
    for each in range(seed, seed + 20):  # one in ten has a set that refutes another part's case
        rng = np.random.default_rng(each)
        widths = (14, 12, 12)
        problem = random_problem(rng, inputs=4, widths=widths, classes=3, epsilon=0.2)
        prove_with(3, problem)


def prove_with(threads: int, problem: Problem) -> None:
    """Prove the optimum by a search of so many threads, and check that."""
    if PatternSpace.of(problem).size == 0:
        return
    run = Run(problem, ENDLESS)
    run.listener = listener = Recording(ENDLESS)
    exact = Exact(goal=SearchGoal.OPTIMISE, annealing=0.0, threads=threads)
    assert exact.run(run).stop is Stop.OPTIMAL
    steps = listener.steps(run.standing)
    assert steps is not None
    made = proof_of(problem, bound=run.value, clock=ENDLESS, steps=steps)
    assert check(made, problem.network).cases > 0


def robust() -> Problem:
    """A problem without a flip that intervals do not settle."""
    network = tiny_network()
    for seed in range(100):
        image = np.random.default_rng(seed).random(16)
        problem = Problem.ball(network, image, epsilon=0.1)
        run = Run(problem, ENDLESS)
        run.listener = listener = Recording(ENDLESS)
        outcome = Exact(annealing=0.0).run(run)
        steps = listener.steps(NO_FLIP)
        if outcome.flipless and steps is not None and len(b"".join(pieces_of(steps))) > 1:
            return problem
    raise AssertionError("there is none")


def test_a_search_whose_steps_are_too_many_goes_on_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = robust()
    monkeypatch.setattr(packing, "MOST_BYTES", 0)
    result = attack(problem, Exact(annealing=0.0), proof=tmp_path / "a.proof")
    assert result.verdict is Verdict.ROBUST
    assert "over 0 bytes" in result.remark
    assert not (tmp_path / "a.proof").exists()


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_the_steps_of_an_attack_go_with_it(
    epsilon: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Frames]] = []
    begin = Frames._begin

    def watched(frames: Frames) -> None:
        made.append(weakref.ref(frames))
        begin(frames)

    monkeypatch.setattr(Frames, "_begin", watched)
    monkeypatch.setattr(recording, "enumerable", lambda _: False)
    image = robust().image
    problem = Problem.ball(tiny_network(), image, epsilon=epsilon)
    gc.disable()
    try:
        attack(problem, Exact(annealing=0.0, threads=2), proof=tmp_path / "a.proof")
        assert made
        assert made[-1]() is None
    finally:
        gc.enable()


def test_slow_cases_do_not_pass_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_self: Cases, budget: int) -> End:
        time.sleep(1e-3 * budget)
        return End.PAUSE

    PROOFS.load()
    problem, path = robust(), tmp_path / "a.proof"
    monkeypatch.setattr(Cases, "budget", 50_000)
    monkeypatch.setattr(Cases, "advance", slow)
    monkeypatch.setattr(recording, "countable", lambda _: False)
    monkeypatch.setattr(recording, "enumerable", lambda _: False)
    result = attack(problem, Exact(annealing=0.0), time_limit=0.5, proof=path)
    assert result.verdict is Verdict.UNKNOWN
    assert result.seconds < 1


def test_tables_that_no_search_by_cases_has_are_not_made_for_a_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    problem = random_problem(rng, inputs=4, widths=(14, 12, 12), epsilon=0.2)
    listened: list[bool] = []
    for most in (2**24, 0):
        monkeypatch.setattr(recording, "MOST_CASE_TABLES", most)
        run = Run(problem, ENDLESS)
        run.listener = listener = Recording(ENDLESS)
        assert Exact(goal=SearchGoal.OPTIMISE, annealing=0.0).run(run).stop is Stop.OPTIMAL
        listened.append(listener.steps(run.standing) is not None)
    assert listened == [True, False]
