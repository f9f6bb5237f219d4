"""Marabou's queries: one written here, and the published ones where they lie."""

import gzip
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from signflip.data import load_dataset
from signflip.errors import ProblemError
from signflip.methods import Exact, Fgsm
from signflip.queries.decide import Answer, Turn, decide
from signflip.queries.marabou import read_marabou
from tests.support.datasets import full_test_set
from tests.support.others import foreign_network

EXACT = (Turn(Exact(), 1.0),)

# inputs 0, 1; outputs 2, 3; scaled inputs 4, 5; sums 6, 7, 8; signs 9, 10, 11
TINY = """12
2
2
7
3
2
0,0
1,1
2
0,2
1,3
0,0.25
1,0.0
0,0.5
1,1.0
0,0,1.0,0,2.0,4,-1.0
1,0,0.0,1,1.0,5,-1.0
2,0,-0.0,4,1.0,5,-1.0,6,-1.0
3,0,-0.0,4,1.0,5,1.0,7,-1.0
4,0,0.5,4,-1.0,8,-1.0
5,0,0.0,9,1.0,10,1.0,11,-1.0,2,-1.0
6,0,0.0,9,-1.0,10,1.0,11,1.0,3,-1.0
0,sign,9,6
1,sign,10,7
2,sign,11,8
7,1,0.0,2,1.0,3,-1.0
"""


def tiny(folder: Path, text: str = TINY) -> Path:
    # the inequality stands with the equations
    lines = text.splitlines()
    inequality = lines.pop()
    first_sign = next(i for i, line in enumerate(lines) if line.startswith(("0,sign", "0,relu")))
    lines.insert(first_sign, inequality)
    lines[3] = "8"
    path = folder / "q.ipq"
    path.write_text("\n".join(lines))
    return path


def original(x: np.ndarray) -> tuple[int, int]:
    """The query's own equations, by hand."""
    a, b = 2 * Fraction(x[0]) - 1, Fraction(x[1])
    s = [1 if value >= 0 else -1 for value in (a - b, a + b, -a - Fraction(1, 2))]
    return s[0] + s[1] - s[2], -s[0] + s[1] + s[2]


def test_the_network_is_that_of_the_equations(tmp_path: Path) -> None:
    held = read_marabou(tiny(tmp_path))
    assert held.scale.tolist() == [2.0, 1.0]
    network = held.query.network
    for x in np.random.default_rng(1).integers(0, 9, (60, 2)) / 8:
        signs = network.activations((x * held.scale)[None])[-1][0]
        assert network.output.exact_values(signs) == list(original(x))


def test_the_query_is_decided(tmp_path: Path) -> None:
    held = read_marabou(tiny(tmp_path))
    decision = decide(held.query, EXACT)
    assert decision.answer is Answer.SAT
    assert decision.witness is not None
    first, second = original(decision.witness / held.scale)
    assert first >= second
    # Y_0 - Y_1 = 2 s_0 - 2 s_2 is never above 4
    never = read_marabou(tiny(tmp_path, TINY.replace("7,1,0.0,2", "7,1,4.5,2")))
    assert decide(never.query, EXACT).answer is Answer.UNSAT


def test_compressed_files_are_read(tmp_path: Path) -> None:
    path = tiny(tmp_path)
    packed = tmp_path / "q.ipq.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_marabou(packed).query.network.digest == read_marabou(path).query.network.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY.replace("0,sign", "0,relu"), "constraint 'relu'"),
        (TINY.replace("0,0.5\n1,1.0", "4,0.5\n1,1.0"), "an input has no bounds"),
        (TINY.replace("4,0,0.5,4,-1.0,8,-1.0", "4,0,0.5,4,-0.5,5,1.0,8,-1.0"), "real weights"),
        (TINY.replace("3,-1.0\n0,sign", "1,-1.0\n0,sign"), "undefined|no sums|reads several"),
        ("12\n2\n", "no whole Marabou query"),
        ("a network", "no whole Marabou query"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "q.ipq"
    if len(text) > 50:
        path = tiny(tmp_path, text)
    else:
        path.write_text(text)
    with pytest.raises(ProblemError, match=message):
        read_marabou(path)


def test_damaged_files_end_in_an_error(tmp_path: Path) -> None:
    whole = tiny(tmp_path).read_bytes()
    rng = np.random.default_rng(2)
    path = tmp_path / "bad.ipq"
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 2):
            data[place] = rng.integers(32, 127)
        path.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)]))
        try:
            read_marabou(path)
        except ProblemError:
            refused += 1
    assert refused > 100


PUBLISHED = [
    f"mnist-bnn_index{index}_eps{epsilon}_target{target}_{answer}.ipq.gz"
    for index, near in ((0, 7), (1, 2), (2, 1))
    for epsilon in ("0.0001", "0.001")
    for target, answer in ((near, "sat"), (9, "unsat"))
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_queries(name: str) -> None:
    held = read_marabou(foreign_network("marabou", name))
    decision = decide(held.query, (Turn(Fgsm(width=0.3, restarts=4), 0.1), *EXACT), time_limit=60)
    assert decision.answer.value == name.removesuffix(".ipq.gz").rsplit("_", 1)[1]


def test_the_published_network_knows_mnist() -> None:
    held = read_marabou(foreign_network("marabou", PUBLISHED[0]))
    test_set = full_test_set("mnist")
    predicted = held.query.network.predict(test_set.images * held.scale)
    assert np.mean(predicted == test_set.labels) == pytest.approx(0.8966)
    assert len(load_dataset("mnist-sample").images) > 0
