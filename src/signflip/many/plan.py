"""What a grid or a command comes to: networks, images and methods, and the tasks that they make."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from signflip.attack import refusal
from signflip.clock import Clock
from signflip.data import ImageSet
from signflip.errors import ProblemError
from signflip.many.task import Case, Series, Task
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Terms
from signflip.problem.goals import goal_of

PROVING = ("exact", "auto")
"""Kinds of methods whose robust verdicts rest on a proof of their own, and not on a solver's."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A rectangle of the grid.

    Attributes:
        cases: the images, on one network.
        epsilons: the budgets.
        series: the methods.
        skipped: indices of images left out, since they are predicted as the target already.
    """

    cases: tuple[Case, ...]
    epsilons: tuple[float, ...]
    series: tuple[Series, ...]
    skipped: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A grid that was checked and can be run.

    Attributes:
        title: of the grid.
        networks: `BinaryNetwork.digest` -> network.
        names: `BinaryNetwork.digest` -> name in the grid.
        blocks: the rectangles that the grid consists of.
        proofs: whether answers of `PROVING` methods are to come with proof files.
    """

    title: str
    networks: Mapping[str, BinaryNetwork]
    names: Mapping[str, str]
    blocks: tuple[Block, ...]
    proofs: bool = False

    def with_proofs(self, folder: Path) -> Self:
        """The plan with proofs of the answers of `PROVING` methods in a folder."""
        blocks = tuple(
            replace(
                block,
                series=tuple(
                    replace(series, proofs=folder) if series.kind in PROVING else series
                    for series in block.series
                ),
            )
            for block in self.blocks
        )
        return replace(self, blocks=blocks)

    @property
    def skipped(self) -> tuple[int, ...]:
        """Indices of images left out, of all blocks."""
        return tuple(index for block in self.blocks for index in block.skipped)

    def tasks(self) -> tuple[Task, ...]:
        """All tasks, each once; the first image of every block, then the second, and so on.

        A sweep that is stopped early so has something of every block.
        """
        return tuple(first for first, *_ in self.by_key().values())

    def by_key(self) -> dict[str, list[Task]]:
        """The tasks of each key, in order.

        Several of one key are one attack: of an image that comes twice, or a method with two names.
        """
        found: dict[str, list[Task]] = {}
        for task in self._in_order():
            found.setdefault(task.key, []).append(task)
        return found

    def _in_order(self) -> Iterator[Task]:
        for place in range(max(len(block.cases) for block in self.blocks)):
            for block in self.blocks:
                for case in block.cases[place : place + 1]:
                    for epsilon in block.epsilons:
                        for series in block.series:
                            yield Task(case=case, epsilon=epsilon, series=series)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of each image.

    Attributes:
        epsilon: radius of the ball around it.
        goal: `Target(class)`, `Untargeted()`, or None for each image's second-highest class.
        series: the method.
        terms: what may change, what counts as a flip, what is better.
    """

    epsilon: float
    goal: Goal | None
    series: Series
    terms: Terms = Terms()  # noqa: RUF009 - a frozen value

    def plan(
        self, network: BinaryNetwork, images: ImageSet, indices: Sequence[int], *, name: str
    ) -> Plan:
        """The plan that asks it of `images[indices]`, checked as far as possible without running.

        Each image is attacked from its prediction, right or wrong, as in the paper.

        Raises:
            ProblemError: network, images, epsilon and goal do not fit, every image is predicted as
                the target already, or the method cannot work on the problem.
            DataError: the images do not fit the network.
            SettingError: the time limit is negative.
        """
        Clock.start(self.series.time_limit)
        block = block_of(
            network, images, indices, self.goal, name=name,
            epsilons=(self.epsilon,), series=(self.series,), terms=self.terms,
        )  # fmt: skip
        first = Task(case=block.cases[0], epsilon=self.epsilon, series=self.series)
        refused = refusal(self.series.method, first.problem(network))
        if refused is not None:
            raise ProblemError(refused)
        digest = network.digest
        return Plan(title="", networks={digest: network}, names={digest: name}, blocks=(block,))


def block_of(
    network: BinaryNetwork,
    images: ImageSet,
    indices: Sequence[int],
    goal: Goal | None,
    *,
    name: str,
    epsilons: Sequence[float],
    series: Sequence[Series],
    terms: Terms = Terms(),  # noqa: B008 - a frozen value
) -> Block:
    """A block of a network, without images that it predicts as the target already.

    Args:
        network: the network.
        images: the data set.
        indices: which of its images.
        goal: `Target(class)`, `Untargeted()`, or None for each image's second-highest class.
        name: the network's name in the grid.
        epsilons: the budgets.
        series: the methods.
        terms: what may change, what counts as a flip, what is better.

    Raises:
        DataError: the images do not fit the network.
        ProblemError: an epsilon is out of range, or the target is no class of the network, or that
            of every image.
    """
    cases = cases_of(
        network, images, indices, goal,
        key=network.digest, name=name, terms=terms,
    )  # fmt: skip
    for epsilon in epsilons:
        Task(case=cases[0], epsilon=epsilon, series=series[0]).problem(network)
    there = {case.index for case in cases}
    return Block(
        cases=cases,
        epsilons=tuple(epsilons),
        series=tuple(series),
        skipped=tuple(index for index in indices if index not in there),
    )


def cases_of(
    network: BinaryNetwork,
    images: ImageSet,
    indices: Sequence[int],
    goal: Goal | None,
    *,
    key: str,
    name: str,
    terms: Terms = Terms(),  # noqa: B008 - a frozen value
) -> tuple[Case, ...]:
    """The cases of images on a network, without those that are predicted as the target already.

    Args:
        network: the network.
        images: the data set.
        indices: which of its images.
        goal: `Target(class)`, `Untargeted()`, or None for each image's second-highest class.
        key: `digest` of the network.
        name: the network's name in the grid.
        terms: what may change, what counts as a flip, what is better.

    Raises:
        DataError: the images or their labels do not fit the network.
        ProblemError: the goal is none, or its target no class of the network, or that of every
            image.
    """
    goal = goal_of(goal)
    if goal.target is not None and not 0 <= goal.target < network.classes:
        raise ProblemError(
            f"the target is class {goal.target}; {name} has classes 0 to {network.classes - 1}"
        )
    images = images.fitted(network.input_range, network.image_shape)
    chosen = np.stack([terms.image(network, images.images[index]) for index in indices])
    ranked = network.rankings(chosen).tolist()
    images.check_classes(indices, network.classes, name)
    cases = tuple(
        Case(
            network=key,
            network_name=name,
            images_name=images.name,
            index=index,
            label=int(images.labels[index]),
            image=image,
            prediction=classes[0],
            goal=goal.settled(classes),
            terms=terms,
        )
        for index, image, classes in zip(indices, chosen, ranked, strict=True)
        if goal.target != classes[0]
    )
    if not cases:
        raise ProblemError(
            f"the target is a class that {name} predicts for every chosen image of {images.name} "
            "already; choose another class or other images"
        )
    return cases
