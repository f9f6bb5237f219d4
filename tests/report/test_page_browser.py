"""The page in a real browser, opened as the file that it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from signflip.many.store import Store
from signflip.network import InputRange
from signflip.problem import GridName, Ties
from signflip.report.gallery import LEVELS, Gallery, gallery_of
from signflip.report.page import write_page
from signflip.result import Verdict
from tests.support.browser import chromium, open_page
from tests.support.pages import sample_page
from tests.support.stores import altered, fill, load, sample_row
from tests.support.tiny import tiny_network

# what the file makes once serves all of its tests
pytestmark = pytest.mark.xdist_group("browser")

HOSTILE = "<img src=x onerror='window.hacked = 1'></script><script>window.hacked = 1</script>"
LONG = "a-network-of-a-name-without-any-place-to-break-it-that-goes-on-and-on-and-on" * 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    with Store.open(tmp_path_factory.mktemp("store") / "store", create=True) as store:
        fill(store, 480)
        return gallery_of(store)


@pytest.fixture(scope="module")
def page(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_page(path, sample_page(gallery))
    return path


@pytest.fixture(autouse=True)
def clean_console(browser: Chrome) -> Iterator[None]:
    """Nothing is said on the console in any test: no error, and nothing that the policy refused."""
    said(browser)
    yield
    assert said(browser) == []


def said(browser: Chrome) -> list[dict[str, Any]]:
    """What the console was told since the last call."""
    lines: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return lines


def run(browser: Chrome, script: str, *arguments: object) -> Any:
    return browser.execute_script(script, *arguments)


def count(browser: Chrome) -> str:
    return browser.find_element(By.ID, "count").text


def choose(browser: Chrome, box: str, choice: str) -> None:
    Select(browser.find_element(By.ID, box)).select_by_value(choice)


def options(browser: Chrome, box: str) -> list[str]:
    return [option.text for option in Select(browser.find_element(By.ID, box)).options]


def cards(browser: Chrome, what: str) -> list[str]:
    """The texts of one part of all cards shown."""
    texts: list[str] = run(
        browser,
        "return [...document.querySelectorAll(`#cards [data-is=${arguments[0]}]`)]"
        ".map((part) => part.textContent)",
        what,
    )
    return texts


def wait_for_drawing(browser: Chrome) -> None:
    """Scroll to the cards, which draw when they come near, until the first one has."""
    run(browser, "document.querySelector('#cards .card').scrollIntoView()")
    wait_until(browser, "'drawn' in document.querySelector('#cards .card').dataset")


def wait_until(browser: Chrome, condition: str) -> None:
    WebDriverWait(browser, 120, poll_frequency=0.02).until(
        lambda _: run(browser, f"return {condition}")
    )


def pixels(browser: Chrome, place: int, picture: str) -> np.ndarray:
    """(pixels, 3): the colours of a canvas."""
    values = run(
        browser,
        """
        const card = document.querySelectorAll("#cards .card")[arguments[0]];
        const canvas = card.querySelector(`[data-part=${arguments[1]}] canvas`);
        const context = canvas.getContext("2d");
        return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
        """,
        place,
        picture,
    )
    return np.array(values).reshape(-1, 4)[:, :3]


def test_nothing_is_requested(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    wait_for_drawing(browser)
    assert run(browser, "return performance.getEntriesByType('resource').map((e) => e.name)") == []


def test_pictures_are_drawn_from_the_results(browser: Chrome, page: Path, gallery: Gallery) -> None:
    open_page(browser, page)
    wait_for_drawing(browser)
    shown = gallery.results[0]
    result, change = shown.record, shown.change
    assert change is not None
    original = gallery.originals[result.image].astype(float)
    assert np.array_equal(pixels(browser, 0, "original"), np.tile(original[:, None], 3))
    best = np.clip(original + change * (result.epsilon / LEVELS) * 255, 0, 255)
    assert np.abs(pixels(browser, 0, "result") - best[:, None]).max() <= 0.5 + 1e-9
    red, _, blue = pixels(browser, 0, "change").T
    assert np.array_equal(np.sign(red - blue), np.sign(change))


def test_a_card_says_what_the_result_is(browser: Chrome, page: Path, gallery: Gallery) -> None:
    open_page(browser, page)
    result = gallery.results[0].record
    text = browser.find_element(By.CSS_SELECTOR, "#cards .card").text
    assert result.network_name in text
    assert result.series in text
    assert f"{result.images_name}, no. {result.image_index}" in text
    assert f"× {1 / result.epsilon:g}" in text
    assert f"original\npredicts {result.prediction}" in text
    assert f"adversarial\npredicts {result.witness_prediction}" in text
    assert f"−{-result.clean_objective:g} → {result.objective:g}" in text
    assert f"Largest conceivable\n{result.largest_conceivable:g}" in text
    assert f"Label\nclass {result.label}" in text


def test_filters_change_what_is_shown_and_all_counts(
    browser: Chrome, page: Path, gallery: Gallery
) -> None:
    open_page(browser, page)
    assert count(browser) == "480 results, 1 to 48 shown"
    choose(browser, "filter-network", "fashion-3x100")
    choose(browser, "filter-series", "iprop")
    of_method = [r.record for r in gallery.results if r.record.series == "iprop"]
    chosen = [r for r in of_method if r.network_name == "fashion-3x100"]
    assert count(browser) == f"{len(chosen)} of 480 results"
    assert cards(browser, "network") == ["fashion-3x100"] * len(chosen)
    assert cards(browser, "series") == ["iprop"] * len(chosen)
    # a filter's counts are of what the others leave
    networks = Counter(r.network_name for r in of_method)
    assert options(browser, "filter-network") == [
        "All",
        *(f"{name} ({networks[name]})" for name in sorted(networks)),
    ]
    epsilons = Counter(r.epsilon for r in chosen)
    assert options(browser, "filter-epsilon") == [
        "All",
        *(f"{epsilon:g} ({epsilons[epsilon]})" for epsilon in sorted(epsilons)),
    ]
    choose(browser, "filter-verdict", "flipped")
    flipped = [r for r in chosen if r.verdict is Verdict.FLIPPED]
    assert cards(browser, "verdict") == ["Flipped"] * len(flipped)


def test_what_nothing_matches_is_said_and_mended(browser: Chrome, page: Path) -> None:
    open_page(browser, page, "#series=fgsm&verdict=robust")
    assert count(browser) == "0 of 480 results"
    assert "No result has all of this" in browser.find_element(By.ID, "empty").text
    assert not browser.find_element(By.ID, "pager").is_displayed()
    browser.find_element(By.ID, "clear").click()
    assert count(browser) == "480 results, 1 to 48 shown"
    assert not browser.find_element(By.ID, "empty").is_displayed()


def test_an_empty_gallery_says_so(browser: Chrome, tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", sample_page(Gallery()))
    open_page(browser, tmp_path / "page.html")
    assert "There are no results" in browser.find_element(By.ID, "empty").text


def test_the_address_keeps_the_choice(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    choose(browser, "filter-images", "mnist-sample")
    choose(browser, "sort", "seconds-high")
    browser.find_element(By.CSS_SELECTOR, "[data-go=next]").click()
    assert browser.current_url.endswith("#images=mnist-sample&sort=seconds-high&page=2")
    before = (count(browser), cards(browser, "seconds"))
    assert before[0] == "240 of 480 results, 49 to 96 shown"
    browser.refresh()
    assert (count(browser), cards(browser, "seconds")) == before
    assert Select(browser.find_element(By.ID, "sort")).first_selected_option.text == (
        "Time, longest first"
    )


def test_an_address_that_makes_no_sense_does_no_harm(browser: Chrome, page: Path) -> None:
    open_page(browser, page, "#network=none&sort=constructor&page=-3&problem=x&%%")
    assert count(browser) == "480 results, 1 to 48 shown"
    run(browser, "location.hash = '#page=999'")
    wait_until(browser, "document.getElementById('count').textContent.includes('433 to 480')")


@pytest.mark.parametrize(
    ("order", "column", "sign"),
    [
        ("objective-high", "objective", -1),
        ("objective-low", "objective", 1),
        ("epsilon-low", "epsilon", 1),
        ("epsilon-high", "epsilon", -1),
        ("seconds-low", "seconds", 1),
        ("seconds-high", "seconds", -1),
    ],
)
def test_orders(
    browser: Chrome, page: Path, gallery: Gallery, order: str, column: str, sign: int
) -> None:
    open_page(browser, page, f"#sort={order}")
    rows = run(
        browser, "return [...document.querySelectorAll('#cards .card')].map((c) => +c.dataset.row)"
    )
    shown = [getattr(gallery.results[row].record, column) for row in rows]
    values = (getattr(each.record, column) for each in gallery.results)
    everything = sorted(values, key=lambda v: sign * v)
    assert shown == pytest.approx(everything[:48])


def test_a_robust_result_says_what_was_proved(browser: Chrome, page: Path) -> None:
    open_page(browser, page, "#verdict=robust")
    wait_for_drawing(browser)
    card = browser.find_element(By.CSS_SELECTOR, "#cards .card")
    assert "Proved: no image within ε" in card.text
    assert len(card.find_elements(By.TAG_NAME, "canvas")) == 1
    assert pixels(browser, 0, "original").max() > 100


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "no image within ε = 0.01 of this one, in every pixel, gives class 3 a higher output"),
        ({}, "than class 7."),
        ({"ties": Ties.FLIP}, "than class 7, or the same."),
        ({"ties": Ties.PREDICT}, "than class 7, or the same if it is the lower class."),
        ({"grid": GridName.EIGHT_BIT}, "no image of 8 bits within ε"),
        ({"grid": GridName.FLOAT32}, "no image of float32 numbers within ε"),
        ({"mask": "<b>.png"}, "of this one, in the pixels that <b>.png lets change, gives"),
    ],
)
def test_a_robust_result_is_of_what_was_asked(
    browser: Chrome, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    pixels = load("mnist-sample")[0]
    with Store.open(tmp_path / "store", create=True) as store:
        image = store.add_image(pixels)
        store.add(sample_row(image=image, witness=pixels, verdict=Verdict.ROBUST, **asked))
        found = gallery_of(store)
    write_page(tmp_path / "page.html", sample_page(found))
    open_page(browser, tmp_path / "page.html")
    wait_for_drawing(browser)
    (words,) = cards(browser, "words")
    assert said in words.replace("\u00a0", " ")


def test_the_change_of_grey_levels_is_drawn_in_grey_levels(browser: Chrome, tmp_path: Path) -> None:
    grey = np.rint(load("mnist-sample")[0] * 200)
    with Store.open(tmp_path / "store", create=True) as store:
        network = replace(tiny_network(inputs=784), input_range=InputRange(upper=255))
        key = store.add_network("grey", network)
        row = sample_row(network=key, image=store.add_image(grey), epsilon=3.0, witness=grey + 3)
        store.add(row)
        found = gallery_of(store)
    write_page(tmp_path / "page.html", sample_page(found))
    open_page(browser, tmp_path / "page.html")
    wait_for_drawing(browser)
    assert np.array_equal(pixels(browser, 0, "original")[:, 0], grey)
    assert np.array_equal(pixels(browser, 0, "result")[:, 0], grey + 3)
    assert cards(browser, "factor") == ["× 85"]


def test_a_failed_result_says_why(browser: Chrome, page: Path) -> None:
    open_page(browser, page, "#verdict=failed")
    wait_until(browser, "document.querySelector('#cards .card') !== null")
    assert "No answer: the process was ended" in cards(browser, "words")[0]


def test_all_methods_on_one_problem(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    browser.find_element(By.CSS_SELECTOR, "#cards [data-is=same]").click()
    assert count(browser) == "4 of 480 results, of one problem"
    assert cards(browser, "series") == ["exact", "fgsm", "iprop", "milp"]
    browser.find_element(By.ID, "clear").click()
    assert count(browser) == "480 results, 1 to 48 shown"


def test_a_card_enlarged(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    names = cards(browser, "network")
    browser.find_element(By.CSS_SELECTOR, "#cards [data-open]").click()
    dialog = browser.find_element(By.ID, "large-card")
    assert names[0] in dialog.text
    assert "1 of 480" in dialog.text
    wait_until(browser, "'drawn' in document.querySelector('#large-card .card').dataset")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "2 of 480" in dialog.text
    browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "1 of 480" in dialog.text
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "2 of 480" in dialog.text
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()


def test_filters_have_labels_and_work_by_keyboard(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    boxes = "document.querySelectorAll('#filters select')"
    labels = run(browser, f"return [...{boxes}].map((box) => box.labels[0].innerText)")
    assert labels == ["Network", "Data set", "Epsilon", "Method", "Verdict", "Order"]
    box = browser.find_element(By.ID, "filter-verdict")
    run(browser, "document.getElementById('filter-series').focus()")
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element == box
    browser.switch_to.active_element.send_keys("f")  # Flipped
    assert set(cards(browser, "verdict")) == {"Flipped"}


@pytest.mark.parametrize(
    ("column", "upward", "downward"),
    [
        (
            1,
            ["mnist-2x100", "mnist-3x100", "mnist-10x100"],
            ["mnist-10x100", "mnist-3x100", "mnist-2x100"],
        ),
        (2, ["−3 %", "9 %", "1,100 %", "–"], ["1,100 %", "9 %", "−3 %", "–"]),
    ],
)
def test_tables_sort(
    browser: Chrome, tmp_path: Path, column: int, upward: list[str], downward: list[str]
) -> None:
    rows = [
        ("mnist-10x100", "9 %"),
        ("mnist-2x100", "–"),
        ("mnist-3x100", "1,100 %"),
        ("mnist-3x100", "−3 %"),
    ]
    write_page(tmp_path / "page.html", sample_page(Gallery(), rows=rows))
    open_page(browser, tmp_path / "page.html")
    head = browser.find_element(By.CSS_SELECTOR, f"th:nth-child({column})")
    cells = (
        f"return [...document.querySelectorAll('td:nth-child({column})')].map((c) => c.textContent)"
    )
    for order, name in ((upward, "ascending"), (downward, "descending")):
        head.find_element(By.TAG_NAME, "button").click()
        assert list(dict.fromkeys(run(browser, cells))) == order
        assert head.get_attribute("aria-sort") == name


def test_a_figure_enlarged_comes_back(browser: Chrome, page: Path) -> None:
    open_page(browser, page)
    browser.find_element(By.CSS_SELECTOR, "[data-enlarge]").click()
    dialog = browser.find_element(By.ID, "large-figure")
    assert dialog.find_element(By.TAG_NAME, "svg").is_displayed()
    dialog.find_element(By.CSS_SELECTOR, "[data-close]").click()
    wait_until(browser, "document.querySelector('figure .drawing svg') !== null")


@pytest.mark.parametrize("hash_", ["", "#verdict=robust", "#verdict=failed"])
def test_nothing_is_wider_than_a_phone(
    browser: Chrome, gallery: Gallery, tmp_path: Path, hash_: str
) -> None:
    results = [
        altered(r, network_name=LONG, images_name=LONG, series=LONG) for r in gallery.results
    ]
    rows = [("2x100", "9 %", LONG)]
    page = sample_page(
        replace(gallery, results=results, total=481), text=LONG, header=("a", "b", "c"), rows=rows
    )
    write_page(tmp_path / "page.html", page)
    open_page(browser, tmp_path / "page.html", hash_, width=360)
    wait_for_drawing(browser)
    assert run(browser, "return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    browser.find_element(By.CSS_SELECTOR, "#cards [data-open]").click()
    wide = "const d = document.getElementById('large-card'); return d.scrollWidth - d.clientWidth"
    assert run(browser, wide) == 0


def test_names_of_files_run_nothing(browser: Chrome, gallery: Gallery, tmp_path: Path) -> None:
    results = [
        altered(r, network_name=HOSTILE, images_name=HOSTILE, series=HOSTILE, stop=HOSTILE)
        for r in gallery.results
    ]
    write_page(tmp_path / "page.html", sample_page(replace(gallery, results=results), text=HOSTILE))
    open_page(browser, tmp_path / "page.html")
    browser.find_element(By.CSS_SELECTOR, "#cards [data-open]").click()
    assert run(browser, "return window.hacked === undefined")
    assert run(browser, "return document.images.length") == 0
    assert cards(browser, "network")[0] == HOSTILE
    choose(browser, "filter-network", HOSTILE)
    browser.refresh()
    assert cards(browser, "series")[0] == HOSTILE


def test_ten_thousand_results(browser: Chrome, gallery: Gallery, tmp_path: Path) -> None:
    copies = -(-10_000 // len(gallery.results))
    results = [
        altered(result, image_index=result.record.image_index + 100 * copy)
        for copy in range(copies)
        for result in gallery.results
    ][:10_000]
    write_page(
        tmp_path / "page.html", sample_page(replace(gallery, results=results, total=100_000))
    )
    open_page(browser, tmp_path / "page.html")
    wait_for_drawing(browser)
    assert count(browser) == "10,000 results, 1 to 48 shown"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#cards .card")) == 48
    choose(browser, "filter-verdict", "flipped")
    flipped = sum(shown.record.verdict is Verdict.FLIPPED for shown in results)
    assert count(browser) == f"{flipped:,} of 10,000 results, 1 to 48 shown"
    choose(browser, "sort", "problem")
    browser.find_element(By.CSS_SELECTOR, "[data-go=last]").click()
    wait_for_drawing(browser)
    last = int(run(browser, "return document.querySelector('#cards .card').dataset.row"))
    original = gallery.originals[results[last].record.image]
    assert np.array_equal(pixels(browser, 0, "original")[:, 0], original)
