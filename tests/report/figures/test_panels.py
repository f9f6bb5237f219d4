from itertools import combinations, product

import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from signflip.report.figures import flipped, objectives, over_time
from signflip.report.figures.panels import (
    WIDTH,
    Spacing,
    fitted,
    in_words,
    place_panels,
)
from signflip.report.figures.style import house_style
from signflip.zoo import ARCHITECTURES
from tests.support.drawings import drawn, source, texts
from tests.support.results import row

NETWORKS = [f"mnist-{size}" for size in ARCHITECTURES]
LONG = "a-data-set-with-a-very-long-name-indeed.npz"
LONG_NETWORKS = ["a-network-with-a-long-name.safetensors", "and-another.safetensors"]
SERIES = ("fgsm", "milp", "iprop", "exact")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("columns", [1, 2, 6])
def test_panels_are_of_one_size_and_apart(rows: int, columns: int) -> None:
    handles: list[Artist] = [Line2D([], [], label=f"label {i}") for i in range(9)]
    places = list(product(range(rows), range(columns)))
    figure, axes = place_panels(places, Spacing(), handles)
    boxes = [panel.get_position() for panel in axes]
    assert figure.get_figwidth() <= WIDTH + 1e-9
    assert all(0 < box.x0 < box.x1 < 1 and 0 < box.y0 < box.y1 < 1 for box in boxes)
    assert {(round(box.width, 9), round(box.height, 9)) for box in boxes} == {
        (round(boxes[0].width, 9), round(boxes[0].height, 9))
    }
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def overlapping(figure: Figure) -> list[str]:
    """Pairs of tick labels along a panel's x axis, or titles, that overlap; titles cut off."""
    figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        labels = [label for label in axes.get_xticklabels() if label.get_text()]
        labels += [axes.title, axes._left_title]  # type: ignore[attr-defined]
        boxes = [(each.get_text(), each.get_window_extent()) for each in labels if each.get_text()]
        found += [
            f"{one} | {other}" for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)
        ]
    titles = [
        (axes._left_title.get_text(), axes._left_title.get_window_extent())  # type: ignore[attr-defined]
        for axes in figure.axes
    ]
    found += [f"{t} | {u}" for (t, a), (u, b) in combinations(titles, 2) if a.overlaps(b)]
    return found + [f"{title} |" for title, box in titles if box.x1 > figure.bbox.x1]


@pytest.mark.parametrize("figure", [flipped, objectives, over_time])
@pytest.mark.parametrize(
    ("networks", "epsilons", "images"),
    [
        (NETWORKS[:1], (0.01, 0.02), "fashion-mnist-sample"),
        (NETWORKS[:1], (0.01, 0.02), LONG),
        (NETWORKS, (0.005, 0.01, 0.02, 0.03, 0.05, 0.1), LONG),
        (LONG_NETWORKS, (0.01,), "fashion-mnist-sample"),
        (LONG_NETWORKS, (0.01,), LONG),
    ],
)
def test_nothing_overlaps(
    figure: object, networks: list[str], epsilons: tuple[float, ...], images: str
) -> None:
    rows = [
        row(
            series,
            image,
            images_name=images,
            network_name=network,
            epsilon=epsilon,
            stop="optimal" if series == "exact" else "time_limit",
        )
        for network, epsilon, series, image in product(networks, epsilons, SERIES, (0, 1))
    ]
    with house_style():
        plot = figure.plot(source(*rows))  # type: ignore[attr-defined]
        assert overlapping(plot.drawing) == []


@pytest.mark.parametrize("figure", [flipped, objectives, over_time])
def test_names_are_no_formulas(figure: object) -> None:
    name = r"a $\frac{$ b"
    rows = [row(name, image, method="fgsm", images_name=f"{name}.npz") for image in (0, 1)]
    with house_style():
        svg = drawn(figure.plot(source(*rows)))  # type: ignore[attr-defined]
    assert any(text.startswith(name) for text in texts(svg))


def test_words_fit_into_their_figure() -> None:
    figure = in_words("a sentence that is a good deal longer than one line of a figure " * 2)
    figure.draw_without_rendering()
    (text,) = figure.texts
    box, whole = text.get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0 < box.x1 <= whole.x1
    assert whole.y0 <= box.y0 < box.y1 <= whole.y1


def test_a_title_that_is_too_long_keeps_its_ends() -> None:
    assert fitted("short", 1.0) == "short"
    assert fitted("abcdefghijklmnopqrstuvwxyz", 0.75) == "abcde…wxyz"
