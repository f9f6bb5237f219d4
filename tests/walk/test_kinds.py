import pytest

from signflip.clock import ENDLESS
from signflip.patterns.space import PatternSpace
from signflip.run import Run
from signflip.walk import kinds
from signflip.walk.kinds import LOOSE, TIGHT, kind_of, length_of
from signflip.walk.walker import Walker
from tests.support.zoo import zoo_problems


@pytest.mark.parametrize("size", [1, 2, 30, 62, 63, 200, 500])
def test_runs_grow_in_five_steps_and_with_the_number_of_neurons(size: int) -> None:
    lengths = [length_of(size, runs) for runs in range(7)]
    assert lengths[0] == min(16 * size, kinds.FIRST_MOVES)
    assert lengths[4:] == [max(128, size) * size] * 3
    assert lengths[:5] == sorted(set(lengths))


def test_no_run_is_longer_than_the_longest() -> None:
    assert length_of(10_000, 0) == kinds.FIRST_MOVES
    assert length_of(10_000, 9) == kinds.MOST_MOVES


def test_each_softness_meets_a_tight_run() -> None:
    assert {runs % 3 for runs in range(12) if kind_of(30, runs) is TIGHT} == {0, 1, 2}


@pytest.mark.parametrize(("name", "few"), [("mnist-3x100", True), ("mnist-2x200", False)])
def test_every_fourth_run_is_tight_where_few_neurons_can_toggle(name: str, few: bool) -> None:
    problem = zoo_problems(name, epsilon=0.03, count=1)[0]
    walker = Walker(Run(problem, ENDLESS), PatternSpace.of(problem), seed=0, settle=False)
    assert few == (walker._space.size <= kinds.MOST_TIGHT)
    made = []
    while walker._number < (8 if few else 4):
        before = walker._number
        walker.step(500)
        if walker._number > before:
            made.append(walker._kind)
    usual = [LOOSE] * 3 + [TIGHT if few else LOOSE]
    assert made == usual * (len(made) // 4)
