"""Figures for tests: sources of made-up results, and what a drawing says."""

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.style import svg_bytes
from signflip.report.frame import Trace
from tests.support.results import frame_of


def source(*rows: Mapping[str, Any], traces: Mapping[str, Trace] | None = None) -> Source:
    """The source of these rows; a row without a trace stays at its clean image."""

    def found(keys: set[str]) -> Iterator[tuple[str, Trace]]:
        for each in rows:
            if each["key"] in keys:
                clean = [[0.0, float(each["clean_objective"])]]
                yield each["key"], (traces or {}).get(each["key"], clean)

    return Source(frame=frame_of(*rows), traces=found)


def drawn(plot: Plot) -> ElementTree.Element:
    """The root of the drawing's SVG document."""
    return ElementTree.fromstring(svg_bytes(plot.drawing))


def texts(svg: ElementTree.Element) -> set[str]:
    """What is written in a drawing."""
    return {
        (element.text or "").strip()
        for element in svg.iter()
        if element.tag.endswith(("}text", "}tspan"))
    } - {""}
