"""The row of a result: one problem attacked by one method."""

from dataclasses import dataclass

from signflip.arrays import Floats
from signflip.methods.spec import Description
from signflip.result import Verdict

FAILED = "FAILED"
"""What `ResultRow.stop` says of a row without an answer; else it is the name of a `Stop`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ResultRow:
    """What is known of one problem attacked by one method; the columns of table `results`.

    Attributes:
        key: `Task.key`.
        problem: `Task.problem_key`, the same for all methods.
        network: key of the network.
        image: key of the image.
        network_name: the network's name in the grid.
        images_name: the data set's name.
        image_index: the image's place in it.
        label: its true class.
        prediction: the network's class for the clean image.
        target: the class to raise above it, or None for any.
        epsilon: radius of the ball, in the unit of the image.
        time_limit: seconds.
        method: name in `METHODS`; of a warm start, that of the method that goes on.
        series: the method's name in the grid.
        settings: the method with all its settings, as `describe` gives them.
        seed: the method's seed; 0 for one that draws nothing.
        verdict: what is certain; unknown if it failed.
        stop: name of the `Stop`, or `FAILED`.
        failure: why there is no answer, as a sentence, or None.
        objective: objective (1) of the best image; of the clean image if it failed.
        clean_objective: objective (1) of the clean image.
        bound: no image of the ball has an objective above this; None where none is known.
        largest_conceivable: the paper's normaliser of the objective.
        seconds: time that the method took; the time limit if it failed.
        trace: (seconds, objective) of the clean image and of each improvement.
        witness: (inputs,) float64, the best image; None if it failed.
        witness_prediction: its class; the clean image's if it failed.
        host: name of the machine; empty if it failed.
        versions: package -> version, of the packages that made the result; none if it failed.
        finished: when, in UTC, ISO 8601.
    """

    key: str
    problem: str
    network: str
    image: str
    network_name: str
    images_name: str
    image_index: int
    label: int
    prediction: int
    target: int | None
    epsilon: float
    time_limit: float
    method: str
    series: str
    settings: Description
    seed: int
    verdict: Verdict
    stop: str
    failure: str | None
    objective: float
    clean_objective: float
    bound: float | None
    largest_conceivable: float
    seconds: float
    trace: tuple[tuple[float, float], ...]
    witness: Floats | None
    witness_prediction: int
    host: str
    versions: dict[str, str]
    finished: str
