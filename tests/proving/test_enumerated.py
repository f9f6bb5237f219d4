"""Proofs by enumeration: accepted, and given up where there is none."""

import gc
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip import Verdict, attack
from signflip.exact.upper import set_incumbent, upper_of
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.proof.check import ENUMERATED, check
from signflip.proof.container import Content, numbers_of
from signflip.proving import enumerated, levels, recording
from signflip.proving.enumerated import Enumerated, enumerable
from signflip.proving.growing import End
from signflip.proving.no_proof import NoProofError
from signflip.result import Stop
from tests.support.proofs import accepted, by_enumeration, content_of
from tests.support.random_problems import random_problem
from tests.support.tiny import tiny_network


def problem_of(seed: int, **settings: float) -> Problem:
    """One whose patterns are some hundreds to some thousands."""
    rng = np.random.default_rng(seed)
    given = {"inputs": 8, "widths": (20, 15), "classes": 3, "epsilon": 0.2, **settings}
    return random_problem(rng, **given)  # type: ignore[arg-type]


def proof_of(problem: Problem, bound: Fraction) -> Content:
    """That no image of the box is above the bound."""
    return by_enumeration(problem, content_of(problem, bound, []))


def optimum_of(problem: Problem) -> Fraction:
    result = attack(problem, Exact(goal=SearchGoal.OPTIMISE, annealing=0.0))
    assert result.stop is Stop.OPTIMAL
    return Fraction(result.objective)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    inputs=st.sampled_from([2, 4, 8, 30]),
    plain=st.booleans(),
    room=st.sampled_from([levels.ENTRY, 2 * levels.ENTRY, enumerated.ROOM]),
)
def test_the_optimum_has_a_proof_and_nothing_below_it(
    seed: int, inputs: int, plain: bool, room: int
) -> None:
    problem = problem_of(seed, inputs=inputs, plain=plain)
    if not enumerable(PatternSpace.of(problem)):
        return
    best = optimum_of(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enumerated, "ROOM", room)
        content = proof_of(problem, best)
        assert accepted(problem, content)
        below = best - Fraction(1, 10**6)
        assert not accepted(problem, replace(content, bound=below))
        with pytest.raises(NoProofError, match="could not be refused"):
            proof_of(problem, below)


def test_more_than_there_is_room_for_is_packed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(5, inputs=3)
    whole = proof_of(problem, optimum_of(problem))
    monkeypatch.setattr(enumerated, "ROOM", levels.ENTRY)
    parts = proof_of(problem, optimum_of(problem))
    assert list(numbers_of(parts.steps)) == list(numbers_of(whole.steps))
    assert parts.steps != whole.steps


def test_a_bound_that_rises_ends_it() -> None:
    problem = problem_of(0)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    set_incumbent(upper, problem, Fraction(-30), ())
    proof = Enumerated(space, upper)
    assert proof.advance(1) is End.PAUSE
    set_incumbent(upper, problem, Fraction(0), ())
    with pytest.raises(NoProofError, match="has risen"):
        proof.advance(1)


def test_a_pattern_above_the_bound_that_points_have_ends_it() -> None:
    problem = problem_of(0)
    space, upper = PatternSpace.of(problem), upper_of(problem)
    set_incumbent(upper, problem, optimum_of(problem) - 2, ())
    proof = Enumerated(space, upper)
    while proof.advance(proof.budget) is not End.LEAF:
        pass
    with pytest.raises(NoProofError, match="was not refused"):
        proof.close(None)


def first_step(path: Path, threads: int = 1) -> int | None:
    """Of the proof of a search of a tiny network's image that has no flip; None for none."""
    image = np.random.default_rng(0).random(16)
    problem = Problem.ball(tiny_network(), image, epsilon=0.1)
    result = attack(problem, Exact(annealing=0.0, threads=threads), proof=path)
    assert result.verdict is Verdict.ROBUST
    proved = check(path.read_bytes(), problem.network)
    assert proved.content.bound == 0
    return next(iter(numbers_of(proved.content.steps)), None)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_search_without_a_flip_is_proved_by_it(threads: int, tmp_path: Path) -> None:
    assert first_step(tmp_path / "a.proof", threads=threads) == ENUMERATED


def test_a_pattern_with_a_flip_is_tried_before_the_search_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(recording, "Frames")
    for seed in range(5):
        result = attack(problem_of(seed), Exact(annealing=0.0), proof=tmp_path / f"{seed}.proof")
        assert result.verdict is Verdict.FLIPPED


@pytest.mark.parametrize("name", ["MOST_PATTERNS", "MOST_OPEN"])
def test_there_are_not_too_many_patterns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(5)
    best = optimum_of(problem)
    monkeypatch.setattr(Enumerated, "budget", 1)
    monkeypatch.setattr(enumerated, name, 1)
    with pytest.raises(NoProofError, match="too many patterns"):
        proof_of(problem, best)


def test_too_many_patterns_are_left_to_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Enumerated, "budget", 1)
    monkeypatch.setattr(enumerated, "MOST_PATTERNS", 1)
    assert first_step(tmp_path / "a.proof") not in (ENUMERATED, None)


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_the_steps_of_an_attack_go_with_it(
    epsilon: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Enumerated]] = []
    advance = Enumerated.advance

    def watched(proof: Enumerated, budget: int) -> End:
        made.append(weakref.ref(proof))
        return advance(proof, budget)

    monkeypatch.setattr(Enumerated, "advance", watched)
    gc.disable()
    try:
        exact = Exact(annealing=0.0)
        attack(problem_of(1, epsilon=epsilon), exact, proof=tmp_path / "a.proof")
        assert made
        assert made[-1]() is None
    finally:
        gc.enable()
