"""The proofs of a store's answers: checked, and whether each is one of the answer beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from signflip.errors import ProofError
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.network import BinaryNetwork
from signflip.problem import Problem
from signflip.proof.check import Proved, check
from signflip.result import Verdict


def proofs_folder(store: Path) -> Path:
    """Where the proofs of a store's answers are: a folder beside it."""
    return store.with_name(f"{store.name}.proofs")


def check_proofs(store: Store) -> Iterator[tuple[Record, str | None]]:
    """Check the proof of each answer that names one, and keep in the store what came of it.

    Yields:
        The answer, and what is wrong with its proof; None for nothing.

    Raises:
        StoreError: the store is damaged, or cannot be written.
    """
    named = list(store.records("WHERE proof IS NOT NULL ORDER BY network, image_index, key"))
    networks: dict[str, BinaryNetwork] = {}
    for record in named:
        if record.network not in networks:
            networks = {record.network: store.network(record.network)}
        fault = _fault(record, networks[record.network], store)
        store.set_checked(record.key, fault is None)
        yield record, fault


def _fault(record: Record, network: BinaryNetwork, store: Store) -> str | None:
    """What is wrong with the answer's proof; None for nothing."""
    path = proofs_folder(store.path) / str(record.proof)
    try:
        proved = check(path.read_bytes(), network)
    except OSError as error:
        return f"file: {path} cannot be read ({error.strerror})"
    except ProofError as error:
        return str(error)
    difference = _differs(record, proved, _problem_of(record, network, store))
    return None if difference is None else f"answer: {difference}"


def _problem_of(record: Record, network: BinaryNetwork, store: Store) -> Problem:
    """The problem of the answer, without a goal, and as if each pixel could change."""
    epsilon = record.epsilon if record.norm is None else record.lower
    return Problem.ball(
        network,
        store.pixels(record.image),
        epsilon=0.0 if epsilon is None else epsilon,
        grid=record.grid,
        ties=record.ties,
    )


def _differs(record: Record, proved: Proved, problem: Problem) -> str | None:
    """Why what was proved is not what the record says; None if it is, or is more."""
    content = proved.content
    if not np.array_equal(content.image, problem.image):
        return "the proof is of another image"
    own = content.prediction
    rivals = set(range(problem.network.output.classes)) - {own}
    wanted = rivals if record.target is None else {record.target}
    tied = {c for c in wanted if problem.ties.flips(c, own)}
    if record.verdict is Verdict.FLIPPED:
        return _is_no_flip(record, proved, problem, wanted, tied)
    if record.verdict is not Verdict.ROBUST:
        return f"it has the verdict {record.verdict.value}, and there is nothing to prove"
    if not wanted <= set(content.rivals):
        return "the proof is of fewer rivals"
    if content.bound is None or content.bound > 0:
        return "the proof does not exclude a flip"
    if content.bound == 0 and not tied <= set(content.strict):
        return "the proof does not exclude a tie, which counts as a flip there"
    # of pixels that a mask held, the proof holds as many; the file of the mask may be gone
    held = (content.lower == content.upper) if record.mask is not None else False
    lower, upper = problem.box.lower, problem.box.upper
    if not np.all(held | ((content.lower <= lower) & (upper <= content.upper))):
        return f"the proof is of a box that does not hold all images within {record.epsilon!r}"
    return None


def _is_no_flip(
    record: Record, proved: Proved, problem: Problem, wanted: set[int], tied: set[int]
) -> str | None:
    witness, values, own = proved.content.witness, proved.values, proved.content.prediction
    if witness is None:
        return "the proof has no witness"
    if record.norm is None and not problem.box.contains(witness):
        return f"the witness of the proof is not within {record.epsilon!r}"
    flips = any(values[c] > values[own] or (values[c] == values[own] and c in tied) for c in wanted)
    return None if flips else "the witness of the proof does not flip"
