"""What comes of a task, in the process that runs it: its record, or why there is none."""

import math
import platform
import socket
import traceback
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from signflip.attack import attack
from signflip.errors import MissingExtraError, SignflipError
from signflip.many.record import FAILED, Record, finite_bound, number, word_of
from signflip.many.task import Task
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork
from signflip.problem import Distance, Norm, Problem
from signflip.programs import SolverFailure
from signflip.result import AttackResult, Stop, Verdict


def run_task(task: Task, network: BinaryNetwork) -> Record | Failure:
    """Run a task in this process; a method or a solver that refuses or gives up makes it a failure.

    Args:
        task: the task.
        network: the network that `task.case.network` is the key of.

    Raises:
        MissingExtraError: a solver's package is not installed here.
    """
    try:
        return _answer(task, task.problem(network))
    except MissingExtraError:  # a fault of the machine: all tasks of the method would fail here
        raise
    except SolverFailure as error:
        return Failure(f"the solver gave up: {error}")
    except SignflipError as error:
        return Failure(str(error))
    except MemoryError as error:
        return Failure(f"memory is used up ({error}); give it fewer workers, or a larger machine")
    except Exception as error:  # one task never ends the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failure(
            f"an error of Signflip, please report it: {type(error).__name__}: {error} "
            f"({Path(place.filename).name}, line {place.lineno})"
        )


def _answer(task: Task, problem: Problem) -> Record:
    proof = task.proof
    if proof is not None:
        proof.unlink(missing_ok=True)  # of an earlier run: this answer may have none
    result = attack(problem, task.series.method, time_limit=task.series.time_limit, proof=proof)
    plain, measure = problem.network.output.plain, task.case.terms.measure
    of_distance = isinstance(measure, Distance)
    return _record(
        task,
        problem,
        verdict=result.verdict,
        lower=_lower(task, result) if of_distance else None,
        upper=result.distance,
        closed=result.stop is Stop.DECIDED if of_distance else None,
        stop=word_of(result.stop),
        remark=result.remark,
        proof=proof.name if proof is not None and proof.exists() else None,
        failure=None,
        objective=number(result.objective, plain=plain),
        bound=None if of_distance else finite_bound(result.bound, plain=plain),
        seconds=round(result.seconds, 6),
        trace=tuple(
            (round(seconds, 6), number(figure, plain=plain and not of_distance))
            for seconds, figure in result.trace
        ),
        witness=result.flip if of_distance else result.witness,
        witness_prediction=result.witness_prediction,
        flips_as_float32=result.flips_as_float32,
        flips_as_8bit=result.flips_as_8bit,
        found_by=result.found_by,
        host=socket.gethostname(),
        versions=versions(),
    )


def _lower(task: Task, result: AttackResult) -> float | None:
    """No flip is nearer; of epsilons the largest that was asked for, where there is none at all."""
    if result.bound is None or task.case.terms.measure.norm is Norm.LINF:
        return None if result.bound is None else min(task.epsilon, result.bound)
    return result.bound if math.isfinite(result.bound) else None


def failed_record(task: Task, reason: str, network: BinaryNetwork) -> Record:
    """The record of a task that has no answer.

    Args:
        task: the task.
        reason: why, a sentence.
        network: the network that `task.case.network` is the key of.
    """
    problem = task.problem(network)
    clean = number(float(problem.clean.value), plain=network.output.plain)
    of_distance = isinstance(task.case.terms.measure, Distance)
    return _record(
        task,
        problem,
        verdict=Verdict.UNKNOWN,
        lower=0.0 if of_distance else None,
        closed=False if of_distance else None,
        stop=FAILED,
        failure=reason,
        objective=clean,
        bound=None,
        seconds=task.series.time_limit or 0.0,
        trace=() if of_distance else ((0.0, clean),),
        witness=None,
        witness_prediction=task.case.prediction,
        host="",
        versions={},
    )


def _record(task: Task, problem: Problem, **came: Any) -> Record:
    """The record of a task, and of what came of it."""
    case, series, terms = task.case, task.series, task.case.terms
    measure = terms.measure
    return Record(
        key=task.key,
        problem=task.problem_key,
        network=case.network,
        image=case.image_key,
        network_name=case.network_name,
        images_name=case.images_name,
        image_index=case.index,
        label=case.label,
        prediction=case.prediction,
        target=case.target,
        ties=terms.ties,
        grid=terms.grid,
        mask=None if terms.mask is None else terms.mask.name,
        epsilon=task.epsilon,
        norm=measure.norm,
        tolerance=measure.tolerance if isinstance(measure, Distance) else None,
        time_limit=series.time_limit,
        method=series.kind,
        series=series.name,
        settings=series.settings,
        seed=series.seed,
        clean_objective=number(float(problem.clean.value), plain=problem.network.output.plain),
        largest_conceivable=problem.largest_conceivable,
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        **came,
    )


@cache
def versions() -> dict[str, str]:
    """Python and the packages that can change a result; an optional one only if it is there."""
    # here, and not above: it takes a tenth of the time that a command takes to start, and the
    # command itself asks for none
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("signflip", "numpy", "numba", "highspy", "pyscipopt", "gurobipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
