"""The loop of a sweep: what the store lacks is run, and each answer is stored as it comes."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

from signflip.many.executor import Executor
from signflip.many.plan import Attempt, Plan
from signflip.many.record import finite_bound
from signflip.many.store import FAILED, ResultRow, Store
from signflip.many.task import Answer
from signflip.many.workers import Failure
from signflip.network import BinaryNetwork
from signflip.result import Verdict


def attempts_left(
    attempts: Sequence[Attempt], store: Store, *, retry_failed: bool = False
) -> tuple[Attempt, ...]:
    """The attempts that the store has no row of; with `retry_failed`, or has a failed one of."""
    done = store.keys(failed=not retry_failed)
    return tuple(attempt for attempt in attempts if attempt.key not in done)


def run_sweep(
    plan: Plan, attempts: Sequence[Attempt], store: Store, executor: Executor
) -> Generator[ResultRow]:
    """Run attempts of a plan; yields each row when it is in the store.

    A generator: closing it ends the executor's work. What was stored stays, whatever happens.

    Args:
        plan: the plan.
        attempts: some of `plan.attempts()`, such as `attempts_left` gives.
        store: gets the rows, and the networks and images that they name.
        executor: runs the attempts.

    Raises:
        SignflipError: the store cannot be written, or the executor cannot go on.
    """
    networks = {attempt.case.network: plan.networks[attempt.case.network] for attempt in attempts}
    _store_inputs(plan.names, networks, attempts, store)
    rows = _Rows(networks)
    by_task = {attempt.task: attempt for attempt in attempts}  # tasks are equal to themselves only
    with closing(executor.run((attempt.task for attempt in attempts), networks)) as answers:
        for together in answers:
            new = [rows.row(by_task.pop(task), answer) for task, answer in together]
            with store.transaction():
                for row in new:
                    store.add(row)
            yield from new


def _store_inputs(
    names: Mapping[str, str],
    networks: Mapping[str, BinaryNetwork],
    attempts: Sequence[Attempt],
    store: Store,
) -> None:
    with store.transaction():
        for key, network in networks.items():
            store.add_network(names[key], network)
        for case in {attempt.case: None for attempt in attempts}:
            store.add_image(case.image)


class _Rows:
    """Makes rows of answers."""

    def __init__(self, networks: Mapping[str, BinaryNetwork]) -> None:
        self._networks = networks
        self._conceivable: dict[tuple[str, int, int | None], float] = {}

    def row(self, attempt: Attempt, answer: Answer | Failure) -> ResultRow:
        case, series = attempt.case, attempt.series
        row = partial(
            ResultRow,
            key=attempt.key,
            problem=attempt.task.problem_key,
            network=case.network,
            image=attempt.task.image_key,
            network_name=case.network_name,
            images_name=case.images_name,
            image_index=case.index,
            label=case.label,
            prediction=case.prediction,
            target=case.target,
            epsilon=attempt.epsilon,
            time_limit=series.time_limit,
            method=series.kind,
            series=series.name,
            settings=series.settings,
            seed=series.seed,
            largest_conceivable=self._largest_conceivable(attempt),
        )
        if isinstance(answer, Failure):
            problem = case.problem(self._networks[case.network], attempt.epsilon)
            clean_objective = float(problem.clean.value)
            return row(
                verdict=Verdict.UNKNOWN,
                stop=FAILED,
                failure=answer.reason,
                objective=clean_objective,
                clean_objective=clean_objective,
                bound=None,
                seconds=series.time_limit,
                trace=((0.0, clean_objective),),
                witness=None,
                witness_prediction=case.prediction,
                host="",
                versions={},
                finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
        result = answer.result
        return row(
            verdict=result.verdict,
            stop=result.stop.name,
            failure=None,
            objective=result.objective,
            clean_objective=result.clean_objective,
            bound=finite_bound(result.bound, plain=False),
            seconds=result.seconds,
            trace=result.trace,
            witness=result.witness,
            witness_prediction=result.witness_prediction,
            host=answer.host,
            versions=answer.versions,
            finished=answer.finished,
        )

    def _largest_conceivable(self, attempt: Attempt) -> float:
        case = attempt.case
        key = (case.network, case.prediction, case.target)  # it depends on these only
        if key not in self._conceivable:
            problem = case.problem(self._networks[case.network], attempt.epsilon)
            self._conceivable[key] = problem.largest_conceivable
        return self._conceivable[key]
