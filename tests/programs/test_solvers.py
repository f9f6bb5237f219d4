import sys
import threading
from itertools import product

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.errors import MissingExtraError, SettingError
from signflip.network import Floats
from signflip.programs import (
    SOLVERS,
    Claim,
    Gurobi,
    MixedProgram,
    ProgramBuilder,
    Scip,
    Solver,
    SolverFailure,
    scip,
    solver_named,
)
from signflip.programs.highs_runs import check, new_highs, run_highs
from tests.support.absent import need_package
from tests.support.solvers import each_solver


@st.composite
def knapsacks(draw: st.DrawFn) -> MixedProgram:
    """Up to 5 integers in [-2, 2], an equality sometimes, and a number that the rest pays for."""
    small = st.integers(-5, 5)
    builder = ProgramBuilder()
    count = draw(st.integers(1, 5))
    columns = [builder.column(-2, 2, integer=True) for _ in range(count)]
    for column in columns:
        builder.add_objective(column, draw(small))
    builder.offset = draw(small)
    for _ in range(draw(st.integers(0, 3))):
        limits = sorted((draw(small), draw(small)))
        lower, upper = draw(
            st.sampled_from([(-np.inf, limits[1]), (limits[0], np.inf), (limits[0], limits[1])])
        )
        builder.row(columns, [draw(small) for _ in columns], lower=lower, upper=upper)
    # y <= 1.5 - x0 / 4, worth its value
    y = builder.column(-np.inf, np.inf)
    builder.add_objective(y, 1.0)
    builder.row([columns[0], y], [0.25, 1.0], upper=1.5)
    return builder.build()


def brute_force(program: MixedProgram) -> float | None:
    """The optimum of a `knapsack`, None if it has none."""
    values = [
        program.objective_at(point)
        for integers in product(range(-2, 3), repeat=program.columns - 1)
        for point in [np.array([*integers, 1.5 - integers[0] / 4])]
        if program.violation(point) == 0
    ]
    return max(values, default=None)


@each_solver
@settings(max_examples=60)
@given(program=knapsacks())
def test_the_optimum_is_that_of_brute_force(solver: Solver, program: MixedProgram) -> None:
    incumbents: list[float] = []
    solution = solver.solve(
        program, on_incumbent=lambda point: incumbents.append(program.objective_at(point))
    )
    best = brute_force(program)
    if best is None:
        assert solution.claim is Claim.INFEASIBLE
        assert solution.point is None
        return
    assert solution.claim is Claim.OPTIMAL
    assert solution.point is not None
    assert program.violation(solution.point) < 1e-6
    assert program.objective_at(solution.point) == pytest.approx(best, abs=1e-6)
    assert solution.objective == pytest.approx(best, abs=1e-6)
    assert solution.bound == pytest.approx(best, abs=1e-6)
    assert max(incumbents, default=-np.inf) <= best + 1e-6


def hard_program() -> MixedProgram:
    """A market split (Cornuejols and Dawande 1998): any choice is a point, the best takes hours."""
    rng = np.random.default_rng(0)
    builder = ProgramBuilder()
    columns = [builder.binary() for _ in range(50)]
    for _ in range(6):
        weight = rng.integers(0, 100, 50).astype(np.float64)
        over, under = builder.column(0, np.inf), builder.column(0, np.inf)
        builder.add_objective(over, -1)
        builder.add_objective(under, -1)
        half = float(np.floor(weight.sum() / 2))
        row = np.concatenate([weight, [-1.0, 1.0]])
        builder.row([*columns, over, under], row, lower=half, upper=half)
    return builder.build()


@each_solver
def test_incumbents_are_reported_and_the_time_limit_is_said(solver: Solver) -> None:
    program = hard_program()
    seen: list[Floats] = []
    solution = solver.solve(program, time_limit=0.5, on_incumbent=seen.append)
    assert solution.claim is Claim.TIME_LIMIT
    assert seen
    assert solution.objective == pytest.approx(max(program.objective_at(x) for x in seen))
    assert all(program.violation(point) < 1e-6 for point in seen)
    assert solution.bound is not None
    assert solution.objective is not None
    assert solution.bound >= solution.objective


def test_scip_tells_of_its_last_point_too(monkeypatch: pytest.MonkeyPatch) -> None:
    need_package("pyscipopt", "the solver scip")
    # as if time had been out before the last event
    monkeypatch.setattr(scip, "_listen", lambda *_: ([], []))
    seen: list[Floats] = []
    solution = Scip().solve(hard_program(), time_limit=0.3, on_incumbent=seen.append)
    (last,) = seen
    np.testing.assert_array_equal(last, solution.point)


@each_solver
def test_a_start_is_the_first_incumbent(solver: Solver) -> None:
    program = hard_program()
    good = solver.solve(program, time_limit=0.5).point
    assert good is not None
    again = solver.solve(program, time_limit=0.1, start=good, on_incumbent=lambda _: None)
    assert again.objective is not None
    assert again.objective >= program.objective_at(good) - 1e-6


@each_solver
def test_a_start_may_leave_values_open(solver: Solver) -> None:
    builder = ProgramBuilder()
    x, y = builder.binary(), builder.column(0, 1)
    builder.add_objective(x, 1)
    builder.add_objective(y, 1)
    builder.row([x, y], [1, 1], upper=1.5)
    solution = solver.solve(builder.build(), start=np.array([1.0, np.nan]))
    assert solution.objective == pytest.approx(1.5)


@each_solver
def test_a_start_that_breaks_a_constraint_is_ignored(solver: Solver) -> None:
    builder = ProgramBuilder()
    x, y = builder.binary(), builder.binary()
    builder.add_objective(x, 1)
    builder.add_objective(y, 2)
    builder.row([x, y], [1, 1], upper=1)
    solution = solver.solve(builder.build(), start=np.array([1.0, 1.0]))
    assert solution.objective == pytest.approx(2)


