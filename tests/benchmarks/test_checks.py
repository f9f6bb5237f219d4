"""The benchmarks' own sums and checks, on rows made by hand."""

from typing import Any

import pytest

from benchmarks import attacks_compared, exact_against_milp, exact_table, law, verdicts_agree
from benchmarks.common import Row
from signflip.zoo import ATTACKED


def row(**changes: Any) -> Row:
    base = {
        "network": "mnist-2x100",
        "epsilon": 0.01,
        "index": 0,
        "goal": "decide",
        "target": "second",
        "method": "exact",
        "verdict": "unknown",
        "stop": "TIME_LIMIT",
        "objective": -4.0,
        "clean_objective": -20.0,
        "bound": None,
        "seconds": 1.0,
    }
    assert set(changes) <= set(base)
    return {**base, **changes}


def cells(table: str) -> list[list[str]]:
    """The rows of a Markdown table, without its header."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_the_exact_table_has_every_network_and_optima_for_three() -> None:
    jobs = exact_table.jobs(tuple(exact_table.EPSILONS), 20)
    assert len(jobs) == len(set(jobs)) == 2 * 20 * (24 + 3)
    assert {job[0] for job in jobs} == set(ATTACKED)
    assert {job[:2] for job in jobs if job[3] == "optimise"} == {
        (f"{data}-{architecture}", 0.01)
        for data in ("mnist", "fashion")
        for architecture in ("2x100", "2x200", "3x100")
    }


def test_the_exact_table_counts() -> None:
    rows = [
        row(verdict="flipped", stop="DECIDED", seconds=1.0),
        row(verdict="robust", stop="DECIDED", seconds=2.0),
        row(seconds=60.0),
        row(goal="optimise", verdict="flipped", stop="TIME_LIMIT", seconds=60.0),
        row(goal="optimise", verdict="robust", stop="OPTIMAL", seconds=3.0),
    ]
    assert cells(exact_table.table(rows)) == [
        ["mnist-2x100", "0.01", "decide", "2 / 3", "1", "1", "1", "2.000", "60.0"],
        ["mnist-2x100", "0.01", "optimise", "1 / 2", "1", "1", "0", "31.500", "60.0"],
    ]
    decided, optimised = cells(exact_table.aims(rows))
    assert (decided[0], decided[3:6]) == ("2x100", ["100%", "66.7%", "2 / 3"])
    assert optimised[1:6] == ["0.01", "optimise", "100%", "50.0%", "1 / 2"]


def test_ratios_count_an_undecided_program_at_its_limit() -> None:
    rows = [
        row(verdict="robust", seconds=0.01),
        row(method="highs", stop="CLAIMED_ROBUST", seconds=1.0),
        row(index=1, verdict="flipped", seconds=0.01),
        row(index=1, method="highs", seconds=100.0),
        row(index=2),
        row(index=2, method="highs", verdict="flipped", seconds=1.0),
    ]
    answers = exact_against_milp.by_case(rows, "decide")
    assert cells(exact_against_milp.decision_table(answers, ("highs", "gurobi"))) == [
        ["highs", "2", "1", "0.0100", "50.50", "at least 1000"]
    ]


def test_optima_are_compared_where_both_close() -> None:
    optimum = {"goal": "optimise", "objective": 8.0, "bound": 8.0}
    rows = [
        row(**optimum, stop="OPTIMAL", seconds=0.5),
        row(**optimum, stop="CLAIMED_OPTIMAL", method="highs", seconds=50.0),
        row(**optimum, index=1, stop="OPTIMAL"),
        row(goal="optimise", index=1, bound=20.0, method="highs"),
    ]
    answers = exact_against_milp.by_case(rows, "optimise")
    assert cells(exact_against_milp.optimum_table(answers, ("highs",))) == [
        ["highs", "2", "2", "1", "1 of 1", "100"]
    ]
    assert not exact_against_milp.contradictions({}, answers)


@pytest.mark.parametrize(
    ("goal", "first", "second"),
    [
        ("decide", {"verdict": "robust"}, {"verdict": "flipped"}),
        ("decide", {"verdict": "flipped"}, {"stop": "CLAIMED_ROBUST"}),
        ("optimise", {"stop": "OPTIMAL", "bound": 4.0, "objective": 4.0}, {"objective": 8.0}),
        ("optimise", {"objective": 8.0}, {"stop": "CLAIMED_OPTIMAL", "bound": 4.0}),
    ],
)
def test_contradictions_between_exact_and_milp(goal: str, first: Row, second: Row) -> None:
    rows = [row(goal=goal, **first), row(goal=goal, method="highs", **second)]
    by_case = exact_against_milp.by_case
    decisions, optima = by_case(rows, "decide"), by_case(rows, "optimise")
    assert len(exact_against_milp.contradictions(decisions, optima)) == 1


def test_problems_are_drawn_by_the_seed() -> None:
    jobs = verdicts_agree.jobs(200, seed=0)
    assert jobs == verdicts_agree.jobs(200, seed=0) != verdicts_agree.jobs(200, seed=1)
    assert len({job[:4] for job in jobs}) == 200
    assert len(jobs) == 200 * len(verdicts_agree.METHODS)
    assert {job[0] for job in jobs} == set(ATTACKED)


def test_agreement() -> None:
    assert not verdicts_agree.contradictions(
        [
            row(verdict="flipped", objective=8.0),
            row(method="exact, decide", verdict="flipped", objective=4.0),
            row(method="milp", bound=8.0),
            row(index=1, verdict="robust", objective=-4.0, bound=0.0),
            row(index=1, method="iprop", objective=0.0),
            row(index=1, target="untargeted", verdict="flipped", objective=4.0),
        ]
    )


@pytest.mark.parametrize(
    "claim",
    [
        {"verdict": "robust", "bound": 0.0},
        {"verdict": "robust"},
        {"stop": "CLAIMED_ROBUST"},
        {"stop": "OPTIMAL", "objective": 4.0, "bound": 4.0},
        {"bound": 7.0},
    ],
)
def test_contradictions_between_methods(claim: Row) -> None:
    witness = row(method="fgsm", verdict="flipped", objective=8.0)
    (line,) = verdicts_agree.contradictions([row(**claim), witness])
    assert "exact says" in line
    assert "fgsm has a witness of 8.0" in line


def test_shares_are_of_proved_optima() -> None:
    optimum = {"stop": "OPTIMAL", "objective": 20.0, "verdict": "flipped"}
    rows = [
        row(**optimum),
        row(method="fgsm", objective=-10.0, seconds=3.0),
        row(**optimum, index=1),
        row(index=1, method="fgsm", objective=20.0, verdict="flipped", seconds=5.0),
        row(index=2, objective=-20.0, stop="OPTIMAL"),  # nothing to be gained
        row(index=2, method="fgsm", objective=-20.0, seconds=1.0),
        row(index=3, objective=20.0),  # not proved
        row(index=3, method="fgsm", objective=0.0, seconds=1.0),
    ]
    assert cells(attacks_compared.table(rows)) == [
        ["fgsm", "2", "0.625", "0.25", "1", "1", "2.50"],
        ["exact", "2", "1.000", "1.00", "2", "2", "1.00"],
    ]
    assert not attacks_compared.contradictions(rows)


@pytest.mark.parametrize(
    "other", [{"objective": 24.0}, {"objective": 16.0, "stop": "CLAIMED_OPTIMAL"}]
)
def test_an_optimum_that_another_method_contradicts(other: Row) -> None:
    rows = [row(stop="OPTIMAL", objective=20.0), row(method="milp", **other)]
    (line,) = attacks_compared.contradictions(rows)
    assert "the optimum is 20.0, milp has" in line


def test_the_law_counts_decisions_by_unstable_neurons() -> None:
    sizes: dict[tuple[object, ...], int] = {
        ("mnist-2x100", 0.01, 0): 19,
        ("mnist-2x100", 0.01, 1): 20,
        ("a", 0.02, 0): 39,
    }
    rows = [
        row(verdict="robust"),
        row(index=1),
        row(network="a", epsilon=0.02, verdict="flipped"),
        row(network="a", epsilon=0.02, verdict="flipped"),
    ]
    assert law.shares(rows, sizes) == {0: (1, 1), 1: (2, 3)}
    assert not law.deep(row())
    assert law.deep(row(network="mnist-3x100"))
