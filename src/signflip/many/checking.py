"""The proofs of a store's answers: checked, and whether each is one of the answer beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from signflip.arrays import Booleans, Floats
from signflip.errors import ProblemError, ProofError
from signflip.many.proved_masks import mask_of
from signflip.many.record import Record
from signflip.many.store import Store
from signflip.many.task import image_key
from signflip.network import BinaryNetwork
from signflip.problem import Box, Problem
from signflip.problem.norms import exact_distance
from signflip.proof.check import Proved, check
from signflip.proof.evaluate import values_of
from signflip.result import Verdict


def proofs_folder(store: Path) -> Path:
    """Where the proofs of a store's answers are: a folder beside it."""
    return store.with_name(f"{store.name}.proofs")


def check_proofs(store: Store, folder: Path | None = None) -> Iterator[tuple[Record, str | None]]:
    """Check the proof of each answer that names one, and keep in the store what came of it.

    A store that may not be written is left as it is.

    Args:
        store: the store.
        folder: where the proofs are; None for the folder beside the store.

    Yields:
        The answer as it was in the store, and what is wrong with its proof; None for nothing.

    Raises:
        StoreError: the store is damaged, or refuses to be written.
    """
    named = list(store.records("WHERE proof IS NOT NULL ORDER BY network, image_index, key"))
    networks: dict[str, BinaryNetwork] = {}
    for record in named:
        if record.network not in networks:
            networks = {record.network: store.network(record.network)}
        fault = _fault(record, networks[record.network], store, folder)
        if store.writable and record.checked is not (fault is None):
            store.set_checked(record.key, fault is None)
        yield record, fault


def _fault(record: Record, network: BinaryNetwork, store: Store, folder: Path | None) -> str | None:
    """What is wrong with the answer's proof; None for nothing."""
    name, image = str(record.proof), store.pixels(record.image)
    if network.digest != record.network or image_key(image) != record.image:
        return "answer: the network or the image in the store is not that of the answer's key"
    if Path(name).name != name:
        return f"file: {name!r} is no name of a file in the folder"
    path = (proofs_folder(store.path) if folder is None else folder) / name
    if path.exists() and not path.is_file():
        return f"file: {path} is a folder, or no file that holds anything"
    try:
        proved = check(path.read_bytes(), network)
    except OSError as error:
        return (
            f"file: {path} cannot be read ({error.strerror}); where the proofs are in another "
            "folder, name it: --proofs DIR"
        )
    except ProofError as error:
        return str(error)
    try:
        difference = _Answer(record, network, image, proved).differs()
    except ProblemError as error:
        difference = f"it is of no problem: {error}"
    return None if difference is None else f"answer: {difference}"


@dataclass(frozen=True)
class _Answer:
    """An answer, and what the file beside it proves.

    Attributes:
        record: the answer.
        network: its network.
        image: (inputs,) float64, its image.
        proved: what the file proves.
    """

    record: Record
    network: BinaryNetwork
    image: Floats
    proved: Proved

    def differs(self) -> str | None:
        """Why what was proved is not what the record says; None if it is, or is more."""
        record, content = self.record, self.proved.content
        ball = self._ball
        if not np.array_equal(content.image, ball.image):
            return "the proof is of another image"
        if content.prediction != record.prediction:
            return f"the proof is of an image of class {content.prediction}"
        if not self._wanted <= set(range(self.network.classes)) - {record.prediction}:
            return f"the answer's target, {record.target}, is no rival of class {record.prediction}"
        if record.verdict is Verdict.ROBUST:
            return self._admits_flip(ball.box, record.epsilon)
        if record.norm is not None and record.lower:
            # the file is of the lower end, and the image of the store shows the upper one
            near = ball.region.cut(ball.box.around(ball.image, record.lower)).box
            fault = self._admits_flip(near, record.lower)
            if fault is not None or record.verdict is not Verdict.FLIPPED:
                return fault
            return self._is_no_flip(near, record.witness, "the witness in the store")
        if record.verdict is Verdict.FLIPPED:
            return self._is_no_flip(ball.box, content.witness, "the witness of the proof")
        return f"it has the verdict {record.verdict.value}, and there is nothing to prove"

    @cached_property
    def _ball(self) -> Problem:
        """The answer's problem without a goal, and as if each pixel could change."""
        record = self.record
        return Problem.ball(
            self.network, self.image, epsilon=record.epsilon, grid=record.grid, ties=record.ties
        )

    @cached_property
    def _wanted(self) -> set[int]:
        """The rivals of the answer."""
        target, own = self.record.target, self.proved.content.prediction
        return set(range(self.network.classes)) - {own} if target is None else {target}

    @cached_property
    def _tied(self) -> set[int]:
        """Those of which a tie is a flip."""
        own = self.proved.content.prediction
        return {c for c in self._wanted if self.record.ties.flips(c, own)}

    def _admits_flip(self, box: Box, epsilon: float) -> str | None:
        """Why the proof does not say that no image of a box flips; None if it does."""
        content = self.proved.content
        if not self._wanted <= set(content.rivals):
            return "the proof is of fewer rivals"
        if content.bound is None or content.bound > 0:
            return "the proof does not exclude a flip"
        if content.bound == 0 and not self._tied <= set(content.strict):
            return "the proof does not exclude a tie, which counts as a flip there"
        covered = (content.lower <= box.lower) & (box.upper <= content.upper)
        if covered.all():
            return None
        held = content.lower == content.upper
        if self.record.mask is None or not np.all(held | covered):
            return f"the proof is of a box that does not hold all images within {epsilon!r}"
        # it holds pixels as the mask does, if they are the same
        free = self._free(box)
        return free if isinstance(free, str) else None

    def _free(self, box: Box) -> Booleans | str:
        """(inputs,) bool, the pixels that the answer's mask lets change; or why not to tell.

        The file of the mask may be gone: it has to be that of the pixels that the proof leaves
        free.
        """
        content, mask = self.proved.content, self.record.mask
        free = content.lower < content.upper
        known = box.lower < box.upper
        found = mask_of(self.record, free, known, self.network.image_shape)
        if found is not None:
            return found
        if known.all():
            return f"the pixels that the proof leaves free are not those of the mask {mask}"
        return (
            f"not checked: whether the proof leaves all pixels of the mask {mask} free is not to "
            "be told, as some can have one value only"
        )

    def _is_no_flip(self, box: Box, witness: Floats | None, name: str) -> str | None:
        """Why an image is no witness of the answer's flip; None if it is one.

        Args:
            box: what the proof is to hold but for the mask.
            witness: the image.
            name: what it is called.
        """
        record, image = self.record, self.proved.content.image
        if witness is None:
            return f"{name} is missing"
        if witness.shape != image.shape or not self._ball.region.contains(witness):
            return f"{name} is not within {record.epsilon!r}"
        if record.norm is not None:
            distance = exact_distance(image, witness, record.norm)
            if record.upper is None or distance > record.upper:
                return f"{name} is {distance!r} away, and not {record.upper!r}"
        if record.mask is not None:
            free = self._free(box)
            if isinstance(free, str):
                return free
            if np.any((witness != image) & ~free):
                return f"{name} changes pixels that the mask {record.mask} holds"
        values: list[Fraction] = values_of(self.network, witness)
        own = values[self.proved.content.prediction]
        flips = any(values[c] > own or (values[c] == own and c in self._tied) for c in self._wanted)
        return None if flips else f"{name} does not flip"
