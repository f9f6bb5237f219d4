import base64
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from signflip.many.store import Store
from signflip.report.embedding import CHUNK, embedded
from signflip.report.gallery import Gallery, gallery_of
from tests.support.stores import fill

# what the file makes once serves all of its tests
pytestmark = pytest.mark.xdist_group("embedding")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    with Store.open(tmp_path_factory.mktemp("store") / "store", create=True) as store:
        fill(store, 500)
        return gallery_of(store)


def unpacked(chunks: Sequence[str], sizes: Sequence[int]) -> list[bytes]:
    """Pictures, as the page's script finds them."""
    pictures = []
    for place, size in enumerate(sizes):
        start = sum(sizes[place - place % CHUNK : place])
        data = zlib.decompress(base64.b64decode(chunks[place // CHUNK]))
        pictures.append(data[start : start + size])
    return pictures


def test_pixels_come_back(gallery: Gallery) -> None:
    carried = embedded(gallery)
    index: Any = json.loads(json.dumps(carried.index))
    columns, sizes = index["columns"], index["pixels"]
    originals = unpacked(carried.originals, sizes)
    changed = [
        image for image, c in zip(columns["image"], columns["change"], strict=True) if c is not None
    ]
    changes = unpacked(carried.changes, [sizes[image] for image in changed])
    assert len(changes) > CHUNK  # more than one chunk
    for row, result in enumerate(gallery.results):
        original = np.frombuffer(originals[columns["image"][row]], np.uint8)
        assert np.array_equal(original, gallery.originals[result.record.image])
        if result.change is None:
            assert columns["change"][row] is None
        else:
            change = np.frombuffer(changes[columns["change"][row]], np.int8)
            assert np.array_equal(change, result.change)


def test_columns_come_back(gallery: Gallery) -> None:
    index: Any = json.loads(json.dumps(embedded(gallery).index, allow_nan=False))
    columns, names = index["columns"], index["names"]
    for row, result in enumerate(shown.record for shown in gallery.results):
        assert names["network"][columns["network"][row]] == result.network_name
        assert names["images"][columns["images"][row]] == result.images_name
        assert names["series"][columns["series"][row]] == result.series
        assert names["stop"][columns["stop"][row]] == result.stopped
        assert columns["verdict"][row] == ("failed" if result.failed else result.verdict.value)
        assert columns["target"][row] == result.target
        assert columns["epsilon"][row] == result.epsilon
        assert columns["bound"][row] == result.bound
        assert math.isclose(columns["seconds"][row], result.seconds, rel_tol=1e-5)


def test_problems_are_told_apart(gallery: Gallery) -> None:
    index: Any = embedded(gallery).index
    assert (
        index["names"]["problem"] == len({shown.record.problem for shown in gallery.results}) == 125
    )
    places = index["columns"]["problem"]
    pairs = set(zip(places, (shown.record.problem for shown in gallery.results), strict=True))
    assert len(pairs) == 125


def test_whole_numbers_are_short_and_infinity_is_none(gallery: Gallery) -> None:
    record = gallery.results[0].record
    record = replace(record, objective=12.0, bound=math.inf, seconds=1.23456789)
    result = replace(gallery.results[0], record=record)
    index: Any = embedded(replace(gallery, results=[result])).index
    columns = index["columns"]
    assert json.dumps([columns["objective"], columns["bound"], columns["seconds"]]) == (
        "[[12], [null], [1.23457]]"
    )


def test_nothing_is_carried_of_an_empty_gallery() -> None:
    carried = embedded(Gallery())
    assert (carried.originals, carried.changes) == ((), ())
    assert carried.index["pixels"] == []
