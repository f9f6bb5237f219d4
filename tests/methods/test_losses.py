from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signflip.arrays import Floats
from signflip.clock import Clock
from signflip.errors import SettingError
from signflip.methods.losses import (
    CrossEntropy,
    Lead,
    LogitRatio,
    Loss,
    Margin,
    Scaling,
    scaling_named,
    softmax,
)
from signflip.methods.surrogate import Pass, Surrogate
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from tests.support.tiny import tiny_network

RIVAL, ROW = np.array([9, 1]), np.array([1])  # of a batch's second image


def loss_of(name: str) -> Loss:
    losses: dict[str, Loss] = {
        "lead": Lead(0, (1, 2)),
        "margin": Margin(0, RIVAL),
        "ratio": LogitRatio(0, RIVAL),
        "entropy": CrossEntropy(RIVAL, np.array([9.0, 0.7])),
    }
    return losses[name]


@pytest.mark.parametrize("name", ["lead", "margin", "ratio", "entropy"])
@given(values=st.permutations([-3.0, -1.2, 0.1, 0.9, 2.5]))
def test_the_slope_is_that_of_the_loss(name: str, values: list[float]) -> None:
    point = np.array([values])
    loss = loss_of(name)
    _, slope = loss(point, ROW)
    step = 1e-6 * np.eye(5)
    rises = [(loss(point + s, ROW)[0] - loss(point - s, ROW)[0])[0] / 2e-6 for s in step]
    np.testing.assert_allclose(slope[0], rises, atol=1e-5)


def test_values_by_hand() -> None:
    values = np.array([[7.0, 1.0, 3.0, -1.0]])
    assert Lead(0, (1, 2))(values, ROW)[0] == -4
    assert Margin(0, RIVAL)(values, ROW)[0] == -6
    # 7 - (1 + -1) / 2
    assert LogitRatio(0, RIVAL)(values, ROW)[0] == pytest.approx(-6 / 7)
    expected = np.log(softmax(2 * values)[0, 1])
    assert CrossEntropy(RIVAL, np.array([0.0, 2.0]))(values, ROW)[0] == pytest.approx(expected)


def test_the_ratio_of_few_classes() -> None:
    three, _ = LogitRatio(0, RIVAL)(np.array([[7.0, 1.0, 3.0]]), ROW)
    assert three == pytest.approx(-6 / 6)
    two, slope = LogitRatio(0, RIVAL)(np.array([[7.0, 1.0]]), ROW)
    assert two == -6
    np.testing.assert_array_equal(slope, [[-1, 1]])


@given(arrays(np.float64, (1, 5), elements=st.sampled_from([0.0, 1.0, -1e99, 1e99])))
def test_ties_and_huge_values_give_finite_slopes(values: Floats) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for name in ("ratio", "entropy"):
            heights, slope = loss_of(name)(values, ROW)
            assert np.isfinite(heights).all()
            assert np.isfinite(slope).all()


def passed() -> Pass:
    network = tiny_network(scale=(1.0, 0.3, 2.0))
    images = np.random.default_rng(0).random((3, network.inputs))
    return Surrogate(network, images[0], width=3.0).at(images)


def jacobians(of: Pass) -> Floats:
    """(N, classes, inputs)."""
    rows = [of.gradient(np.tile(unit, (3, 1))) for unit in np.eye(of.values.shape[1])]
    return np.stack(rows, axis=1)


def test_network_jacobian_scaling_makes_the_mean_singular_value_1() -> None:
    of = passed()
    for scale, jacobian in zip(Scaling.JACOBIAN.of(of), jacobians(of), strict=True):
        singular = np.linalg.svd(scale * jacobian, compute_uv=False)
        assert singular.mean() == pytest.approx(1)


def test_hessian_norm_scaling_makes_the_hessian_large() -> None:
    of = passed()
    scales, others = Scaling.HESSIAN.of(of), Scaling.JACOBIAN.of(of)
    assert (scales != others).any()
    for scale, other, values, jacobian in zip(
        scales, others, of.values, jacobians(of), strict=True
    ):
        norm = _hessian_norm(values, jacobian)
        gap = float(np.diff(np.sort(values)[-2:])[0])
        # from a top share of 1 / 3 + 0.01 to a rest of 1e-72, in 100 steps
        ends = [-np.log(share / ((1 - share) * 2)) / gap for share in (2 / 3 - 0.01, 1e-72)]
        best = max(norm(tried) for tried in np.linspace(ends[0], ends[1], 100))
        assert norm(scale) == pytest.approx(best) or scale == other


def _hessian_norm(values: Floats, jacobian: Floats) -> Callable[[float], float]:
    def norm(scale: float) -> float:
        share = softmax(scale * (values - values.max())[None])[0]
        inner = np.diag(share) - np.outer(share, share)
        return float(np.linalg.norm(scale**2 * jacobian.T @ inner @ jacobian))

    return norm


@pytest.mark.parametrize("scaling", list(Scaling))
def test_where_time_is_out_there_is_no_scaling(scaling: Scaling) -> None:
    assert (scaling.of(passed()) != 1).any()
    assert scaling.of(passed(), Clock.start(0.0)).tolist() == [1.0] * len(passed().values)


def test_two_classes_of_one_slope_have_no_hessian_and_its_scale_is_no_rounding_error() -> None:
    hidden = SignLayer.dense([[1, -1], [1, 1]], [0.1, 0.7])
    output = OutputLayer(np.array([[0.3, -0.7], [0.3, -0.7]]), np.ones(2), np.array([0.1, 0.0]))
    of = Surrogate(BinaryNetwork((hidden,), output), np.full(2, 0.4)).at([[0.4, 0.45]])
    assert Scaling.HESSIAN.of(of).tolist() == Scaling.JACOBIAN.of(of).tolist()


def test_scalings_by_name() -> None:
    assert scaling_named("njs") is Scaling.JACOBIAN
    assert scaling_named(None) is None
    with pytest.raises(SettingError, match="the scaling is 'pgd'; it must be 'njs' or 'hns', or n"):
        scaling_named("pgd")
