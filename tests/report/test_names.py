import json
from typing import Any

import polars as pl
import pytest

from signflip.methods import IProp
from signflip.methods.spec import describe
from signflip.report.remarks import remarks
from tests.support.results import METHODS, frame_of, row


@pytest.mark.parametrize(
    ("network", "images", "shown"),
    [
        ("mnist-2x100", "mnist", "2x100"),
        ("mnist-2x100", "mnist-sample", "2x100"),
        ("fashion-5x100", "fashion-mnist", "5x100"),
        ("mnist-2x100", "fashion-mnist", "mnist-2x100"),
        ("mine.safetensors", "mine.npz", "mine.safetensors"),
    ],
)
def test_a_network_of_the_zoo_on_its_own_data_has_a_short_name(
    network: str, images: str, shown: str
) -> None:
    frame = frame_of(row("fgsm", network_name=network, images_name=images))
    assert frame["network"].to_list() == [shown]


def test_two_networks_of_one_name_are_told_apart() -> None:
    rows = [row("fgsm", key=key, network=key) for key in ("abcdef0", "0123456")]
    assert sorted(frame_of(*rows)["network"]) == ["2x100 (012345)", "2x100 (abcdef)"]


def test_two_networks_whose_short_names_are_one_have_their_long_ones() -> None:
    names = ("mnist-v1.safetensors", "v1.safetensors", "mnist-v2.safetensors")
    found = frame_of(*(row("fgsm", network_name=name, network=name) for name in names))
    assert sorted(found["network"]) == ["mnist-v1.safetensors", "v1.safetensors", "v2.safetensors"]


def test_networks_of_one_name_and_one_beginning_of_their_keys_are_told_apart() -> None:
    rows = [row("fgsm", key=key, network=key) for key in ("abcdef0", "abcdef1", "x")]
    assert sorted(frame_of(*rows)["network"]) == [
        "2x100 (x)",
        "mnist-2x100 (abcdef0)",
        "mnist-2x100 (abcdef1)",
    ]


def test_a_network_of_two_names_is_one() -> None:
    rows = [
        row(series, key=name, network="abc", network_name=name)
        for series, name in (("fgsm", "copy.safetensors"), ("exact", "best.safetensors"))
    ]
    assert frame_of(*rows)["network"].to_list() == ["best.safetensors"] * 2


def test_an_untargeted_attack_is_one_on_other_data() -> None:
    frame = frame_of(row("fgsm", target=None), row("fgsm", 1, target=4))
    assert frame["data"].to_list() == ["mnist", "mnist, untargeted"]


@pytest.mark.parametrize(
    ("asked", "data"),
    [
        ({"ties": "flip"}, "mnist, ties flip"),
        ({"ties": "predict", "target": None}, "mnist, untargeted, ties predict"),
        ({"grid": "8bit"}, "mnist, 8bit"),
        ({"mask": "border.png"}, "mnist, mask border.png"),
    ],
)
def test_what_else_was_asked_is_asked_of_other_data(asked: dict[str, Any], data: str) -> None:
    frame = frame_of(row("fgsm"), row("fgsm", key="other", problem="other", **asked))
    assert frame["data"].to_list() == ["mnist", data]
    assert remarks(frame) == []


def lines(*rows: dict[str, Any]) -> list[str]:
    return sorted(frame_of(*rows)["line"])


def test_a_series_is_a_line_of_its_name() -> None:
    assert lines(row("iprop", 0), row("iprop", 1), row("fgsm", 0)) == ["fgsm", "iprop", "iprop"]


def test_time_limits_tell_lines_apart() -> None:
    rows = [row("fgsm", key=str(limit), time_limit=limit) for limit in (10.0, 0.5)]
    assert lines(*rows) == ["fgsm, 0.5 s", "fgsm, 10 s"]


def test_a_method_of_a_newer_version_comes_last() -> None:
    frame = frame_of(row("newer", method="newer"), row("exact"), row("fgsm"))
    assert frame["line"].unique().sort().to_list() == ["fgsm", "exact", "newer"]


def test_no_time_limit_is_one_of_its_own() -> None:
    rows = [row("auto", key=str(limit), time_limit=limit) for limit in (10.0, None)]
    assert lines(*rows) == ["auto, 10 s", "auto, no time limit"]
    assert lines(rows[1]) == ["auto"]


def test_settings_tell_lines_apart() -> None:
    other = json.dumps(describe(IProp(cutoff=1.0)))
    assert lines(row("iprop", 0), row("iprop", 1, settings=other)) == [
        "iprop, settings 1",
        "iprop, settings 2",
    ]


def test_seeds_on_one_problem_are_runs() -> None:
    rows = [
        row("iprop", 0, key=f"{seed}", seed=seed, settings=json.dumps(describe(IProp(seed=seed))))
        for seed in (7, 3, 5)
    ]
    assert lines(*rows) == ["iprop", "iprop, run 2", "iprop, run 3"]
    assert {found["seed"]: found["line"] for found in frame_of(*rows).iter_rows(named=True)} == {
        3: "iprop",
        5: "iprop, run 2",
        7: "iprop, run 3",
    }


def test_seeds_on_different_problems_are_one_line() -> None:
    rows = [
        row("iprop", seed, seed=seed, settings=json.dumps(describe(IProp(seed=seed))))
        for seed in range(3)
    ]
    assert set(lines(*rows)) == {"iprop"}


def categories(frame: pl.DataFrame, column: str) -> list[str]:
    kind = frame.schema[column]
    assert isinstance(kind, pl.Enum)
    return kind.categories.to_list()


def test_the_order_is_that_of_the_paper() -> None:
    networks = ("mnist-10x100", "mnist-2x500", "mnist-2x100")
    rows = [
        *(row(series) for series in reversed(list(METHODS))),
        *(row("fgsm", network_name=name) for name in networks),
        row("fgsm", images_name="fashion-mnist", network_name="fashion-2x100"),
        row("fgsm", images_name="mine.npz", network_name="mine"),
        row("fgsm", images_name="mnist-sample"),
    ]
    frame = frame_of(*({each["key"]: each for each in rows}.values()))
    assert categories(frame, "data") == [
        "mnist",
        "mnist-sample",
        "fashion-mnist",
        "mine.npz",
    ]
    sizes = [name for name in categories(frame, "network") if name != "mine"]
    assert sizes == ["2x100", "2x500", "10x100"]
    assert categories(frame, "line") == [
        "fgsm",
        "milp",
        "iprop",
        "iprop-step-1",
        "iprop-step-5",
        "iprop-step-20",
        "iprop-warm",
        "exact",
        "exact-decide",
    ]
    assert frame["data"].to_list() == sorted(
        frame["data"].to_list(), key=categories(frame, "data").index
    )
