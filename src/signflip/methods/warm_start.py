"""Any method, started from the best point of another one that ran for a short while."""

from dataclasses import dataclass, replace

from signflip.arrays import Floats
from signflip.attack import Lasting, Method, Outcome, Preparing, attack, check_method, refusal
from signflip.clock import Seconds
from signflip.errors import SettingError
from signflip.problem import Margin, Problem
from signflip.run import Run
from signflip.settings import check_number


@dataclass(frozen=True, kw_only=True)
class WarmStarted:
    """Runs `first` for some seconds, and then `then` from its best point, as in the paper's Fig. 6.

    One clock covers both: the time of the warm start is part of the result's.

    Attributes:
        first: the method of the warm start.
        seconds: its time limit.
        then: the method that goes on.

    Raises:
        SettingError: the time limit is negative or not finite.
    """

    first: Method
    seconds: Seconds
    then: Method

    def __post_init__(self) -> None:
        check_method(self.first, "the method of the warm start")
        check_method(self.then, "the method that goes on")
        check_number(seconds=self.seconds)
        if not 0 <= self.seconds < float("inf"):
            raise SettingError(
                f"the warm start's time limit is {self.seconds}; it must be 0 or more seconds, "
                "and finite"
            )

    def prepare(self) -> None:
        """Get both ready."""
        for method in (self.first, self.then):
            if isinstance(method, Preparing):
                method.prepare()

    def ready(self) -> bool:
        """Have both load what most problems need, where all is kept; whether it is."""
        return all(
            not isinstance(method, Preparing) or (isinstance(method, Lasting) and method.ready())
            for method in (self.first, self.then)
        )

    def refuses(self, problem: Problem) -> str | None:
        """What the method that goes on refuses; the first one is after the objective."""
        first = refusal(self.first, replace(problem, measure=Margin()))
        return refusal(self.then, problem) if first is None else first

    def run(self, run: Run) -> Outcome:
        """Run both, one after the other, on the run's clock."""
        attack(
            replace(run.problem, measure=Margin()),
            self.first,
            time_limit=run.clock.sub_limit(self.seconds),
            start=run.witness,
            on_improvement=lambda _seconds, _objective, image: _offer(run, image),
        )
        return self.then.run(run)


def _offer(run: Run, image: Floats) -> None:
    run.offer(image)
