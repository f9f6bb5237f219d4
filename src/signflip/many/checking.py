"""The proofs of a store's answers: checked, and whether each is one of the answer beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from signflip.arrays import Booleans
from signflip.errors import ProofError
from signflip.many.proved_masks import mask_of
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.network import BinaryNetwork
from signflip.problem import Problem
from signflip.proof.check import Proved, check
from signflip.result import Verdict


def proofs_folder(store: Path) -> Path:
    """Where the proofs of a store's answers are: a folder beside it."""
    return store.with_name(f"{store.name}.proofs")


def check_proofs(store: Store, folder: Path | None = None) -> Iterator[tuple[Record, str | None]]:
    """Check the proof of each answer that names one, and keep in the store what came of it.

    Args:
        store: the store.
        folder: where the proofs are; None for the folder beside the store.

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
        fault = _fault(record, networks[record.network], store, folder)
        store.set_checked(record.key, fault is None)
        yield record, fault


def _fault(record: Record, network: BinaryNetwork, store: Store, folder: Path | None) -> str | None:
    """What is wrong with the answer's proof; None for nothing."""
    path = (proofs_folder(store.path) if folder is None else folder) / str(record.proof)
    try:
        proved = check(path.read_bytes(), network)
    except OSError as error:
        return (
            f"file: {path} cannot be read ({error.strerror}); where the proofs are in another "
            "folder, name it: --proofs DIR"
        )
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
    lower, upper = problem.box.lower, problem.box.upper
    covered = (content.lower <= lower) & (upper <= content.upper)
    if covered.all():
        return None
    held = content.lower == content.upper
    if record.mask is None or not np.all(held | covered):
        return f"the proof is of a box that does not hold all images within {record.epsilon!r}"
    # it holds pixels as the mask does, if they are the same
    free = _free(record, proved, problem)
    return free if isinstance(free, str) else None


def _free(record: Record, proved: Proved, problem: Problem) -> Booleans | str:
    """(inputs,) bool, the pixels that the mask of an answer lets change; or why not to tell.

    The file of the mask may be gone: it has to be that of the pixels that the proof leaves free.
    """
    free = proved.content.lower < proved.content.upper
    known = problem.box.lower < problem.box.upper
    found = mask_of(record, free, known, problem.network.image_shape)
    if found is not None:
        return found
    if known.all():
        return f"the pixels that the proof leaves free are not those of the mask {record.mask}"
    return (
        f"not checked: whether the proof leaves all pixels of the mask {record.mask} free is not "
        "to be told, as some can have one value only"
    )


def _is_no_flip(
    record: Record, proved: Proved, problem: Problem, wanted: set[int], tied: set[int]
) -> str | None:
    content, values = proved.content, proved.values
    witness, own = content.witness, content.prediction
    if witness is None:
        return "the proof has no witness"
    if record.norm is None and not problem.region.contains(witness):
        return f"the witness of the proof is not within {record.epsilon!r}"
    if record.mask is not None:
        free = _free(record, proved, problem)
        if isinstance(free, str):
            return free
        if np.any((witness != content.image) & ~free):
            return f"the witness of the proof changes pixels that the mask {record.mask} holds"
    flips = any(values[c] > values[own] or (values[c] == values[own] and c in tied) for c in wanted)
    return None if flips else "the witness of the proof does not flip"
