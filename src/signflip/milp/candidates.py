"""A solver's points as candidates: replayed, mended where they fail, refused where they cannot be.

A program is a relaxation (see `signflip.milp.encoding`), so its optimum may be a pattern of the
first layer that no image has. Such a pattern is cut off, and the program is solved again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from signflip.arrays import Floats, Signs
from signflip.clock import Clock
from signflip.milp.encoding import EncodedNetwork
from signflip.patterns.realise import Realisation
from signflip.programs.program import MixedProgram
from signflip.programs.solver import SolverFailure

Accept = Callable[[Floats, float], bool]
"""Offered an image (inputs,) and what the solver claims that it is worth; whether the best witness
so far is now at least as good as the claim."""

Mend = Callable[[Signs, float], Realisation]
"""Given the signs (neurons,) that a point asks of the first layer and a time limit in seconds: an
image that has them."""


@dataclass(kw_only=True)
class Candidates:
    """What becomes of the points of one program, over all solves of it.

    Attributes:
        network: what the points mean.
        accept: replays an image.
        mend: finds another image with a point's pattern.
        clock: the run's.
        cuts: patterns that no image was found for, since `take_cuts`.
        doubtful: the best claim among the patterns that were cut off without a proof that no image
            has them; None if there is none.
    """

    network: EncodedNetwork
    accept: Accept
    mend: Mend
    clock: Clock
    cuts: dict[bytes, Signs] = field(default_factory=dict)
    doubtful: float | None = None
    _seen: set[bytes] = field(default_factory=set)

    def consider(self, point: Floats, claim: float) -> None:
        """Turn a point (columns,) that the solver claims to be worth `claim` into a witness.

        Its image is replayed. If that is worth less, another image with the same first-layer
        pattern is looked for, with room for rounding, and replayed; and if that fails, the pattern
        is to be cut off.
        """
        if self.accept(self.network.image(point), claim) or self.clock.expired():
            return
        demand = self.network.demand(point)
        if demand.tobytes() in self._seen:
            return
        found = self.mend(demand, self.clock.remaining())
        if found.image is not None and self.accept(found.image, claim):
            return
        if found.image is None and not found.refused and self.clock.expired():
            return
        self._seen.add(demand.tobytes())
        self.cuts[found.conflict.tobytes()] = found.conflict
        if not found.refused:
            self.doubtful = claim if self.doubtful is None else max(self.doubtful, claim)

    def cover(self, bound: float) -> float:
        """A bound of the program as it is now, raised to cover the doubtful patterns."""
        return bound if self.doubtful is None else max(bound, self.doubtful)

    def take_cuts(self, program: MixedProgram) -> MixedProgram:
        """The program without the patterns that failed since the last call.

        Raises:
            SolverFailure: none failed, so that solving again would only repeat the answer.
        """
        if not self.cuts:
            raise SolverFailure(
                "the solver's best point breaks its own program: its objective cannot be replayed, "
                "and its first-layer pattern was cut off before"
            )
        for conflict in self.cuts.values():
            program = self.network.without(program, conflict)
        self.cuts.clear()
        return program
