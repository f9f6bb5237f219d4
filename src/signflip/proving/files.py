"""The proof file of an attack's answer."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from signflip.clock import Clock
from signflip.errors import SettingError
from signflip.exact.factor_search import compile_factors
from signflip.files import write_bytes
from signflip.milp.perturbation import ball_of
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.patterns.space import PatternSpace
from signflip.preparation import Preparation
from signflip.problem import NO_FLIP, Margin, Norm, Problem
from signflip.proof.container import Steps
from signflip.proving.enumerated import compile_enumerated
from signflip.proving.hard import compile_frames
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
from signflip.proving.recording import Recording
from signflip.result import Stop, Verdict
from signflip.search import Search


def _compile() -> None:
    """Make a small proof; after the first time on a machine what does is loaded from a cache."""
    layer = SignLayer.dense([[1, 1], [-1, -1]], [1.0, -1.0])
    output = OutputLayer(np.array([[1, 1], [-1, 1]], dtype=np.int8), np.ones(2), np.zeros(2))
    problem = Problem.ball(BinaryNetwork((layer,), output), [0.5, 0.4], epsilon=0.2)
    proof_of(problem, bound=Fraction(2), clock=Clock.start(None))
    two = Problem.ball(BinaryNetwork((layer, layer), output), [0.5, 0.4], epsilon=0.2)
    compile_frames(PatternSpace.of(two))
    compile_enumerated(PatternSpace.of(two))
    compile_factors(proofs=True)


PROOFS = Preparation("proofs", _compile)


class ProofFile:
    """The file of the proof of one attack's answer.

    Args:
        path: of the file.

    Raises:
        SettingError: no file can be written to that path.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise SettingError(f"the path of the proof, {path}, is a folder; name a file")
        if not path.parent.is_dir():
            raise SettingError(f"{path.parent} is no folder for a proof; make it first")
        if not PROOFS.ready():
            PROOFS.load()
        self._path = path

    def listen(self, search: Search) -> None:
        """Follow a search that begins; its clock limits the proof, too.

        A file of an earlier answer is removed: this one may have no proof.

        Raises:
            SettingError: it cannot be removed.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise SettingError(
                f"the old proof {self._path} cannot be removed ({error.strerror}); name another "
                "file"
            ) from error
        self._search, self._recording = search, Recording(search.clock)
        search.listener = self._recording

    def write(self, verdict: Verdict, stop: Stop, bound: float | Fraction | None) -> str:
        """Write the proof of the search's answer, if there is one.

        Args:
            verdict: what is certain.
            stop: why the method ended.
            bound: what it proved.

        Returns:
            What was not written, and why: the file, or, where only the flip is shown, that no image
            is better; empty if nothing lacks.
        """
        lacking = ""
        try:
            data = self._proof(verdict, stop, bound)
        except NoProofError as error:
            of_a_flip = verdict is Verdict.FLIPPED and stop is Stop.OPTIMAL
            if not of_a_flip or self._search.problem.measure.norm is not None:
                return f"No proof was written: {error}."
            data = self._witness()
            lacking = f"The proof shows the flip, and not that no image is better: {error}."
        finally:
            self._recording.let_go()
        write_bytes(self._path, data)
        return lacking

    def _proof(self, verdict: Verdict, stop: Stop, bound: float | Fraction | None) -> bytes:
        search, problem, clock = self._search, self._search.problem, self._search.clock
        if problem.measure.norm is not None:
            return _proof_of_distance(problem, verdict, bound, clock)
        if verdict is Verdict.UNKNOWN:
            raise NoProofError("nothing is certain")
        if stop is Stop.OPTIMAL:
            tied = problem.tied_rivals if verdict is Verdict.ROBUST and search.value == 0 else ()
            return proof_of(
                problem,
                bound=search.value,
                strict=tied,
                witness=search.witness,
                clock=clock,
                steps=self._recording.steps(search.standing),
            )
        if verdict is Verdict.FLIPPED:
            return self._witness()
        return _proof_of_no_flip(problem, clock, self._recording.steps(NO_FLIP))

    def _witness(self) -> bytes:
        search = self._search
        return proof_of(search.problem, bound=None, witness=search.witness, clock=search.clock)


def _proof_of_no_flip(problem: Problem, clock: Clock, steps: Steps | None = None) -> bytes:
    return proof_of(
        problem, bound=Fraction(0), strict=problem.tied_rivals, clock=clock, steps=steps
    )


def _proof_of_distance(
    problem: Problem, verdict: Verdict, bound: float | Fraction | None, clock: Clock
) -> bytes:
    """That no image flips that is nearer than the bound: of the lower end of an interval."""
    inside = replace(problem, measure=Margin())
    if verdict is Verdict.ROBUST:
        return _proof_of_no_flip(inside, clock)
    if problem.measure.norm is not Norm.LINF or not bound:
        raise NoProofError("no distance is proved to hold no flip")
    ball = ball_of(problem, Norm.LINF, float(bound))
    return _proof_of_no_flip(replace(inside, region=ball), clock)
