"""What a checked file is said to prove."""

import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np

from signflip.proof.check import Proved
from signflip.proof.claim import sentences
from signflip.proof.container import Content

CONTENT = Content(
    network="",
    prediction=1,
    rivals=(0, 2),
    bound=Fraction(0),
    strict=(),
    epsilon=0.25,
    image=np.array([0.5, 0.5]),
    lower=np.array([0.25, 0.5]),
    upper=np.array([0.75, 0.5]),
    witness=None,
    steps=b"",
)


def said(content: Content, classes: int = 3, values: tuple[int, ...] = ()) -> str:
    exact = tuple(map(Fraction, values))
    return " ".join(sentences(Proved(content=content, free=1, values=exact, cases=1), classes))


def test_it_says_where() -> None:
    assert "Within epsilon 0.25 of the image, 1 of 2 pixels being held," in said(CONTENT)
    assert "which are up to 0.25 from the image" in said(replace(CONTENT, epsilon=None))


def test_the_same_class_everywhere_needs_all_rivals_and_ties_below() -> None:
    assert "no class is ahead of class 1." in said(CONTENT)
    assert "every image has the class 1." in said(replace(CONTENT, strict=(0,)))
    assert "none of the classes 0, 2 is ahead of class 1, and none of 0 is level with it." in said(
        replace(CONTENT, strict=(0,)), classes=4
    )
    assert "class 2 is not ahead of class 1." in said(replace(CONTENT, rivals=(2,)))


def test_a_bound_is_named_exactly_where_that_is_short() -> None:
    below = replace(CONTENT, bound=Fraction(-7, 2))
    assert "every image has the class 1, ahead of any other by at least 7/2." in said(below)
    assert "the classes 0, 2 is ahead of class 1 by more than -7/2." in said(below, classes=4)
    text = said(replace(CONTENT, bound=Fraction(1, 3**80)))
    shown = text.partition("by more than ")[2].removesuffix(".")
    assert Fraction(float(shown)) >= Fraction(1, 3**80)


def test_a_bound_beyond_the_range_of_floats_is_said() -> None:
    assert "by more than inf." in said(replace(CONTENT, bound=Fraction(10**400)))
    text = said(replace(CONTENT, bound=Fraction(-(10**400)), strict=(0,)))
    assert f"ahead of any other by at least {sys.float_info.max!r}." in text


def test_a_witness_has_its_own_distance_and_class() -> None:
    content = replace(CONTENT, witness=np.array([0.7, 0.5]))
    text = said(content, values=(5, 3, 1))
    # the float64 next to 0.7 - 0.5 would be less than the exact distance, or just that
    distance = text.partition("of class 0, ")[2].partition(" from")[0]
    assert Fraction(float(distance)) >= Fraction(0.7) - Fraction(0.5)
    assert "objective of at least 2." in text
    assert "objective of at least 0, the largest that there is." in said(content, values=(3, 3, 1))
