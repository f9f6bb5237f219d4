"""SVG documents as parts of an HTML page."""

import re
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_HREFS = ("href", f"{{{_XLINK}}}href")


def inline_svg(text: str, name: str) -> str:
    """An SVG document as an element of a page that holds others.

    Its ids get the prefix `name`, since several drawings of one program share them; its style
    sheet is confined to it; and its size is left to the page.

    Args:
        text: the document.
        name: the element's id, not used elsewhere on the page.
    """
    root = ElementTree.fromstring(text)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for attribute, value in element.attrib.items():
            element.set(attribute, _renamed(attribute, value, name))
        if element.tag == f"{{{_SVG}}}style":
            element.text = f"#{name} {{ {element.text} }}"
    _free_size(root)
    root.set("id", name)
    return ElementTree.tostring(root, encoding="unicode")


def _renamed(attribute: str, value: str, name: str) -> str:
    if attribute == "id":
        return f"{name}-{value}"
    if attribute in _HREFS and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return re.sub(r"url\(#", f"url(#{name}-", value)


def _free_size(root: ElementTree.Element) -> None:
    """Turn width and height into a view box, so that the page can scale the drawing."""
    width, height = (root.attrib.pop(side, "") for side in ("width", "height"))
    if "viewBox" not in root.attrib:
        sizes = [re.sub(r"[a-z]+$", "", side) for side in (width, height)]
        root.set("viewBox", f"0 0 {sizes[0]} {sizes[1]}")
