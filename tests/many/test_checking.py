"""Whether the proof beside an answer is one of that answer, for a sweep's store."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signflip.many.checking import check_proofs, proofs_folder
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.sweep import run_sweep
from signflip.methods import Exact
from signflip.result import Verdict
from tests.support.sweeps import HereExecutor, series, tiny_plan

EPSILONS = (0.02, 0.05, 0.3)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Answers of exact with proofs, some robust and some flipped."""
    path = tmp_path / "results.db"
    plan = tiny_plan(series("exact", Exact()), images=4, epsilons=EPSILONS)
    plan = plan.with_proofs(proofs_folder(path))
    proofs_folder(path).mkdir()
    with Store.open(path, create=True) as opened:
        found = list(run_sweep(plan, plan.tasks(), opened, HereExecutor()))
    assert {record.verdict for record in found} == {Verdict.FLIPPED, Verdict.ROBUST}
    return path


def faults(path: Path) -> dict[str, str | None]:
    """By the name of the proof: what is wrong with it."""
    with Store.open(path) as opened:
        found = {str(record.proof): fault for record, fault in check_proofs(opened)}
        kept = {str(r.proof): r.checked for r in opened.records("WHERE proof IS NOT NULL")}
    assert kept == {name: fault is None for name, fault in found.items()}
    return found


def answers(path: Path, verdict: Verdict) -> list[Record]:
    with Store.open(path) as opened:
        found = [record for record in opened.records() if record.verdict is verdict]
    return sorted(found, key=lambda record: (record.image_index, record.epsilon))


def test_each_answer_has_its_proof(store: Path) -> None:
    with Store.open(store) as opened:
        assert {record.checked for record in opened.records()} == {None}
    found = faults(store)
    assert len(found) == 4 * len(EPSILONS)
    assert set(found.values()) == {None}


def swapped(store: Path, this: Record, other: Record) -> str | None:
    """What is wrong where an answer has the proof of another one."""
    folder = proofs_folder(store)
    shutil.copy(folder / str(other.proof), folder / str(this.proof))
    return faults(store)[str(this.proof)]


def pair(records: list[Record], fits: Callable[[Record, Record], bool]) -> tuple[Record, Record]:
    return next((a, b) for a in records for b in records if fits(a, b))


def test_a_proof_of_another_image_is_none(store: Path) -> None:
    robust = answers(store, Verdict.ROBUST)
    this, other = pair(robust, lambda a, b: a.image != b.image)
    assert swapped(store, this, other) == "answer: the proof is of another image"


def test_a_proof_of_a_smaller_box_is_none_and_of_a_larger_one_is(store: Path) -> None:
    robust = answers(store, Verdict.ROBUST)
    large, small = pair(robust, lambda a, b: a.image == b.image and a.epsilon > b.epsilon)
    assert swapped(store, small, large) is None


def test_a_proof_of_less_is_none(store: Path) -> None:
    robust = answers(store, Verdict.ROBUST)
    large, small = pair(robust, lambda a, b: a.image == b.image and a.epsilon > b.epsilon)
    fault = swapped(store, large, small)
    assert fault is not None
    assert fault.startswith("answer: the proof is of a box that does not hold all images within")


def test_a_witness_is_no_proof_that_there_is_none(store: Path) -> None:
    robust, flipped = opposites(store)
    assert swapped(store, robust, flipped) == "answer: the proof does not exclude a flip"


def test_a_proof_that_there_is_none_is_no_witness(store: Path) -> None:
    robust, flipped = opposites(store)
    assert swapped(store, flipped, robust) == "answer: the witness of the proof does not flip"


def opposites(store: Path) -> tuple[Record, Record]:
    """Two answers for one image, robust and flipped."""
    robust, flipped = answers(store, Verdict.ROBUST), answers(store, Verdict.FLIPPED)
    return next((a, b) for a in robust for b in flipped if a.image == b.image)


def test_a_witness_beyond_the_ball_is_none(store: Path) -> None:
    robust, flipped = opposites(store)
    with Store.open(store) as opened:
        statement = "UPDATE results SET epsilon = ? WHERE key = ?"
        opened.connection.execute(statement, (robust.epsilon, flipped.key))
    fault = faults(store)[str(flipped.proof)]
    assert fault == f"answer: the witness of the proof is not within {robust.epsilon!r}"
