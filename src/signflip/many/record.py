"""The record of one attack: a line of JSON that scripts and reports read."""

import json
import math
from dataclasses import dataclass

from signflip.problem import Ties
from signflip.result import Verdict

Number = int | float


@dataclass(frozen=True, kw_only=True)
class AttackRecord:
    """What was attacked, how, and what came of it.

    Attributes:
        network: zoo name or file of the network.
        images: name or file of the data set.
        index: the image's place in the data set.
        label: the image's true class.
        prediction: the class of the clean image, which the attack starts from.
        target: the class to raise above it, or None for any.
        epsilon: radius of the ball, in the unit of the image.
        method: name of the method.
        seed: seed of the method.
        verdict: what is certain.
        objective: objective (1) of the best image; an int where the network's output is plain.
        clean_objective: objective (1) of the clean image, likewise.
        bound: no image of the ball has an objective above this; None where none is known.
        seconds: time that the method took.
        trace: (seconds, objective) of the clean image and of each improvement.
        ties: what a rival counted as that is level with the prediction.
    """

    network: str
    images: str
    index: int
    label: int
    prediction: int
    target: int | None
    epsilon: float
    method: str
    seed: int
    verdict: Verdict
    objective: Number
    clean_objective: Number
    bound: Number | None
    seconds: float
    trace: tuple[tuple[float, Number], ...]
    ties: Ties = Ties.NONE

    def to_json(self) -> str:
        """The record as one line of JSON, without its line end; keys in the order above."""
        values = {**vars(self), "verdict": self.verdict.value, "ties": self.ties.value}
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "AttackRecord":
        """The record that `to_json` wrote as `line`."""
        values = json.loads(line)
        values["verdict"] = Verdict(values["verdict"])
        values["ties"] = Ties(values.get("ties", Ties.NONE))  # older lines have none
        values["trace"] = tuple((seconds, objective) for seconds, objective in values["trace"])
        return cls(**values)


def number(value: float, *, plain: bool) -> Number:
    """`value` as an int where the output is plain and so the objective is whole."""
    return int(value) if plain and value.is_integer() else value


def finite_bound(bound: float | None, *, plain: bool) -> Number | None:
    """`bound` as records state it: None where a solver knows only infinity, which JSON lacks."""
    return None if bound is None or math.isinf(bound) else number(bound, plain=plain)
