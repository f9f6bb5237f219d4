"""Witnesses as adversaries: images that really flip, found in each batch and kept for replay."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from signflip.attack import Method, attack
from signflip.methods.exact import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.methods.walk import Walk
from signflip.problem import Problem, Ties, Untargeted
from signflip.result import Verdict
from signflip.training.checkpoint import State
from signflip.training.robust.boxes import box_of
from signflip.training.robust.fold import fold_robust
from signflip.training.robust.module import RobustModule
from signflip.training.robust.settings import RobustSettings

METHODS: Mapping[str, tuple[Method, float | None]] = {
    "walk": (Walk(goal=SearchGoal.OPTIMISE, moves=300), None),
    "exact": (Exact(goal=SearchGoal.OPTIMISE), 0.05),
}
"""Name -> what looks for the largest objective of an image, and its time limit in seconds.

The walk takes some 2 ms where two layers have 100 neurons each. A clock ends the exact search, so
two runs with it may differ.
"""


class Witnesses:
    """The last flip that was found of each training image, if one was found.

    Args:
        settings: `witnesses`, `witness_method` and `witness_reach` count.
        images: (images, inputs) float32, the training images.
        labels: (images,) int64.
    """

    def __init__(self, settings: RobustSettings, images: Tensor, labels: Tensor) -> None:
        self._images, self._labels = images, labels
        self._share = settings.witnesses
        self._epsilon = min(1.0, settings.witness_reach * settings.epsilon)
        self._method, self._seconds = METHODS[settings.witness_method]
        self._known = torch.zeros(len(images), dtype=torch.bool, device=images.device)
        self._points = torch.zeros_like(images)

    def __len__(self) -> int:
        return int(self._known.sum())

    def renew(self, module: RobustModule, chosen: Tensor) -> None:
        """Attack the first of a batch with the network as it is.

        A flip replaces what was known of its image. Of an image that withstands, or that is
        classified wrongly as it is, nothing is kept.

        Args:
            module: the network.
            chosen: (batch,) the numbers of the images.
        """
        fresh = chosen[: round(self._share * len(chosen))]
        network = fold_robust(module)
        images = self._images[fresh].cpu().double().numpy()
        right = network.predict(images) == self._labels[fresh].cpu().numpy()
        self._known[fresh] = False
        for index, image in zip(fresh.cpu().numpy()[right], images[right], strict=True):
            problem = Problem.ball(
                network, image, epsilon=self._epsilon, goal=Untargeted(), ties=Ties.FLIP
            )
            result = attack(problem, self._method, time_limit=self._seconds)
            if result.verdict is Verdict.FLIPPED:
                self._known[index] = True
                self._points[index] = torch.from_numpy(result.witness.astype(np.float32))

    def replacing(self, points: Tensor, chosen: Tensor, levels: Tensor) -> Tensor:
        """Adversarial points, with the known flips in the place of theirs.

        Args:
            points: (batch, values) that the first layer is to read.
            chosen: (batch,) the numbers of the images.
            levels: those of the network.
        """
        known = self._known[chosen]
        replaced = points.clone()
        replaced[known] = box_of(self._points[chosen[known]], 0.0, levels).clean
        return replaced

    def state(self) -> State:
        """What is known, for a checkpoint."""
        return {"known": self._known.cpu(), "points": self._points[self._known].cpu()}

    def restore(self, state: State) -> None:
        """Know what `state` returned."""
        self._known = state["known"].to(self._images.device)
        self._points[self._known] = state["points"].to(self._images.device)
