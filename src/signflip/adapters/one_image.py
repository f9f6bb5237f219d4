"""One image attacked for another library: its labels, its number format, its rule of ties."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from signflip.arrays import Floats
from signflip.attack import Method, attack
from signflip.network import BinaryNetwork
from signflip.problem import Box, Problem, Target, Untargeted
from signflip.problem.ties import Ties

AsGiven = Callable[[Floats], Floats]
"""From a witness (inputs,) to what the library will make of it, as float64."""


def adversarial(
    network: BinaryNetwork,
    image: Floats,
    box: Box,
    *,
    method: Method,
    label: int,
    targeted: bool,
    time_limit: float | None,
    as_given: AsGiven,
) -> Floats:
    """An image (inputs,) of the box that is adversarial, or the best that was found.

    Adversarial is an image that `network.predict` does not give `label`, or gives it if the attack
    is targeted. Of the witnesses found the last one is taken that is so in the number format of the
    library.

    Args:
        network: the network.
        image: (inputs,) float64, what is attacked; returned if it is adversarial already.
        box: where to look.
        method: how to attack.
        label: the class to leave, or to reach.
        targeted: whether it is to be reached.
        time_limit: seconds, or None.
        as_given: what the library will make of a witness.
    """
    if (int(network.predict(image[None])[0]) == label) == targeted:
        return image
    goal = Target(label) if targeted else Untargeted()
    problem = Problem(network, image, box, goal, Ties.PREDICT)
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