@each_solver
def test_what_a_callback_raises_comes_out(solver: Solver) -> None:
    def fail(_point: Floats) -> None:
        raise ZeroDivisionError("from the callback")

    with pytest.raises(ZeroDivisionError, match="from the callback"):
        solver.solve(hard_program(), time_limit=20, on_incumbent=fail)


@each_solver
def test_an_unbounded_program_is_a_failure(solver: Solver) -> None:
    builder = ProgramBuilder()
    x = builder.column(0, np.inf, integer=True)
    builder.add_objective(x, 1)
    with pytest.raises(SolverFailure, match="ended with"):
        solver.solve(builder.build())


@each_solver
def test_solvers_print_nothing(solver: Solver, capfd: pytest.CaptureFixture[str]) -> None:
    solver.solve(hard_program(), time_limit=0.1)
    assert capfd.readouterr() == ("", "")


def test_a_linear_program_has_multipliers() -> None:
    builder = ProgramBuilder()
    x, y = builder.column(0, 5), builder.column(0, 5)
    builder.add_objective(x, 3)
    builder.add_objective(y, 1)
    builder.row([x, y], [1, 1], upper=4)
    builder.row([y], [1], lower=1)
    solution = SOLVERS["highs"]().solve(builder.build())
    assert solution.row_duals is not None
    # one more on the first limit is worth 3, one more on the second costs 2
    assert solution.row_duals.tolist() == pytest.approx([3, -2])


def split_program() -> MixedProgram:
    """One of two: the second is worth 2."""
    builder = ProgramBuilder()
    x, y = builder.binary(), builder.binary()
    builder.add_objective(x, 1)
    builder.add_objective(y, 2)
    builder.row([x, y], [1, 1], upper=1)
    return builder.build()


def own_highs(threads: int) -> float:
    """What a user's own HiGHS says of the same program, in this thread."""
    own = highspy.Highs()  # type: ignore[no-untyped-call]
    own.setOptionValue("output_flag", False)
    own.setOptionValue("threads", threads)
    x, y = own.addBinary(), own.addBinary()
    own.addConstr(x + y <= 1)
    assert own.maximize(x + 2 * y) == highspy.HighsStatus.kOk
    return float(own.getObjectiveValue())


@each_solver
def test_any_numbers_of_threads_in_any_order(solver: Solver) -> None:
    for threads in (2, 1, 3, 1, 2):
        assert solver.solve(split_program(), threads=threads).objective == pytest.approx(2)


def test_a_users_own_highs_and_ours_do_not_meet() -> None:
    found: list[float] = []

    def user() -> None:
        for threads in (2, 1):
            # a number of threads is for good in the thread that it was first asked in
            found.append(own_highs(2))
            found.append(SOLVERS["highs"]().solve(split_program(), threads=threads).objective or 0)

    thread = threading.Thread(target=user)
    thread.start()
    thread.join()
    assert found == pytest.approx([2, 2, 2, 2])


@each_solver
def test_a_solve_within_a_solve_has_its_own_number_of_threads(solver: Solver) -> None:
    inner: list[float | None] = []

    def nested(_point: Floats) -> None:
        inner.append(SOLVERS["highs"]().solve(split_program(), threads=1).objective)

    solver.solve(hard_program(), time_limit=0.3, threads=2, on_incumbent=nested)
    assert inner
    assert inner == pytest.approx([2] * len(inner))


@each_solver
def test_incumbents_come_in_the_thread_that_asked(solver: Solver) -> None:
    threads: set[int] = set()
    solver.solve(
        hard_program(),
        time_limit=0.3,
        on_incumbent=lambda _: threads.add(threading.get_ident()),
    )
    assert threads == {threading.get_ident()}


def test_a_refusal_to_run_is_a_failure() -> None:
    highs = new_highs({"threads": 1})
    check(highs.passModel(highspy.HighsLp()), "the program")

    def refuse() -> highspy.HighsStatus:
        return highspy.HighsStatus.kError

    highs.run = refuse
    with pytest.raises(SolverFailure, match="HiGHS refused to run"):
        run_highs(highs)


@pytest.mark.parametrize(("name", "value"), [("threads", -1), ("no_such_option", 1)])
def test_a_refused_option_is_a_failure(name: str, value: int) -> None:
    with pytest.raises(SolverFailure, match=f"HiGHS refused option {name} = {value}"):
        new_highs({name: value})


def test_gurobi_says_when_its_licence_is_too_small() -> None:
    need_package("gurobipy", "Gurobi")
    builder = ProgramBuilder()
    builder.columns(np.zeros(2001), np.ones(2001))
    with pytest.raises(
        SettingError,
        match=r"2001 variables and 0 constraints, more than Gurobi's licence .*another solver",
    ):
        Gurobi().solve(builder.build())


@pytest.mark.parametrize(
    ("solver", "package", "extra"),
    [(Gurobi(), "gurobipy", "gurobi"), (Scip(), "pyscipopt", "scip")],
)
def test_a_missing_package_is_named_with_its_extra(
    solver: Solver, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*pip install 'signflip\[{extra}\]'"):
        solver.solve(hard_program())


def test_solvers_are_found_by_name() -> None:
    assert [type(solver_named(name)).__name__.lower() for name in SOLVERS] == list(SOLVERS)


def test_an_unknown_solver_is_refused_with_the_names() -> None:
    with pytest.raises(SettingError, match=r"no solver is called 'cplex'.* highs, scip, gurobi"):
        solver_named("cplex")
