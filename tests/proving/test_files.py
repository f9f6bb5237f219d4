"""`attack(..., proof=)`: a file of what is certain, and why there is none."""

import errno
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip import Distance, Norm, Problem, Stop, Ties, Untargeted, Verdict, attack
from signflip.errors import SettingError
from signflip.methods import Exact, Fgsm
from signflip.methods.search_goal import SearchGoal
from signflip.proof.check import Proved, check
from signflip.proof.claim import sentences
from signflip.proving import files
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
from tests.support.tiny import tiny_network

NETWORK = tiny_network()
IMAGE = np.linspace(0.1, 0.9, 16)


def proved(path: Path) -> Proved:
    return check(path.read_bytes(), NETWORK)


def problem(epsilon: float) -> Problem:
    return Problem.ball(NETWORK, IMAGE, epsilon=epsilon, goal=Untargeted(), ties=Ties.PREDICT)


def test_robust_comes_with_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    result = attack(problem(0.01), Exact(), proof=path)
    assert result.verdict is Verdict.ROBUST
    found = proved(path)
    sentence = sentences(found, NETWORK.classes)[0]
    assert sentence.startswith("Within epsilon 0.01 of the image, every image has the class")
    assert np.array_equal(found.content.image, IMAGE)


def test_a_flip_comes_with_its_witness(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    result = attack(problem(0.5), Exact(), proof=str(path))
    assert result.verdict is Verdict.FLIPPED
    found = proved(path)
    assert found.content.bound is None
    assert found.content.witness is not None
    assert np.array_equal(found.content.witness, result.witness)
    assert found.values.index(max(found.values)) == result.witness_prediction


@pytest.mark.parametrize("epsilon", [0.01, 0.2])
def test_an_optimum_comes_with_bound_and_witness(epsilon: float, tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    result = attack(problem(epsilon), Exact(goal=SearchGoal.OPTIMISE), proof=path)
    found = proved(path)
    assert found.content.bound == Fraction(result.objective)
    assert "the largest that there is" in " ".join(sentences(found, NETWORK.classes))


def test_an_optimum_whose_proof_does_not_end_comes_with_the_flip_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(whole: Problem, *, bound: Fraction | None, **others: Any) -> bytes:
        if bound is not None:
            raise NoProofError("time was out before all cases were refuted")
        return proof_of(whole, bound=bound, **others)

    monkeypatch.setattr(files, "proof_of", late)
    path = tmp_path / "a.proof"
    result = attack(problem(0.2), Exact(goal=SearchGoal.OPTIMISE), proof=path)
    assert (result.stop, result.verdict) == (Stop.OPTIMAL, Verdict.FLIPPED)
    assert result.remark == (
        "The proof shows the flip, and not that no image is better: time was out before all cases "
        "were refuted."
    )
    found = proved(path)
    assert found.content.bound is None
    assert found.content.witness is not None
    assert np.array_equal(found.content.witness, result.witness)


def test_the_lower_end_of_a_distance_comes_with_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    asked = replace(problem(0.5), measure=Distance(Norm.LINF, 0.01))
    result = attack(asked, Exact(), proof=path)
    assert result.verdict is Verdict.FLIPPED
    assert result.bound is not None
    assert result.bound > 0
    assert proved(path).content.epsilon == result.bound
    assert proved(path).content.bound == 0


def test_a_region_that_is_cut_claims_no_ball(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    whole = problem(0.01)
    box = replace(whole.box, upper=IMAGE)
    attack(replace(whole, region=box), Exact(), proof=path)
    assert proved(path).content.epsilon is None


def test_where_nothing_is_certain_the_remark_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    result = attack(problem(0.01), Fgsm(), proof=path)
    assert result.verdict is Verdict.UNKNOWN
    assert "No proof was written: nothing is certain." in result.remark
    assert not list(tmp_path.iterdir())


def test_no_proof_of_an_earlier_answer_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.proof"
    assert attack(problem(0.01), Exact(), proof=path).verdict is Verdict.ROBUST
    result = attack(problem(0.01), Fgsm(), proof=path)
    assert result.verdict is Verdict.UNKNOWN
    assert not path.exists()


def test_an_old_proof_that_cannot_be_removed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(SettingError, match=r"cannot be removed \(Permission denied\)"):
        attack(problem(0.01), Exact(), proof=tmp_path / "a.proof")


def test_a_path_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is a folder"):
        attack(problem(0.01), Exact(), proof=tmp_path)
    with pytest.raises(SettingError, match="make it first"):
        attack(problem(0.01), Exact(), proof=tmp_path / "none" / "a.proof")


@pytest.mark.parametrize("path", [3, True, b"a.proof", "a\0.proof"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(SettingError, match=r"^the file of the proof is .*; it must be a path"):
        attack(problem(0.01), Fgsm(), proof=path)


def test_an_answer_whose_proof_cannot_be_written_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(files, "write_bytes", full)
    path = tmp_path / "a.proof"
    result = attack(problem(0.01), Exact(), proof=path)
    assert result.verdict is Verdict.ROBUST
    assert result.remark == f"The proof cannot be written to {path} (No space left on device)."
