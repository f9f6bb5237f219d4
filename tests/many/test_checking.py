"""Whether the proof beside an answer is one of that answer, for a sweep's store."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signflip.arrays import Booleans
from signflip.many.checking import check_proofs, proofs_folder
from signflip.many.proved_masks import mask_of
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.sweep import run_sweep
from signflip.many.task import problem_key
from signflip.methods import Exact
from signflip.network import InputRange
from signflip.problem import Distance, GridName, Mask, Norm, Target, Terms, Ties
from signflip.result import Verdict
from tests.support.sweeps import HereExecutor, image_set, result_row, series, tiny_plan
from tests.support.tiny import INPUTS

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


def test_a_store_that_may_not_be_written_is_checked_and_stays_as_it_is(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.read_bytes()
    monkeypatch.setattr("signflip.many.store._may_write", lambda _: False)
    with Store.open(store) as opened:
        found = [fault for _, fault in check_proofs(opened)]
    assert found == [None] * 4 * len(EPSILONS)
    assert store.read_bytes() == before


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


def altered(store: Path, record: Record, **changes: object) -> str | None:
    """What is wrong with an answer's proof where the answer was altered."""
    names = ", ".join(f"{name} = ?" for name in changes)
    with Store.open(store) as opened:
        statement = f"UPDATE results SET {names} WHERE key = ?"
        opened.connection.execute(statement, (*changes.values(), record.key))
        (fault,) = (found for each, found in check_proofs(opened) if each.key == record.key)
    return fault


def test_answers_of_another_class_or_target_have_no_proof(store: Path) -> None:
    robust, flipped = opposites(store)
    other = (robust.prediction + 1) % 3
    assert altered(store, robust, prediction=other) == (
        f"answer: the proof is of an image of class {robust.prediction}"
    )
    # of its own class the prediction is level with, which counts there
    fault = altered(store, flipped, target=flipped.prediction, ties="flip")
    assert fault is not None
    assert "is no rival of class" in fault
    assert "is no rival of class" in str(altered(store, flipped, target=-1))


def test_an_answer_of_no_problem_has_no_proof(store: Path) -> None:
    fault = altered(store, opposites(store)[0], epsilon=7.0)
    assert str(fault).startswith("answer: it is of no problem: epsilon is 7.0")


def test_a_proof_is_a_file_of_the_folder(store: Path) -> None:
    record = opposites(store)[0]
    for name in ("/dev/zero", "../results.db", f"sub/{record.proof}"):
        assert altered(store, record, proof=name) == (
            f"file: {name!r} is no name of a file in the folder"
        )
    os.mkfifo(proofs_folder(store) / "pipe.proof")  # nobody writes to it
    fault = altered(store, record, proof="pipe.proof")
    assert str(fault).endswith("pipe.proof is a folder, or no file that holds anything")


def test_networks_and_images_are_those_of_their_keys(store: Path) -> None:
    robust = answers(store, Verdict.ROBUST)
    this, other = pair(robust, lambda a, b: a.image != b.image)
    with Store.open(store) as opened:
        statement = "UPDATE images SET pixels = (SELECT pixels FROM images WHERE key = ?)"
        opened.connection.execute(statement, (other.image,))
    assert faults(store)[str(other.proof)] is None
    assert "not that of the answer's key" in str(faults(store)[str(this.proof)])


@pytest.mark.parametrize("grid", [None, GridName.FLOAT32, GridName.EIGHT_BIT])
@pytest.mark.parametrize("mask", [False, True])
def test_the_ends_of_a_smallest_distance_are_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grid: GridName | None, mask: bool
) -> None:
    points = (grid or GridName.FLOAT32).of(InputRange())
    images = replace(found := image_set(4), images=points.nearest(found.images))
    monkeypatch.setattr("tests.support.sweeps.image_set", lambda _: images)
    asked = Terms(
        measure=Distance(Norm.LINF, 1e-3),
        grid=grid,
        mask=Mask.of(MASK, "mask.npy") if mask else None,
    )
    path = store_of(tmp_path / "smallest.db", asked, (0.02, 0.3))
    assert set(faults(path).values()) == {None}
    robust = answers(path, Verdict.ROBUST)[0]
    flipped = next(each for each in answers(path, Verdict.FLIPPED) if each.proof is not None)
    # a ball of radius 0 is proved by its only image
    assert altered(path, robust, lower=0.0) is None
    assert "does not hold all" in str(altered(path, robust, epsilon=0.3, lower=0.0))
    assert flipped.lower is not None
    assert "does not hold all" in str(altered(path, flipped, lower=2 * flipped.lower))
    fault = altered(path, flipped, lower=flipped.lower, upper=flipped.lower)
    assert f"the witness in the store is {flipped.upper!r} away" in str(fault)
    fault = altered(path, flipped, upper=flipped.upper, witness=None)
    assert fault == "answer: the witness in the store is missing"
    assert altered(path, flipped, verdict="unknown") is None  # the lower end is proved


