"""One image attacked for another library: its labels, its number format, its rule of ties."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from signflip.arrays import Booleans, Floats
from signflip.attack import Method, attack
from signflip.errors import SettingError
from signflip.network import BinaryNetwork
from signflip.problem import Box, Problem, Target, Untargeted
from signflip.problem.regions.region import Region
from signflip.problem.ties import Ties

AsGiven = Callable[[Floats], Floats]
"""From a witness (inputs,) to what the library will make of it, as float64."""


def check_labels(labels: npt.NDArray[Any], images: int, classes: int, name: str) -> None:
    """Refuse labels that are not a class for each image; `name` is for the error.

    Raises:
        SettingError: they are not.
    """
    if labels.shape != (images,):
        raise SettingError(
            f"{name} have shape {labels.shape}, and there are {images} images; there must be one "
            "for each"
        )
    wrong = (labels != np.rint(labels)) | (labels < 0) | (labels >= classes)
    if wrong.any():
        raise SettingError(
            f"{name} hold {labels[wrong][0]}; each must be a class of the network, 0 to "
            f"{classes - 1}"
        )


def around(
    network: BinaryNetwork, image: Floats, epsilon: float, mask: Booleans | None = None
) -> tuple[Floats, Region]:
    """An image (inputs,) as the network reads it, and the images that it reads near to it.

    Where the network's inputs come in steps, both are of whole steps.

    Args:
        network: the network.
        image: (inputs,) float64 in its input range; off the steps by rounding at most.
        epsilon: radius, in the unit of the image.
        mask: (inputs,) bool, true where a pixel may change; None for all of them.

    Raises:
        ProblemError: a value is out of range, or plainly no whole number of steps.
    """
    problem = Problem.ball(network, image, epsilon=epsilon, mask=mask, goal=Untargeted())
    return problem.image, problem.region


def adversarial(
    network: BinaryNetwork,
    image: Floats,
    region: Region,
    *,
    method: Method,
    label: int,
    targeted: bool,
    time_limit: float | None,
    as_given: AsGiven,
) -> Floats:
    """An image (inputs,) of the region that is adversarial, or the best that was found.

    Adversarial is an image that `network.predict` does not give `label`, or gives it if the attack
    is targeted. Of the witnesses found the last one is taken that is so in the number format of the
    library.

    Args:
        network: the network.
        image: (inputs,) float64, what is attacked; returned if it is adversarial already.
        region: where to look.
        method: how to attack.
        label: the class to leave, or to reach.
        targeted: whether it is to be reached.
        time_limit: seconds, or None.
        as_given: what the library will make of a witness.
    """
    if (int(network.predict(image[None])[0]) == label) == targeted:
        return image
    goal = Target(label) if targeted else Untargeted()
    problem = Problem(network, image, region, goal, Ties.PREDICT)
    found: list[Floats] = []

    def keep(seconds: float, value: float, witness: Floats) -> None:
        del seconds
        if value >= 0:
            given = as_given(witness)
            if (int(network.predict(given[None])[0]) == label) == targeted:
                found[:] = [given]

    result = attack(problem, method, time_limit=time_limit, on_improvement=keep)
    return found[0] if found else as_given(result.witness)


def rounded_into(box: Box, image: Floats, dtype: npt.DTypeLike) -> Floats:
    """The nearest numbers of a floating-point type to an image (inputs,), inside the box.

    A pixel stays outside where the box holds no number of the type.
    """
    rounded = image.astype(dtype)
    rounded = np.where(
        rounded > box.upper, np.nextafter(rounded, rounded.dtype.type(-np.inf)), rounded
    )
    rounded = np.where(
        rounded < box.lower, np.nextafter(rounded, rounded.dtype.type(np.inf)), rounded
    )
    values: Floats = rounded.astype(np.float64)
    return values
