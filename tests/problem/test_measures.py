"""One entry point for the objective and for the distance."""

import math
from dataclasses import replace

import numpy as np
import pytest

from signflip.attack import attack
from signflip.errors import ProblemError, SettingError
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.warm_start import WarmStarted
from signflip.problem import Distance, Norm, Problem
from signflip.result import Stop, Verdict
from tests.support.problems import two_steps

EPSILON, L1 = Distance(Norm.LINF, 1e-6), Distance(Norm.L1)


def measured(measure: Distance) -> Problem:
    return replace(two_steps(), measure=measure)


@pytest.mark.parametrize(
    "method", [Exact(), Milp(), WarmStarted(first=Fgsm(), seconds=1, then=Exact())]
)
def test_the_smallest_epsilon(method: Exact | Milp | WarmStarted) -> None:
    result = attack(measured(EPSILON), method)
    assert result.verdict is Verdict.FLIPPED
    assert (result.objective, result.clean_objective) == (2, -2)
    assert result.distance == pytest.approx(0.5, abs=1e-5)
    assert result.bound == pytest.approx(0.5, abs=1e-4)
    assert result.bound is not None
    assert result.distance is not None
    assert result.bound < 0.5 <= result.distance
    assert result.trace[-1][1] == result.distance
    assert result.flip is result.witness


@pytest.mark.parametrize("measure", ["l1", Norm.L1, None])
def test_what_is_no_measure_is_refused(measure: object) -> None:
    with pytest.raises(ProblemError, match=r"the measure is .*; it must be Margin"):
        measured(measure)  # type: ignore[arg-type]


def test_the_objective_has_no_distance() -> None:
    result = attack(two_steps(), Exact())
    assert result.distance is None
    assert result.flip is result.witness


def test_no_flip_is_proved_by_exact_alone() -> None:
    whole = two_steps()
    for measure in (EPSILON, L1):
        problem = replace(Problem.ball(whole.network, whole.image, epsilon=0.4), measure=measure)
        claimed = attack(problem, Milp())
        assert (claimed.verdict, claimed.bound) == (Verdict.UNKNOWN, math.inf)
        assert claimed.stop is Stop.CLAIMED_OPTIMAL
        assert (claimed.flip, claimed.distance, claimed.trace) == (None, None, ())
        assert np.array_equal(claimed.witness, problem.image)
    proved = attack(replace(problem, measure=EPSILON), Exact())
    assert (proved.verdict, proved.bound) == (Verdict.ROBUST, math.inf)


@pytest.mark.parametrize(
    ("method", "measure", "message"),
    [
        (Fgsm(), EPSILON, "Fgsm looks for the largest objective.*use Exact.. or Milp.."),
        (IProp(), L1, "IProp looks for the largest objective"),
        (Exact(), L1, "Exact.. encloses the smallest epsilon; for.*norm l1 use Milp.."),
        (WarmStarted(first=Fgsm(), seconds=1, then=IProp()), L1, "IProp looks for"),
    ],
)
def test_a_method_says_what_it_cannot_do(
    method: Fgsm | IProp | Exact | WarmStarted, measure: Distance, message: str
) -> None:
    with pytest.raises(ProblemError, match=message):
        attack(measured(measure), method)


def test_norms_have_names() -> None:
    assert Distance("l1") == L1  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="the tolerance is 0; it must be above 0"):
        Distance(tolerance=0)
