"""Attack problems on the zoo's networks and real images."""

from signflip.data import load_dataset
from signflip.problem import Goal, Problem
from signflip.zoo import DATASETS, load_zoo


def zoo_problems(
    name: str, *, epsilon: float, count: int, goal: Goal | None = None
) -> list[Problem]:
    """The first `count` images of the sample that belongs to the zoo network called `name`."""
    network = load_zoo(name)
    images = load_dataset(f"{DATASETS[name.split('-')[0]]}-sample").images[:count]
    return [Problem.ball(network, image, epsilon=epsilon, goal=goal) for image in images]
