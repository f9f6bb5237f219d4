"""The joint bound: no choice of point, curvatures or diagonal makes it refute what can be had."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.exact.curvature import choose, rounded_root
from signflip.exact.joint import CURVE_BITS, dominates, fresh_scratch, joint, point_bits
from signflip.exact.relaxation import RANK, fresh_workspace

seeds = st.integers(0, 2**32)


@dataclass
class Node:
    """A node with n undecided neurons of m and K rows, and what was chosen for it."""

    sums: npt.NDArray[np.int16]
    effect: npt.NDArray[np.int16]
    weight: npt.NDArray[np.int32]
    fraction: int
    live: npt.NDArray[np.int32]
    count: int
    curve: npt.NDArray[np.int16]
    root: npt.NDArray[np.int16]
    diagonal: npt.NDArray[np.float64]
    point: npt.NDArray[np.float32]
    drop: int = 0
    bits: int = 8
    proved: bool = False

    @property
    def gain(self) -> npt.NDArray[np.int16]:
        members = self.live[: self.count]
        gain: npt.NDArray[np.int16] = np.maximum(self.effect[members], 0).sum(
            axis=0, dtype=np.int16
        )
        return gain

    def most(self) -> int:
        """What the rows can be worth together, by trying every set of flips."""
        flips = np.array(list(product([0, 1], repeat=self.count)))
        sums = self.sums + flips @ self.effect[self.live[: self.count]]
        return int(((sums >= 0) * self.weight).sum(axis=1).max())

    def choose(self, rounds: int, sweeps: int) -> None:
        size, width = self.effect.shape
        mu, variance = np.zeros(width, np.float32), np.zeros(width, np.float32)
        vectors = np.zeros((size, RANK), np.float32)
        self.proved, self.drop, self.bits = choose(
            self.sums, self.gain, self.effect, self.weight, self.fraction, self.live, self.count,
            rounds, sweeps, True, mu, variance, vectors, mu, variance, vectors, self.curve,
            self.root, self.diagonal, np.zeros(size, np.float32), self.point,
            fresh_workspace(size, width),
        )  # fmt: skip

    def refuted(self, need: int, steps: int) -> tuple[bool, float]:
        """The bound's answer from the point of the node, which stays."""
        return joint(
            self.sums, self.gain, self.effect, self.weight, self.fraction, self.curve, self.root,
            self.diagonal, self.drop, self.bits, self.live, self.count, need, steps,
            self.point.copy(), fresh_scratch(*self.effect.shape),
        )  # fmt: skip


def random_node(rng: np.random.Generator, most: int = 10) -> Node:
    count, size, width = int(rng.integers(1, most + 1)), most + 3, int(rng.integers(1, 60))
    fraction = int(rng.choice([0, 10]))
    spread = int(rng.integers(1, count + 4))
    weight = rng.integers(1, 4000, width) if fraction else np.ones(width)
    return Node(
        sums=rng.integers(-spread, 3, width).astype(np.int16),
        effect=rng.choice([-1, 0, 1], (size, width), p=[0.45, 0.1, 0.45]).astype(np.int16),
        weight=weight.astype(np.int32),
        fraction=fraction,
        live=rng.permutation(size).astype(np.int32),
        count=count,
        curve=np.zeros(width, np.int16),
        root=np.zeros(width, np.int16),
        diagonal=np.ones(size),
        point=np.full(size, 0.5, np.float32),
    )


