"""What an attack found: one class for every method."""

from dataclasses import dataclass
from enum import Enum

from signflip.arrays import Floats


class Verdict(Enum):
    """What is certain about an image and its box."""

    FLIPPED = "flipped"
    """A witness was replayed in exact arithmetic."""
    ROBUST = "robust"
    """There is a proof that no image of the box flips."""
    UNKNOWN = "unknown"
    """Neither."""


class Stop(Enum):
    """Why a method stopped, as a sentence."""

    DECIDED = "The question was decided."
    OPTIMAL = "The optimum was found and proved."
    CLAIMED_OPTIMAL = (
        "The solver claims the optimum; that is no proof, use the exact method for one."
    )
    CLAIMED_ROBUST = (
        "The solver claims that there is no flip; that is no proof, use the exact method for one."
    )
    LOCAL_OPTIMUM = "No step from the best point improves it; try another seed or a warm start."
    BUDGET = "The settings' iterations were used up; raise them for a stronger attack."
    TIME_LIMIT = "The time limit was reached; raise it for a stronger attack."
    IMPRECISE = (
        "All was searched; what is left open is finer than float64: real points may be better than "
        "the best image, but no image was found among them."
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class AttackResult:
    """The answer of `attack`.

    Attributes:
        verdict: what is certain.
        witness: (inputs,) float64, the best image found; the clean image if none was better.
        objective: objective (1) of the witness, replayed in exact arithmetic and then rounded.
        clean_objective: objective (1) of the clean image.
        bound: no image of the region has an objective above this; None where the method has no
            bound. A proof for the exact method; the solver's word for the MILP. Where the problem's
            measure is a distance: no flip is nearer than this; infinite where there is none.
        distance: where the measure is a distance: that of the witness to the clean image, computed
            exactly and rounded up; None where no flip was found, and for other measures.
        prediction: the class of the clean image.
        witness_prediction: the class of the witness.
        seconds: the time that the method took.
        trace: (seconds, objective) of the clean image and of each improvement; or (seconds,
            distance) of each nearer flip.
        stop: why the method stopped.
        remark: what else to know of the run, in sentences; empty for nothing.
        flips_as_float32: whether the witness, rounded to float32, still flips. It may leave the
            region by the rounding. None where there is no flip.
        flips_as_8bit: the same for the nearest 8-bit image, `GridName.EIGHT_BIT`.
        found_by: the part of a portfolio that the witness is from, or the proof where it is robust:
            "intervals", "walk", "around", "gradient" or "exact"; None where the method has no
            parts, or nothing was found.
    """

    verdict: Verdict
    witness: Floats
    objective: float
    clean_objective: float
    bound: float | None
    distance: float | None
    prediction: int
    witness_prediction: int
    seconds: float
    trace: tuple[tuple[float, float], ...]
    stop: Stop
    remark: str = ""
    flips_as_float32: bool | None = None
    flips_as_8bit: bool | None = None
    found_by: str | None = None

    @property
    def flip(self) -> Floats | None:
        """(inputs,) float64, the witness if it flips, else None."""
        return self.witness if self.verdict is Verdict.FLIPPED else None
