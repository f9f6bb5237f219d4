import base64
import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from signflip.many.store import Store
from signflip.report.gallery import Gallery, gallery_of
from signflip.report.page import write_page
from tests.support.pages import sample_page
from tests.support.stores import altered, fill

# what the file makes once serves all of its tests
pytestmark = pytest.mark.xdist_group("page")

HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\" & {{ 7 * 7 }} <!--"


class Reader(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._open: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self._open = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.scripts.append((self._open, data))
            self._open = None
        else:
            self.texts.append(data)


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return reader


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    with Store.open(tmp_path_factory.mktemp("store") / "store", create=True) as store:
        fill(store, 24)
        return gallery_of(store)


def test_text_of_files_is_never_markup(gallery: Gallery, tmp_path: Path) -> None:
    hostile = replace(
        gallery,
        results=[
            altered(shown, network_name=HOSTILE, images_name=HOSTILE, series=HOSTILE, stop=HOSTILE)
            for shown in gallery.results
        ],
    )
    write_page(tmp_path / "plain.html", sample_page(gallery))
    rows = [(HOSTILE, "1"), ("2x100", HOSTILE)]
    page = sample_page(hostile, text=HOSTILE, header=("network", HOSTILE), rows=rows)
    write_page(tmp_path / "hostile.html", page)
    plain, reader = read(tmp_path / "plain.html"), read(tmp_path / "hostile.html")
    assert reader.tags["script"] == plain.tags["script"]
    assert reader.tags["img"] == 0
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    texts = " ".join(reader.texts)
    for place in ("Report", "made by", "label", "value", "title", "caption", "table", "said"):
        assert f"{place} {HOSTILE}" in texts
    index = next(text for attributes, text in reader.scripts if attributes.get("id") == "index")
    assert json.loads(index)["names"]["network"] == [HOSTILE]


def test_nothing_is_fetched(gallery: Gallery, tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", sample_page(gallery))
    reader = read(tmp_path / "page.html")
    links = [v for name, v in reader.attributes if name in ("src", "href", "srcset", "action")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    style = (tmp_path / "page.html").read_text(encoding="utf-8").split("<style>")[1]
    assert "@import" not in style
    assert "url(" not in style.split("</style>")[0]


def test_the_policy_allows_the_page_s_scripts_and_no_other(
    gallery: Gallery, tmp_path: Path
) -> None:
    write_page(tmp_path / "page.html", sample_page(gallery))
    reader = read(tmp_path / "page.html")
    (policy,) = [value for _, value in reader.attributes if value.startswith("default-src")]
    scripts = [text for attributes, text in reader.scripts if "type" not in attributes]
    assert scripts
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    ]
    assert f"script-src {' '.join(hashes)};" in policy
    assert policy.startswith("default-src 'none';")


def test_a_limited_gallery_says_so(gallery: Gallery, tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", sample_page(replace(gallery, total=123_456)))
    text = " ".join(" ".join(read(tmp_path / "page.html").texts).split())
    assert "The store holds 123,456 results; here are 24 of them, flipped ones first" in text


def test_a_whole_gallery_does_not(gallery: Gallery, tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", sample_page(gallery))
    assert "The store holds" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_columns_of_numbers_stand_right(tmp_path: Path) -> None:
    rows = [("2x100", "9 %", "−3", "12/20", ""), ("3x100", "–", "~ 4.5", "0", "[1, 2]")]
    header = ("network", "share", "margin", "count", "none")
    page = sample_page(Gallery(), header=header, rows=rows)
    write_page(tmp_path / "page.html", page)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    heads = [line for line in text.splitlines() if "<th " in line]
    assert ["number" in head for head in heads] == [False, True, True, True, False]


def test_a_page_without_anything_is_a_page(tmp_path: Path) -> None:
    page = replace(sample_page(Gallery()), figures=(), tables=(), summary=())
    write_page(tmp_path / "page.html", page)
    assert read(tmp_path / "page.html").tags["figure"] == 0


def test_a_page_that_fails_leaves_the_old_one(gallery: Gallery, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    page = sample_page(gallery)
    with pytest.raises(SyntaxError):
        write_page(path, replace(page, figures=[replace(page.figures[0], svg="<svg>")]))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_jinja2_the_error_names_the_extra() -> None:
    program = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'jinja2' else find(name, *rest)\n"
        "from pathlib import Path\n"
        "from signflip.errors import MissingExtraError\n"
        "from signflip.report.gallery import Gallery\n"
        "from signflip.report.page import Page, write_page\n"
        "page = Page(title='', subtitle='', summary=(), figures=(), tables=(), gallery=Gallery())\n"
        "try:\n"
        "    write_page(Path('no'), page)\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'signflip[report]'" in answer.stdout