@settings(max_examples=30)
@given(seeds, st.sampled_from([0, 1, 4]), st.sampled_from([1, 3, 10]))
def test_what_can_be_had_is_not_refuted(seed: int, rounds: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    node = random_node(rng)
    node.choose(rounds, 3)
    assert node.proved
    # what was chosen for a node serves nodes below it, with any point
    for count in {node.count, int(rng.integers(1, node.count + 1))}:
        node.count = count
        most = node.most()
        for point in (node.point, rng.random(len(node.point)).astype(np.float32)):
            node.point = point
            refuted, gap = node.refuted(most, steps)
            assert not refuted
            assert gap >= 0


def test_the_bound_is_tight_enough_to_refute() -> None:
    """Where each row alone can be useful, but not all with the same flips."""
    refuted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        node = random_node(rng)
        node.sums[:] = -2
        node.effect[:] = rng.choice([-1, 1], node.effect.shape)
        node.choose(6, 8)
        worth = int(node.weight.sum())
        alone = int((node.weight * (node.sums + node.gain >= 0)).sum())
        if alone == worth and node.most() < worth:
            refuted += node.refuted(worth, 10)[0]
    assert refuted >= 5


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -3.0, 1e30, 0.0, 1.0])
def test_points_that_are_wrong_refute_nothing_that_can_be_had(wrong: float) -> None:
    for seed in range(5):
        node = random_node(np.random.default_rng(seed))
        node.choose(3, 3)
        node.point[:] = wrong
        assert not node.refuted(node.most(), 4)[0]


@settings(max_examples=15)
@given(seeds)
def test_curvatures_that_are_wrong_refute_nothing_once_diagonal_and_roots_fit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    node = random_node(rng)
    members = node.live[: node.count]
    node.bits = point_bits(node.count)
    unit = CURVE_BITS + 2 * node.bits - node.fraction
    for k, worth in enumerate(node.weight):
        most = 16000 / max(1.0, worth / (1 << node.fraction))
        least = 2.0 ** (CURVE_BITS + 2 * node.bits - 29) * max(1.0, worth / (1 << node.fraction))
        curve = int(rng.uniform(least + 1, most)) if least + 1 < most and rng.random() < 0.8 else 0
        node.curve[k] = curve
        node.root[k] = rounded_root(int(worth) << unit, curve) if curve else 0
    largest = int((node.curve.astype(int) * node.root).max())
    node.drop = max(0, (largest // 32767).bit_length())
    effect = node.effect.astype(int)
    products = (effect[members] * node.curve) @ effect[members].T
    # Gershgorin: a diagonal that dominates, whatever the curvatures
    node.diagonal[members] = np.abs(products).sum(axis=1) + 2.0
    diagonal = node.diagonal[members]
    scratch = np.zeros((node.count, node.count))
    assert dominates(diagonal, products.astype(np.int32), node.count, scratch)
    node.point = rng.random(len(node.point)).astype(np.float32)
    assert not node.refuted(node.most(), 3)[0]


@settings(max_examples=20)
@given(seeds, st.integers(1, 12))
def test_a_diagonal_is_proved_only_if_it_dominates(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    effect = rng.choice([-1, 0, 1], (count, 30))
    products = (effect * rng.integers(0, 16000, 30)) @ effect.T
    largest = float(np.linalg.eigvalsh(products)[-1])
    scratch = np.zeros((count, count))
    for near in (0.5, 0.999999, 1.0, 1.000001, 1.1):
        diagonal = np.full(count, np.floor(largest * near))
        if dominates(diagonal, products.astype(np.int32), count, scratch):
            assert np.linalg.eigvalsh(np.diag(diagonal) - products)[0] > -1e-6
        else:
            assert near <= 1.0 or largest * (near - 1) < 2


def test_a_wrong_diagonal_is_not_proved() -> None:
    products = np.array([[100, 90], [90, 100]], np.int32)
    scratch = np.zeros((2, 2))
    assert dominates(np.array([192.0, 192.0]), products, 2, scratch)
    assert not dominates(np.array([189.0, 189.0]), products, 2, scratch)
    assert not dominates(np.array([500.0, 99.0]), products, 2, scratch)
    assert not dominates(np.array([np.nan, 500.0]), products, 2, scratch)


@settings(max_examples=30)
@given(st.integers(1, 2**44), st.integers(1, 16000))
def test_roots_are_the_least_whole_numbers(worth: int, curve: int) -> None:
    root = rounded_root(worth, curve)
    assert curve * root * root >= worth
    assert root == 0 or curve * (root - 1) * (root - 1) < worth


@pytest.mark.parametrize("count", [1, 63, 64, 127, 128, 255, 256, 512])
def test_sums_at_the_point_fit_their_bits(count: int) -> None:
    assert (2 * count + 1) << point_bits(count) <= 32767
    assert point_bits(count) >= 4
