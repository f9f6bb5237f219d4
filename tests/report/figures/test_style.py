import re
from itertools import combinations

import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from signflip.methods import METHODS
from signflip.report.figures.style import house_style, looks, png_bytes, svg_bytes
from tests.support.results import frame_of, row


def test_every_method_has_a_colour_marker_and_hatch_of_its_own() -> None:
    found = looks(frame_of(*(row(name) for name in METHODS)))
    assert list(found) == list(METHODS)
    for one, other in combinations(found.values(), 2):
        assert one.colour != other.colour
        assert one.marker != other.marker
        assert one.hatch != other.hatch


def test_a_method_looks_the_same_whatever_is_beside_it() -> None:
    alone = looks(frame_of(row("iprop")))["iprop"]
    beside = looks(frame_of(*(row(name) for name in ("exact", "iprop", "iprop-warm"))))
    assert beside["iprop"] == alone
    assert beside["iprop-warm"] != alone


def test_lines_of_one_method_differ_in_their_markers() -> None:
    found = looks(frame_of(*(row(f"s{number}", method="iprop") for number in range(6))))
    assert len({look.marker for look in found.values()}) == 6
    assert len({(look.marker, look.colour, look.face) for look in found.values()}) == 6


def _seen_without_green_cones(colour: str) -> tuple[float, float, float]:
    """How a deuteranope sees it: Viénot, Brettel and Mollon 1999, in linear RGB."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    return (0.29275 * r + 0.70725 * g, 0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b)


def test_colours_differ_for_readers_without_green_cones() -> None:
    found = looks(frame_of(*(row(name) for name in METHODS)))
    for one, other in combinations(found.values(), 2):
        seen = zip(
            _seen_without_green_cones(one.colour),
            _seen_without_green_cones(other.colour),
            strict=True,
        )
        assert sum((x - y) ** 2 for x, y in seen) ** 0.5 > 0.05


@pytest.fixture
def figure() -> Figure:
    with house_style():
        figure = Figure(figsize=(2, 1))
        axes = figure.subplots()
        axes.plot([0, 1 / 3, 1], [0.123456, 1, 2 / 3], marker="o")
        axes.set_xlabel("0.123456 seconds")
    return figure


def test_the_same_drawing_gives_the_same_files(figure: Figure) -> None:
    assert svg_bytes(figure) == svg_bytes(figure)
    assert png_bytes(figure) == png_bytes(figure)


def test_an_svg_has_text_and_no_date(figure: Figure) -> None:
    svg = svg_bytes(figure).decode()
    assert "0.123456 seconds</text>" in svg
    assert "<dc:date>" not in svg


def test_paths_are_rounded_to_a_hundredth(figure: Figure) -> None:
    paths = re.findall(r' d="([^"]*)"', svg_bytes(figure).decode())
    numbers = [number for path in paths for number in re.findall(r"\.(\d+)", path)]
    assert numbers
    assert max(map(len, numbers)) <= 2
