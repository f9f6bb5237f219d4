"""IProp's layer problems by local search: its incumbent, and many targets at once."""

import numpy as np
import pytest

from signflip.arrays import Signs
from signflip.clock import Clock
from signflip.methods.iprop import IProp
from signflip.methods.layer_solver import LocalSearch, TieBreak
from signflip.methods.local_layers import AT_ONCE, LocalLayers
from signflip.patterns.space import PatternSpace
from signflip.problem import Problem
from signflip.search import Search
from tests.support.random_problems import random_problem

WIDTHS = ((12,), (12, 9), (12, 9, 8))


def layers_of(problem: Problem, tie_break: TieBreak = TieBreak.DIFFERENCES) -> LocalLayers:
    search, space = Search(problem, Clock.start(None)), PatternSpace.of(problem)
    settings = IProp(seed=5, tie_break=tie_break)
    return LocalLayers(settings, LocalSearch(), search, space)


def state_of(layers: LocalLayers) -> tuple[list[list[int]], float]:
    return [signs.tolist() for signs in layers.signs], layers._best


def some_targets(rng: np.random.Generator, problem: Problem, count: int = 12) -> Signs:
    return rng.choice([-1, 0, 1], (count, problem.network.widths[-1])).astype(np.int8)


@pytest.mark.parametrize("tie_break", TieBreak)
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("classes", [2, 4])
def test_the_incumbent_is_what_the_network_says_and_rises(
    widths: tuple[int, ...], classes: int, tie_break: TieBreak
) -> None:
    rng, rose = np.random.default_rng(0), 0
    for _ in range(6):
        problem = random_problem(
            rng, inputs=30, widths=widths, classes=classes, epsilon=0.3, plain=classes == 2
        )
        layers = layers_of(problem, tie_break)
        for _ in range(4):
            before = state_of(layers)
            better = layers.pursue(some_targets(rng, problem))
            rose += better
            assert (layers._best > before[1]) if better else (state_of(layers) == before)
            signs = layers.signs
            above = problem.network.activations_of_pattern(signs[0][None])
            assert [each[0].tolist() for each in above][-1] == signs[-1].tolist()
            score = float(problem.scores_of_signs(signs[-1][None])[0])
            assert layers._best == pytest.approx(score, abs=1e-9)
            # the run has what was best, from an image that was replayed
            assert float(layers._run.value) >= layers._best - 1e-9
        layers.restart()
        assert float(layers._run.value) >= layers._best - 1e-9
    assert rose > 3


@pytest.mark.parametrize("widths", WIDTHS)
def test_targets_at_once_are_pursued_as_one_after_the_other(widths: tuple[int, ...]) -> None:
    rng, rose = np.random.default_rng(1), 0
    for _ in range(8):
        problem = random_problem(rng, inputs=30, widths=widths, epsilon=0.3)
        together, alone = layers_of(problem), layers_of(problem)
        targets = some_targets(rng, problem)
        better = together.pursue(targets)
        rose += better
        assert better == any(alone.pursue(target[None]) for target in targets)
        assert state_of(together) == state_of(alone)
    assert rose > 1


def test_wide_networks_have_their_targets_one_by_one() -> None:
    rng = np.random.default_rng(2)
    narrow = random_problem(rng, inputs=30, widths=(12, 9), epsilon=0.3)
    wide = random_problem(rng, inputs=30, widths=(2100, 2100), epsilon=1e-4)
    assert layers_of(narrow).at_once == AT_ONCE
    assert layers_of(wide).at_once == 1
