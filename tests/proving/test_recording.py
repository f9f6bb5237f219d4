"""Proofs that a search makes as it goes: accepted, with the claim that the answer has."""

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip import Verdict, attack
from signflip.clock import ENDLESS
from signflip.exact import tree
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.problem import NO_FLIP, Problem, Ties
from signflip.proof.check import check
from signflip.proving import packing, prove
from signflip.proving.files import PROOFS
from signflip.proving.recording import Recording
from signflip.result import Stop
from signflip.run import Run
from tests.support.map_strategies import mapped_networks
from tests.support.proofs import is_true
from tests.support.strategies import networks, problems
from tests.support.tiny import tiny_network

some_problems = problems(
    network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "RECORD", -1.0)


@settings(max_examples=60)
@given(problem=some_problems, goal=st.sampled_from(SearchGoal))
def test_a_recorded_search_answers_as_any_and_has_its_proof(
    problem: Problem, goal: SearchGoal
) -> None:
    exact = Exact(goal=goal, annealing=0.0)
    with TemporaryDirectory() as folder:
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
        if outcome.flipless and steps is not None and len(b"".join(steps)) > 1:
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