MASK = np.arange(INPUTS) % 4 != 1
"""Most pixels."""
SMALLER = MASK & (np.arange(INPUTS) % 4 != 2)


def masked_store(path: Path, free: Booleans, epsilons: Sequence[float]) -> Path:
    """Answers with proofs where only some pixels may change."""
    return store_of(path, Terms(mask=Mask.of(free, "mask.npy")), epsilons)


def store_of(path: Path, asked: Terms, epsilons: Sequence[float]) -> Path:
    """Answers with proofs on some terms."""
    plan = tiny_plan(series("exact", Exact()), images=4, epsilons=epsilons)
    (block,) = plan.blocks
    cases = tuple(replace(case, terms=asked) for case in block.cases)
    plan = replace(plan, blocks=(replace(block, cases=cases),))
    plan = plan.with_proofs(proofs_folder(path))
    proofs_folder(path).mkdir()
    with Store.open(path, create=True) as opened:
        list(run_sweep(plan, plan.tasks(), opened, HereExecutor()))
    return path


def test_proofs_of_a_mask_are_those_of_its_answers(tmp_path: Path) -> None:
    found = faults(masked_store(tmp_path / "masked.db", MASK, (0.02, 0.3)))
    assert len(found) == 8
    assert set(found.values()) == {None}


def both(tmp_path: Path, verdict: Verdict, epsilon: float) -> tuple[Path, Record, Record]:
    """A store of the mask, and answers for one image there and where another mask is smaller."""
    here = masked_store(tmp_path / "masked.db", MASK, (epsilon,))
    there = masked_store(tmp_path / "smaller.db", SMALLER, (epsilon,))
    mine, other = pair(
        [*answers(here, verdict), *answers(there, verdict)],
        lambda a, b: a.image == b.image and a.key != b.key,
    )
    shutil.copy(proofs_folder(there) / str(other.proof), proofs_folder(here) / str(mine.proof))
    return here, mine, other


@pytest.mark.parametrize(("verdict", "epsilon"), [(Verdict.ROBUST, 0.02), (Verdict.FLIPPED, 0.4)])
def test_a_proof_of_a_smaller_mask_is_none(
    tmp_path: Path, verdict: Verdict, epsilon: float
) -> None:
    store, mine, _ = both(tmp_path, verdict, epsilon)
    assert faults(store)[str(mine.proof)] == (
        "answer: the pixels that the proof leaves free are not those of the mask mask.npy"
    )


def test_a_proof_of_all_pixels_is_one_for_a_mask(tmp_path: Path, store: Path) -> None:
    masked = masked_store(tmp_path / "masked.db", MASK, EPSILONS[:1])
    mine, other = pair(
        [*answers(masked, Verdict.ROBUST), *answers(store, Verdict.ROBUST)],
        lambda a, b: a.image == b.image and a.key != b.key and a.epsilon == b.epsilon,
    )
    shutil.copy(proofs_folder(store) / str(other.proof), proofs_folder(masked) / str(mine.proof))
    assert faults(masked)[str(mine.proof)] is None


def test_a_mask_is_found_again_in_each_shape_that_it_may_have() -> None:
    rng = np.random.default_rng(0)
    shape = (2, 3, 4)
    for array in (rng.random((24,)), rng.random(shape), rng.random((3, 4)), rng.random((3, 4, 2))):
        mask = Mask.of(array < 0.5)
        free = mask.flat(shape)
        terms = Terms(mask=mask, ties=Ties.PREDICT)
        key = problem_key("n", "i", 0.01, Target(1), terms)
        record = result_row(problem=key, ties=Ties.PREDICT, mask="mask.npy")
        known = np.ones(24, dtype=np.bool_)
        found = mask_of(record, free, known, shape)
        assert found is not None
        assert np.array_equal(found, free)
        other = free.copy()
        other[5] ^= True
        assert mask_of(record, other, known, shape) is None
        # a pixel that cannot change anyway is taken to be free, or held
        known[5] = False
        found = mask_of(record, np.where(known, free, False), known, shape)
        assert found is not None
        assert np.array_equal(found, free)
