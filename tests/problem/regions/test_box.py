from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.errors import ProblemError
from signflip.network import UNIT_RANGE, Floats
from signflip.problem import Box, GridName, GridPoints, L1Ball, Region
from tests.support.strategies import epsilons, images

directions = arrays(
    np.float64,
    4,
    elements=st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-1e6, 1e6),
    fill=st.nothing(),
)


@given(image=images(4), epsilon=epsilons(), direction=directions)
def test_the_support_covers_the_box_and_little_more(
    image: Floats, epsilon: float, direction: Floats
) -> None:
    box = Box.ball(image, epsilon)
    corners = zip(box.lower.tolist(), box.upper.tolist(), box.centre.tolist(), strict=True)
    most = Fraction(0)
    for slope, (lower, upper, centre) in zip(direction.tolist(), corners, strict=True):
        furthest = Fraction(upper if slope > 0 else lower)
        most += Fraction(slope) * (furthest - Fraction(centre))
    support = Fraction(box.support(direction))
    assert support >= most
    # the centre is rounded, and so are the radii
    slack = Fraction(2) ** -48 * sum(map(Fraction, np.abs(direction).tolist())) + Fraction(1e-300)
    assert support <= most + slack


@given(image=images(3), epsilon=epsilons(), share=arrays(np.float64, 3, elements=st.floats(0, 1)))
def test_the_radius_reaches_every_image(image: Floats, epsilon: float, share: Floats) -> None:
    box = Box.ball(image, epsilon)
    point = box.clip(box.lower + share * (box.upper - box.lower))
    for x, c, r in zip(point.tolist(), box.centre.tolist(), box.radius.tolist(), strict=True):
        assert abs(Fraction(x) - Fraction(c)) <= Fraction(r)
    assert np.array_equal(box.project(point), point)
    assert box.box is box


BOX = Box.ball(np.full(4, 0.5), 0.25)
REGIONS = (BOX, GridPoints(BOX, GridName.EIGHT_BIT.of(UNIT_RANGE)), L1Ball(BOX, np.full(4, 0.5), 1))


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: type(region).__name__)
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full(3, 0.5), r"the image has shape \(3,\), and the box \(4,\)"),
        (np.full((2, 4), 0.5), r"the image has shape \(2, 4\), and the box \(4,\)"),
        (np.float64(0.5), r"the image has shape \(\), and the box \(4,\)"),
        (None, "the image holds object; it must be a flat array of real numbers"),
        ("a.png", "the image holds <U5; it must be a flat array of real numbers"),
    ],
)
def test_what_is_no_image_of_the_box_is_refused(region: Region, image: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        region.contains(image)


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: type(region).__name__)
@pytest.mark.parametrize("image", [np.full(1, 0.5), np.full((4, 3), 0.5), 0.5, None, "a.png"])
def test_what_does_not_fit_the_box_is_refused(region: Region, image: Any) -> None:
    said = r"shape \(.*\), and the box \(4,\); give|it must be a flat array of real numbers"
    for asked in (region.project, region.support, BOX.clip):
        with pytest.raises(ProblemError, match=said):
            asked(image)


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: type(region).__name__)
def test_lists_are_read_as_arrays(region: Region) -> None:
    flat: Any = [0.5, 0.625, 0.375, 0.5]
    assert np.array_equal(region.project(flat), region.project(np.array(flat)))
    assert region.support(flat) == region.support(np.array(flat))
