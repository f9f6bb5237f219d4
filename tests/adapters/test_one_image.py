from dataclasses import dataclass, replace

import numpy as np
import pytest

from signflip.adapters.one_image import (
    adversarial,
    around,
    check_labels,
    rounded_into,
)
from signflip.attack import Outcome
from signflip.errors import SettingError
from signflip.network import BinaryNetwork, InputRange, OutputLayer, SignLayer
from signflip.problem import Box
from signflip.result import Stop
from signflip.run import Run


@dataclass(frozen=True)
class Offers:
    """Offers images of one pixel."""

    values: tuple[float, ...]

    def run(self, run: Run) -> Outcome:
        for value in self.values:
            run.offer(np.array([value]))
        return Outcome(Stop.BUDGET)


def test_rounding_stays_inside() -> None:
    rng = np.random.default_rng(0)
    centre = rng.random(500)
    box = Box.ball(centre, 0.01)
    for corner in (box.lower, box.upper):
        rounded = rounded_into(box, corner, np.float32)
        np.testing.assert_array_equal(rounded, rounded.astype(np.float32))
        assert box.contains(rounded)
        assert np.abs(rounded - corner).max() < 2.0**-23


def steps(*thresholds: float, rising: int = 1) -> BinaryNetwork:
    """One pixel, which takes `rising` past the other class at half of the thresholds."""
    count = len(thresholds)
    hidden = SignLayer.dense(np.ones((count, 1), dtype=np.int8), np.array(thresholds))
    weight = np.ones((2, count), dtype=np.int8)
    weight[1 - rising] = -1
    return BinaryNetwork((hidden,), OutputLayer(weight, np.ones(2), np.zeros(2)))


@pytest.mark.parametrize(("offered", "kept"), [((0.5, 0.6), 0.6), ((0.5, 0.7), 0.5)])
def test_the_last_that_survives_what_the_library_does_is_kept(
    offered: tuple[float, ...], kept: float
) -> None:
    image = np.zeros(1)
    found = adversarial(
        steps(0.2, 0.4, 0.55),
        image,
        Box.ball(image, 0.75),
        method=Offers(offered),
        label=0,
        targeted=False,
        time_limit=None,
        as_given=lambda witness: image if witness[0] == 0.7 else witness,
    )
    assert found[0] == kept


@pytest.mark.parametrize("targeted", [False, True])
def test_ties_count_as_the_network_predicts(targeted: bool) -> None:
    # from 0.25 on the classes are level, which `predict` gives to 0
    image = np.zeros(1)
    network = steps(0.25, 0.5, rising=0)
    assert network.predict(image[None])[0] == 1
    found = adversarial(
        network,
        image,
        Box.ball(image, 0.75),
        method=Offers((0.3,)),
        label=0 if targeted else 1,
        targeted=targeted,
        time_limit=None,
        as_given=lambda witness: witness,
    )
    assert found[0] == 0.3


def test_what_is_adversarial_already_is_left_alone() -> None:
    image = np.zeros(1)
    for label, targeted in ((1, False), (0, True)):
        found = adversarial(
            steps(0.2, 0.4, 0.55),
            image,
            Box.ball(image, 0.75),
            method=Offers((0.7,)),
            label=label,
            targeted=targeted,
            time_limit=None,
            as_given=lambda witness: witness,
        )
        assert found[0] == 0


@pytest.mark.parametrize(
    ("inputs", "image", "witness"),
    [
        (InputRange(lower=0, upper=255), 100.25, 120.25),
        (InputRange(lower=-1, upper=1), -0.75, -0.25),
        (InputRange(lower=0, upper=255, step=1), 100.0, 120.0),
    ],
)
def test_it_looks_in_the_networks_own_range(
    inputs: InputRange, image: float, witness: float
) -> None:
    network = replace(steps((image + witness) / 2, 300, -300), input_range=inputs)
    centre, region = around(network, np.array([image]), 20.75 if inputs.width > 2 else 0.5)
    found = adversarial(
        network,
        centre,
        region,
        # beyond the radius, or between two steps, nothing counts
        method=Offers((witness, witness + 1, witness - 1 / 16 if inputs.step else image)),
        label=int(network.predict(np.array([[image]]))[0]),
        targeted=False,
        time_limit=None,
        as_given=lambda each: each,
    )
    assert found[0] == witness


def test_labels_are_a_class_for_each_image() -> None:
    check_labels(np.array([0, 2]), 2, 3, "y")
    for labels, words in (
        (np.array([0, 2, 1]), r"y have shape \(3,\), and there are 2 images"),
        (np.array([0, 3]), "y hold 3; each must be a class of the network, 0 to 2"),
        (np.array([-1, 0]), "y hold -1"),
        (np.array([0.5, 0]), "y hold 0.5"),
    ):
        with pytest.raises(SettingError, match=words):
            check_labels(labels, 2, 3, "y")
