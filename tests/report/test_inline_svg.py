import io
import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from signflip.report.inline_svg import inline_svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> str:
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([1, 2], marker="o", label="a < b & c")
    figure.legend()
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()


def document(content: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{content}</svg>'


def ids(text: str) -> set[str]:
    return {
        element.attrib["id"]
        for element in ElementTree.fromstring(text).iter()
        if "id" in element.attrib
    }


def test_drawings_share_no_id() -> None:
    drawing = drawn()
    first, second = inline_svg(drawing, "one"), inline_svg(drawing, "two")
    assert len(ids(first)) > 5
    assert not ids(first) & ids(second)


def test_every_reference_finds_its_id() -> None:
    drawing = inline_svg(drawn(), "one")
    used = re.findall(r'href="#([^"]+)"', drawing) + re.findall(r"url\(#([^)]+)\)", drawing)
    assert len(used) > 5
    assert set(used) <= ids(drawing)


def test_what_only_a_document_has_is_left_out() -> None:
    drawing = inline_svg(drawn(), "one")
    assert drawing.startswith("<svg")
    assert "metadata" not in drawing
    assert "<!DOCTYPE" not in drawing


def test_the_page_sets_the_size() -> None:
    root = ElementTree.fromstring(inline_svg(drawn(), "one"))
    assert root.attrib["viewBox"] == "0 0 216 144"
    assert "width" not in root.attrib
    assert "height" not in root.attrib


def test_a_size_without_a_view_box_becomes_one() -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"/>'
    assert ElementTree.fromstring(inline_svg(text, "one")).attrib["viewBox"] == "0 0 72 36"


def test_a_style_sheet_is_confined() -> None:
    drawing = inline_svg(document("<style>*{fill: red}</style>"), "one")
    style = ElementTree.fromstring(drawing).findtext(f"{SVG}style")
    assert style == "#one { *{fill: red} }"


def test_text_stays_text() -> None:
    text = "<text>a &lt;b&gt; &amp; c</text>"
    assert text in inline_svg(document(text), "one")


def test_what_is_no_drawing_is_refused() -> None:
    with pytest.raises(ElementTree.ParseError):
        inline_svg("<svg>", "one")
