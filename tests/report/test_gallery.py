from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.errors import StoreError
from signflip.many.store import Store
from signflip.network import InputRange
from signflip.problem import Box
from signflip.report.gallery import LEVELS, drawn_shape, gallery_of, quantised
from signflip.result import Stop, Verdict
from tests.support.stores import attacked, fill, load, sample_row
from tests.support.tiny import tiny_network


def test_results_come_with_their_image_and_change(tmp_path: Path) -> None:
    pixels = load("mnist-sample")[0]
    witness = attacked(pixels, 0.02, np.random.default_rng(1))
    with Store.open(tmp_path / "store", create=True) as store:
        image = store.add_image(pixels)
        store.add(sample_row(image=image, epsilon=0.02, witness=witness, bound=12.0, target=None))
        gallery = gallery_of(store)
    (shown,) = gallery.results
    result = shown.record
    assert (result.network_name, result.images_name, result.series) == (
        "mnist-2x100",
        "mnist-sample",
        "iprop",
    )
    assert (result.objective, result.clean_objective, result.bound) == (2.0, -34.0, 12.0)
    assert (result.prediction, result.witness_prediction, result.target) == (7, 3, None)
    assert (result.verdict, result.stopped, result.failed) == (
        Verdict.FLIPPED,
        Stop.OPTIMAL.value,
        False,
    )
    assert np.array_equal(gallery.originals[result.image], np.rint(pixels * 255))
    assert shown.change is not None
    assert np.abs(shown.change * (0.02 / LEVELS) - (witness - pixels)).max() <= 0.02 / LEVELS / 1.99


def test_robust_and_failed_results_have_no_change(tmp_path: Path) -> None:
    pixels = load("mnist-sample")[0]
    witness = attacked(pixels, 0.01, np.random.default_rng(1))
    with Store.open(tmp_path / "store", create=True) as store:
        image = store.add_image(pixels)
        store.add(sample_row(key="a", image=image, witness=witness, verdict=Verdict.ROBUST))
        store.add(sample_row(key="b", image=image, witness=pixels, verdict=Verdict.UNKNOWN))
        store.add(
            sample_row(
                key="c",
                image=image,
                stop="failed",
                failure="the solver gave up",
                verdict=Verdict.UNKNOWN,
            )
        )
        results = gallery_of(store).results
    assert [result.change for result in results] == [None, None, None]
    assert [result.record.failed for result in results] == [False, False, True]
    assert results[2].record.stopped == "the solver gave up"


def test_a_limit_keeps_flipped_results_and_treats_networks_and_methods_alike(
    tmp_path: Path,
) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        image = store.add_image(load("mnist-sample")[0])
        for number in range(60):
            # twenty times as many of one network as of the other, found first
            network = "mnist-2x100" if number % 20 else "mnist-5x100"
            for series in ("fgsm", "iprop"):
                flipped = sample_row(
                    key=f"{number}{series}", image=image, network_name=network, series=series
                )
                store.add(flipped)
        for number in range(40):
            store.add(sample_row(key=f"robust{number}", image=image, verdict=Verdict.ROBUST))
        gallery = gallery_of(store, limit=12)
        everything = gallery_of(store)
    assert gallery.total == everything.total == 160
    assert Counter(
        (shown.record.network_name, shown.record.series, shown.record.verdict)
        for shown in gallery.results
    ) == {
        (network, series, Verdict.FLIPPED): 3
        for network in ("mnist-2x100", "mnist-5x100")
        for series in ("fgsm", "iprop")
    }
    verdicts = [shown.record.verdict for shown in everything.results]
    assert verdicts == [Verdict.FLIPPED] * 120 + [Verdict.ROBUST] * 40


def test_what_is_kept_does_not_depend_on_the_order_of_the_store(tmp_path: Path) -> None:
    chosen = []
    for order in (1, -1):
        with Store.open(tmp_path / f"store{order}", create=True) as store:
            image = store.add_image(load("mnist-sample")[0])
            for number in range(50)[::order]:
                store.add(sample_row(key=str(number), image=image, image_index=number))
            chosen.append([shown.record.image_index for shown in gallery_of(store, 20).results])
    assert chosen[0] == chosen[1]


def test_an_empty_store_makes_an_empty_gallery(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        gallery = gallery_of(store)
    assert (gallery.total, gallery.results, gallery.originals) == (0, (), {})


def test_an_image_is_kept_once(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store:
        fill(store, 96)
        gallery = gallery_of(store)
    assert len(gallery.results) == 96
    assert len(gallery.originals) == 2


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), min_size=1, max_size=20),
    st.floats(1e-6, 1),
)
def test_changes_are_kept_to_half_a_step(pairs: list[tuple[float, float]], epsilon: float) -> None:
    pixels, steps = np.array(pairs).T.copy()
    witness = Box.ball(pixels, epsilon).clip(pixels + epsilon * steps)
    change = quantised(witness, pixels, epsilon, "key")
    kept = np.zeros(len(pixels)) if change is None else change * (epsilon / LEVELS)
    assert np.abs(kept - (witness - pixels)).max() <= epsilon / LEVELS / 2 * (1 + 1e-6)


@pytest.mark.parametrize(
    ("witness", "said"),
    [
        ([0.5, 0.52], "leaves its ball of radius 0.01"),
        ([0.5, float("nan")], "leaves its ball"),
        ([0.5], "has 1 pixels and its original 2"),
    ],
)
def test_a_witness_that_is_no_image_of_the_ball_is_refused(witness: list[float], said: str) -> None:
    with pytest.raises(StoreError, match=said):
        quantised(np.array(witness), np.array([0.5, 0.5]), 0.01, "key")


def test_no_change_is_allowed_in_a_ball_of_radius_zero() -> None:
    pixels = np.array([0.5])
    assert quantised(pixels, pixels, 0.0, "key") is None
    with pytest.raises(StoreError, match="leaves its ball of radius 0"):
        quantised(pixels + 0.1, pixels, 0.0, "key")


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (784, (1, 28, 28)),
        (3072, (3, 32, 32)),
        (2700, (3, 30, 30)),
        (15, (1, 4, 4)),
        (12, (3, 2, 2)),
        (1, (1, 1, 1)),
    ],
)
def test_shapes_of_pictures(size: int, shape: tuple[int, int, int]) -> None:
    assert drawn_shape(size) == shape


def test_originals_are_grey_from_end_to_end_of_the_input_range(tmp_path: Path) -> None:
    grey = np.array([0.0, 51.0, 255.0, 128.0])
    with Store.open(tmp_path / "store", create=True) as store:
        image = store.add_image(grey)
        for upper in (255.0, 510.0):
            network = replace(tiny_network(inputs=4), input_range=InputRange(upper=upper))
            key = store.add_network("grey", network)
            changed = np.array([3.0, 51.0, 255.0, 125.0])
            row = sample_row(key=key, network=key, image=image, epsilon=3.0, witness=changed)
            store.add(row)
        gallery = gallery_of(store)
    found = {shown.inputs.upper: shown for shown in gallery.results}
    assert gallery.originals[found[255.0].original].tolist() == [0, 51, 255, 128]
    assert gallery.originals[found[510.0].original].tolist() == [0, 26, 128, 64]
    assert [found[upper].reach for upper in (255.0, 510.0)] == [3 / 255, 3 / 510]
