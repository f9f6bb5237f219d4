"""What a grid comes to: networks, images and methods, and the attempts that they make together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from signflip.arrays import Floats
from signflip.attack import Method
from signflip.data import ImageSet
from signflip.errors import ProblemError
from signflip.many.task import Task
from signflip.methods.spec import Description, describe
from signflip.network import BinaryNetwork
from signflip.problem import Goal, Problem
from signflip.problem.goals import goal_of


@dataclass(frozen=True, kw_only=True)
class Series:
    """A method as the grid names it.

    Attributes:
        name: its name in the grid.
        kind: name in `METHODS`; of a warm start, that of the method that goes on.
        method: the method, its seed included.
        seed: the seed; 0 for a method that draws nothing.
        time_limit: seconds for each problem.
    """

    name: str
    kind: str
    method: Method
    seed: int
    time_limit: float

    @cached_property
    def settings(self) -> Description:
        """The method with all its settings."""
        return describe(self.method)


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """An image on a network.

    Attributes:
        network: key of the network.
        network_name: its name in the grid.
        images_name: the data set's name.
        index: the image's place in it.
        label: the true class.
        image: (inputs,) float64 in [0, 1].
        prediction: the network's class for the image.
        goal: what an attack is to reach.
    """

    network: str
    network_name: str
    images_name: str
    index: int
    label: int
    image: Floats
    prediction: int
    goal: Goal

    @property
    def target(self) -> int | None:
        """The class to raise above the prediction, or None for any."""
        return self.goal.target

    def problem(self, network: BinaryNetwork, epsilon: float) -> Problem:
        """The attack problem in a ball of radius `epsilon`."""
        return Problem.ball(network, self.image, epsilon=epsilon, goal=self.goal)


@dataclass(frozen=True, eq=False, kw_only=True)
class Attempt:
    """One cell of the grid: a case, a budget and a method.

    Attributes:
        case: the image and its network.
        epsilon: radius of the ball.
        series: the method.
    """

    case: Case
    epsilon: float
    series: Series

    @cached_property
    def task(self) -> Task:
        """What an executor runs."""
        return Task(
            network=self.case.network,
            image=self.case.image,
            epsilon=self.epsilon,
            goal=self.case.goal,
            method=self.series.method,
            time_limit=self.series.time_limit,
        )

    @cached_property
    def key(self) -> str:
        """`Task.key`."""
        return self.task.key


@dataclass(frozen=True, kw_only=True)
class Block:
    """A rectangle of the grid.

    Attributes:
        cases: the images, on one network.
        epsilons: the budgets.
        series: the methods.
        skipped: how many images were left out, since they are predicted as the target already.
    """

    cases: tuple[Case, ...]
    epsilons: tuple[float, ...]
    series: tuple[Series, ...]
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A grid that was checked and can be run.

    Attributes:
        title: of the grid.
        networks: `BinaryNetwork.digest` -> network.
        names: `BinaryNetwork.digest` -> name in the grid.
        blocks: the rectangles that the grid consists of.
    """

    title: str
    networks: Mapping[str, BinaryNetwork]
    names: Mapping[str, str]
    blocks: tuple[Block, ...]

    @property
    def skipped(self) -> int:
        """How many images were left out, since they are predicted as the target already."""
        return sum(block.skipped for block in self.blocks)

    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, each once; the first image of every block, then the second, and so on.

        A sweep that is stopped early so has something of every block.
        """
        unique: dict[str, Attempt] = {}
        for attempt in self._in_order():
            unique.setdefault(attempt.key, attempt)
        return tuple(unique.values())

    def _in_order(self) -> Iterator[Attempt]:
        for place in range(max(len(block.cases) for block in self.blocks)):
            for block in self.blocks:
                for case in block.cases[place : place + 1]:
                    for epsilon in block.epsilons:
                        for series in block.series:
                            yield Attempt(case=case, epsilon=epsilon, series=series)


def cases_of(
    network: BinaryNetwork,
    images: ImageSet,
    indices: Sequence[int],
    goal: Goal | None,
    *,
    key: str,
    name: str,
) -> tuple[Case, ...]:
    """The cases of images on a network, without those that are predicted as the target already.

    Args:
        network: the network.
        images: the data set.
        indices: which of its images.
        goal: `Target(class)`, `Untargeted()`, or None for each image's second-highest class.
        key: `digest` of the network.
        name: the network's name in the grid.

    Raises:
        DataError: the images do not fit the network.
        ProblemError: the goal is none, or its target no class of the network, or that of every
            image.
    """
    goal = goal_of(goal)
    if goal.target is not None and not 0 <= goal.target < network.classes:
        raise ProblemError(
            f"the target is class {goal.target}; {name} has classes 0 to {network.classes - 1}"
        )
    chosen = images.images[list(indices)]
    ranked = network.rankings(chosen).tolist()
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
