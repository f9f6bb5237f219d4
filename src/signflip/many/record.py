"""The record of a task: what was attacked, how, and what came of it.

There is no other form of a result. The table of a store, the frame of a report, the files of
`export` and the lines of `--out` follow from the fields of `Record`, see `columns`. A new column is
a field here, with a default for results that lack it, and what `answer` puts into it.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from signflip.arrays import Floats
from signflip.methods.spec import Description
from signflip.problem import GridName, Norm, Ties
from signflip.result import Stop, Verdict

FAILED = "failed"
"""What `Record.stop` says where there is no answer."""

_MARGIN, _DISTANCE = "margin", "distance"
_BOTH = (_MARGIN, _DISTANCE)


def _line(
    key: str, *measures: str, written: Callable[[Any], object] | None = None
) -> Mapping[str, object]:
    """That a field is in the lines of `--out`.

    Args:
        key: what it is called there.
        measures: whether in those of attacks, of the smallest epsilon, or by default of both.
        written: makes JSON of the value.
    """
    return {"key": key, "measures": measures or _BOTH, "written": written}


def word_of(stop: Stop) -> str:
    """What `Record.stop` says of an answer: `decided`, `time_limit`, ..."""
    return stop.name.lower()


def _word(value: Any) -> object:
    return None if value is None else value.value


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """What is known of one problem attacked by one method.

    Numbers that are objectives are ints where the network's output is plain.

    Attributes:
        key: `Task.key`.
        problem: `Task.problem_key`, the same for all methods.
        network: key of the network.
        image: key of the image.
        network_name: zoo name or file of the network.
        images_name: name or file of the data set.
        image_index: the image's place in it.
        label: its true class.
        prediction: the network's class for the clean image, which the attack starts from.
        target: the class to raise above it, or None for any.
        epsilon: radius of the ball, in the unit of the image.
        norm: of the distance that was to be small; None where the objective was to be large.
        tolerance: width to which the smallest epsilon was to be enclosed; None for an attack.
        time_limit: seconds, or None.
        method: name in `METHODS`; of a warm start, that of the method that goes on.
        series: the method's name in the grid.
        settings: the method with all its settings, as `describe` gives them.
        seed: the method's seed; 0 for one that draws nothing.
        verdict: what is certain; unknown if it failed.
        lower: no flip is as near as this: proved by the exact method, else the solver's word; None
            for an attack, and where there is said to be none.
        upper: the distance of the witness; None for an attack, and without one.
        closed: whether the enclosing of the smallest epsilon came to its end; None for an attack.
        stop: the `word_of` a `Stop`, or `FAILED`.
        failure: why there is no answer, as a sentence, or None.
        objective: objective (1) of the best image; of the clean image if it failed.
        clean_objective: objective (1) of the clean image.
        bound: no image of the ball has an objective above this; None where none is known.
        largest_conceivable: the paper's normaliser of the objective.
        seconds: time that the method took; the time limit if it failed.
        trace: (seconds, objective) of the clean image and of each improvement; (seconds, epsilon)
            of each nearer witness where the smallest epsilon was enclosed.
        ties: what a rival counted as that is level with the prediction.
        grid: which images counted, as they are kept; None for those of float64.
        mask: file of the mask, None where every pixel could change.
        remark: what else to know of the run, in sentences; empty for nothing.
        proof: name of the file with a proof of the answer; None where there is none.
        checked: whether `signflip check` accepted that proof; None where nobody asked.
        witness: (inputs,) float64, the best image; None if there is none.
        witness_prediction: its class; the clean image's if there is none. Where a target is
            overtaken as well, a flip is to a third class.
        flips_as_float32: whether the witness rounded to float32 still flips; None where there is no
            flip, and for results of versions that did not look.
        flips_as_8bit: the same of the nearest 8-bit image.
        found_by: the part of a portfolio that the answer is from; None where there is none, and
            where the method has no parts.
        host: name of the machine; empty if it failed.
        versions: package -> version, of the packages that made the result; none if it failed.
        finished: when, in UTC, ISO 8601.
    """

    key: str
    problem: str
    network: str
    image: str
    network_name: str = field(metadata=_line("network"))
    images_name: str = field(metadata=_line("images"))
    image_index: int = field(metadata=_line("index"))
    label: int = field(metadata=_line("label"))
    prediction: int = field(metadata=_line("prediction"))
    target: int | None = field(metadata=_line("target"))
    epsilon: float = field(metadata=_line("epsilon"))
    norm: Norm | None = field(default=None, metadata=_line("norm", _DISTANCE, written=_word))
    tolerance: float | None = field(default=None, metadata=_line("tolerance", _DISTANCE))
    time_limit: float | None
    method: str = field(metadata=_line("method"))
    series: str
    settings: Description
    seed: int = field(metadata=_line("seed"))
    verdict: Verdict = field(metadata=_line("verdict", written=lambda verdict: verdict.value))
    lower: float | None = field(default=None, metadata=_line("lower", _DISTANCE))
    upper: float | None = field(default=None, metadata=_line("upper", _DISTANCE))
    closed: bool | None = field(default=None, metadata=_line("closed", _DISTANCE))
    stop: str = field(metadata=_line("stop", _DISTANCE))
    failure: str | None
    objective: float = field(metadata=_line("objective", _MARGIN))
    clean_objective: float = field(metadata=_line("clean_objective", _MARGIN))
    bound: float | None = field(metadata=_line("bound", _MARGIN))
    largest_conceivable: float
    seconds: float = field(metadata=_line("seconds"))
    trace: tuple[tuple[float, float], ...] = field(metadata=_line("trace"))
    ties: Ties = field(default=Ties.NONE, metadata=_line("ties", written=lambda ties: ties.value))
    grid: GridName | None = field(default=None, metadata=_line("grid", written=_word))
    mask: str | None = field(default=None, metadata=_line("mask"))
    remark: str = field(default="", metadata=_line("remark"))
    proof: str | None = field(default=None, metadata=_line("proof"))
    checked: bool | None = None
    witness: Floats | None
    witness_prediction: int = field(metadata=_line("witness_prediction"))
    flips_as_float32: bool | None = field(default=None, metadata=_line("flips_as_float32"))
    flips_as_8bit: bool | None = field(default=None, metadata=_line("flips_as_8bit"))
    found_by: str | None = field(default=None, metadata=_line("found_by"))
    host: str
    versions: dict[str, str]
    finished: str

    @property
    def failed(self) -> bool:
        """Whether there is no answer."""
        return self.failure is not None

    @property
    def stopped(self) -> str:
        """Why the method stopped or failed, a sentence."""
        if self.failure is not None:
            return self.failure
        known = Stop.__members__.get(self.stop.upper())  # another Signflip may know others
        return self.stop if known is None else known.value

    def to_json(self) -> str:
        """The record as one line of `--out`, without its line end."""
        measure = _MARGIN if self.tolerance is None else _DISTANCE
        line = {}
        for column in fields(self):
            if measure in column.metadata.get("measures", ()):
                value, written = getattr(self, column.name), column.metadata["written"]
                line[column.metadata["key"]] = written(value) if written else value
        return json.dumps(line, allow_nan=False)


def number(value: float, *, plain: bool) -> float:
    """`value` as an int where the output is plain and so the objective is whole."""
    return int(value) if plain and value.is_integer() else value


def finite_bound(bound: float | None, *, plain: bool) -> float | None:
    """`bound` as records state it: None where a solver knows only infinity, which JSON lacks."""
    return None if bound is None or math.isinf(bound) else number(bound, plain=plain)
