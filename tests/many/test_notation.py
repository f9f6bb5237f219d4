import numpy as np
import pytest

from signflip.data import ImageSet
from signflip.errors import SettingError
from signflip.many import notation
from signflip.problem import Goal, Target, Untargeted

IMAGES = ImageSet(name="eight", images=np.zeros((8, 1)), labels=np.zeros(8, dtype=np.int64))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", [3]),
        ("2:5", [2, 3, 4]),
        (":2", [0, 1]),
        ("6:", [6, 7]),
        ("0:8:3", [0, 3, 6]),
        ("::4", [0, 4]),
        ("5,1:3,2", [5, 1, 2]),
        ("5, 1:3, 1", [5, 1, 2]),
        ("7, 0", [7, 0]),
        (":", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_indices(text: str, expected: list[int]) -> None:
    assert list(notation.indices(text).of(IMAGES)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8", "index 8 reaches beyond the images of eight, which are 0 to 7"),
        ("0:9", "index 0:9 reaches beyond"),
        ("5:5", "index 5:5 chooses no image"),
    ],
)
def test_indices_that_are_not_there(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        notation.indices(text).of(IMAGES)


@pytest.mark.parametrize("text", ["", "-1", "1:2:0", "1:2:3:4", "a", "1.5", "1,,2", "1;2", "²"])
def test_no_indices(text: str) -> None:
    with pytest.raises(SettingError, match="is no range of images"):
        notation.indices(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.01", 0.01), ("2/255", 2 / 255), ("1e-3", 0.001), ("0", 0.0)]
)
def test_epsilon(text: str, expected: float) -> None:
    assert notation.epsilon(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1/0", "1/2/3"])
def test_no_epsilon(text: str) -> None:
    with pytest.raises(SettingError, match="is no number"):
        notation.epsilon(text)


def test_shards_are_parts_of_all_tasks() -> None:
    names = [f"{number:064x}" for number in range(0, 10**6, 997)]
    parts = [[name for name in names if notation.shard(f"{k}/7").has(name)] for k in range(1, 8)]
    assert sorted(name for part in parts for name in part) == names
    assert all(parts)
    assert all(notation.shard("1/1").has(name) for name in names)


@pytest.mark.parametrize("text", ["", "3", "3/", "/3", "-1/3", "1/2/3", "a/b", "1.0/2", "²/3"])
def test_no_shard(text: str) -> None:
    with pytest.raises(SettingError, match="is no shard; write K/N"):
        notation.shard(text)


@pytest.mark.parametrize("text", ["0/3", "4/3", "0/0"])
def test_a_shard_that_is_not_there(text: str) -> None:
    with pytest.raises(SettingError, match=f"the shard is {text}; K must be from 1 to N"):
        notation.shard(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("second", None), ("untargeted", Untargeted()), ("12", Target(12))]
)
def test_goal(text: str, expected: Goal | None) -> None:
    assert notation.goal(text) == expected


@pytest.mark.parametrize("text", ["", "first", "-1", "²"])
def test_no_goal(text: str) -> None:
    with pytest.raises(SettingError, match="is no target"):
        notation.goal(text)


def test_numbers_of_things() -> None:
    found = [notation.counted(number, "image") for number in (0, 1, 2, 12_345)]
    assert found == ["0 images", "1 image", "2 images", "12,345 images"]
