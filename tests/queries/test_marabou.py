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
from signflip.queries.query import Query
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


def only(path: Path) -> Query:
    (query,) = read_marabou(path).queries
    return query


def original(x: np.ndarray) -> tuple[int, int]:
    """The query's own equations, by hand."""
    a, b = 2 * Fraction(x[0]) - 1, Fraction(x[1])
    s = [1 if value >= 0 else -1 for value in (a - b, a + b, -a - Fraction(1, 2))]
    return s[0] + s[1] - s[2], -s[0] + s[1] + s[2]


def test_the_network_is_that_of_the_equations(tmp_path: Path) -> None:
    held = read_marabou(tiny(tmp_path))
    assert held.scale.tolist() == [2.0, 1.0]
    network = held.queries[0].network
    for x in np.random.default_rng(1).integers(0, 9, (60, 2)) / 8:
        signs = network.activations((x * held.scale)[None])[-1][0]
        assert network.output.exact_values(signs) == list(original(x))


def test_the_query_is_decided(tmp_path: Path) -> None:
    held = read_marabou(tiny(tmp_path))
    decision = decide(held.queries[0], EXACT)
    assert decision.answer is Answer.SAT
    assert decision.witness is not None
    first, second = original(decision.witness / held.scale)
    assert first >= second
    # Y_0 - Y_1 = 2 s_0 - 2 s_2 is never above 4
    never = read_marabou(tiny(tmp_path, TINY.replace("7,1,0.0,2", "7,1,4.5,2")))
    assert decide(never.queries[0], EXACT).answer is Answer.UNSAT


def test_compressed_files_are_read(tmp_path: Path) -> None:
    path = tiny(tmp_path)
    packed = tmp_path / "q.ipq.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert only(packed).network.digest == only(path).network.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY.replace("0,sign", "0,relu"), "constraint 'relu'"),
        (TINY.replace("0,0.5\n1,1.0", "4,0.5\n1,1.0"), "an input has no bounds"),
        (TINY.replace("4,0,0.5,4,-1.0,8,-1.0", "4,0,0.5,4,-0.5,5,1.0,8,-1.0"), "real weights"),
        (TINY.replace("3,-1.0\n0,sign", "1,-1.0\n0,sign"), "equation 6 defines no variable"),
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


# sums 2 = w x0 + x1 - c, 3 = w x0 - x1; signs 4, 5 of them; outputs 6 = s4 + s5, 7 = s4 - s5
def small(
    folder: Path,
    *asked: str,
    lower: tuple[str, ...] = ("0,0.0", "1,0.0"),
    upper: tuple[str, ...] = ("0,1.0", "1,1.0"),
    weight: str = "1.0",
    constant: str = "1.0",
) -> Path:
    equations = [
        f"0,{constant},0,{weight},1,1.0,2,-1.0",
        f"0,0.0,0,{weight},1,-1.0,3,-1.0",
        "0,0.0,4,1.0,5,1.0,6,-1.0",
        "0,0.0,4,1.0,5,-1.0,7,-1.0",
        *asked,
    ]
    counts = [8, len(lower), len(upper), len(equations), 2]
    lines = [str(count) for count in counts] + ["2", "0,0", "1,1", "2", "0,6", "1,7"]
    lines += [*lower, *upper, *(f"{i},{each}" for i, each in enumerate(equations))]
    path = folder / "small.ipq"
    path.write_text("\n".join([*lines, "0,sign,4,2", "1,sign,5,3"]))
    return path


BEHIND = "1,0,6,-1,7,1"  # y7 >= y6, so s5 = -1


def answer(path: Path) -> Answer:
    return decide(only(path), EXACT).answer


def test_equations_of_outputs_are_asked(tmp_path: Path) -> None:
    assert answer(small(tmp_path, "1,2,6,1.0")) is Answer.SAT
    # y6 = 2 where s4 = s5 = 1, and y7 is 0 there
    assert answer(small(tmp_path, "1,2,6,1.0", "0,0.0,6,1.0,7,-1.0")) is not Answer.SAT
    assert answer(small(tmp_path, "0,0.0,6,1.0", "0,-2,7,1.0")) is Answer.SAT


def test_a_variable_named_twice_in_an_equation_adds_up(tmp_path: Path) -> None:
    assert answer(small(tmp_path, "1,6,6,1.0,6,1.0,6,1.0")) is Answer.SAT
    assert answer(small(tmp_path, "1,6.5,6,1.0,6,1.0,6,1.0")) is Answer.UNSAT


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"asked": "0,0.5,0,1.0,1,-1.0"}, "equation 5 defines no variable"),
        ({"asked": "0,0.0,4,1.0,5,1.0"}, "equation 5 defines no variable"),
        ({"asked": "1,0.5,0,1.0"}, "inequality 5 is of other variables"),
        ({"asked": "5,0,6,1.0"}, r"equation 5 is of the kind 5; kinds are 0 \(=\)"),
        ({"asked": "0,0.0,6,0.0"}, "equation 5 is of no variable"),
        ({"lower": "3,0.25"}, "variable 3 has the lower bound 0.25, which limits it"),
        ({"lower": "5,1.0"}, "variable 5 has the lower bound 1, which limits it"),
        ({"upper": "4,0.5"}, "variable 4 has the upper bound 0.5, which limits it"),
        ({"upper": "9,0.5"}, "variable 9 has a bound, and no equation"),
        ({"lower": "1,0.5"}, "variable 1 has two lower bounds"),
        ({"lower": "6,1e-999999999"}, "1e-999999999 is no number"),
        ({"upper": "6,1e301"}, "1e301 is beyond 1e300"),
    ],
)
def test_what_limits_other_variables_is_refused(
    tmp_path: Path, more: dict[str, str], message: str
) -> None:
    lower = ("0,0.0", "1,0.0", *([more["lower"]] if "lower" in more else []))
    upper = ("0,1.0", "1,1.0", *([more["upper"]] if "upper" in more else []))
    asked = [more["asked"]] if "asked" in more else []
    path = small(tmp_path, BEHIND, *asked, lower=lower, upper=upper)
    with pytest.raises(ProblemError, match=message):
        read_marabou(path)


def test_bounds_that_follow_from_the_equations_are_accepted(tmp_path: Path) -> None:
    lower = ("0,0.0", "1,0.0", "2,-1.0", "3,-1", "4,-1.0", "5,-2")
    upper = ("0,1.0", "1,1.0", "2,1.0", "3,1.0", "4,1.0", "5,1.0")
    assert answer(small(tmp_path, BEHIND, lower=lower, upper=upper)) is Answer.SAT


def test_inputs_beyond_what_can_be_computed_are_refused(tmp_path: Path) -> None:
    path = small(tmp_path, BEHIND, upper=("0,1e20", "1,1.0"), weight="1e290")
    with pytest.raises(ProblemError, match="times its weight, is beyond 1e30;"):
        read_marabou(path)


def test_a_box_that_is_empty_asks_nothing(tmp_path: Path) -> None:
    path = small(tmp_path, BEHIND, lower=("0,0.6", "1,0.0"), upper=("0,0.4", "1,1.0"))
    assert read_marabou(path).queries == ()


def test_a_witness_holds_in_the_numbers_of_the_file(tmp_path: Path) -> None:
    tenth = ("0,0.1", "1,0.0")
    # no float64 is 0.1, and where x0 = 0.1, 3 x0 is below the constant
    above = "0.30000000000000001"
    path = small(tmp_path, "1,2,6,1.0", constant=above, weight="3.0", lower=tenth, upper=tenth)
    held = read_marabou(path)
    assert held.witness(held.queries[0].lower) is None
    assert held.witness(held.queries[0].upper) is None
    upper = ("0,0.3", "1,0.0")
    path = small(tmp_path, "1,2,6,1.0", constant="0.3", weight="3.0", lower=tenth, upper=upper)
    held = read_marabou(path)
    found = held.witness(held.queries[0].lower)
    assert found is not None
    assert Fraction(1, 10) <= Fraction(found.image[0]) <= Fraction(3, 10)
    assert found.outputs == [2, 0]


def test_a_witness_far_from_one_is_none(tmp_path: Path) -> None:
    held = read_marabou(small(tmp_path, BEHIND))
    assert held.witness(np.array([1.0, 0.0])) is None


PUBLISHED = [
    f"mnist-bnn_index{index}_eps{epsilon}_target{target}_{answer}.ipq.gz"
    for index, near in ((0, 7), (1, 2), (2, 1))
    for epsilon in ("0.0001", "0.001")
    for target, answer in ((near, "sat"), (9, "unsat"))
]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_queries(name: str) -> None:
    held = read_marabou(foreign_network("marabou", name))
    decision = decide(
        held.queries[0], (Turn(Fgsm(width=0.3, restarts=4), 0.1), *EXACT), time_limit=60
    )
    assert decision.answer.value == name.removesuffix(".ipq.gz").rsplit("_", 1)[1]
    assert decision.witness is None or held.witness(decision.witness) is not None


def test_the_published_network_knows_mnist() -> None:
    held = read_marabou(foreign_network("marabou", PUBLISHED[0]))
    test_set = full_test_set("mnist")
    predicted = held.queries[0].network.predict(test_set.images * held.scale)
    assert np.mean(predicted == test_set.labels) == pytest.approx(0.8966)
    assert len(load_dataset("mnist-sample").images) > 0


# inputs 0 to 2; sums 3 to 5 of them, and their signs 6 to 8; a sum 9 of these, and its sign 10
DECIMAL = """12 3 3 {equations} 4 3 0,0 1,1 2,2 1 0,11 0,0.6 1,0.6 2,0.6 0,0.9 1,0.9 2,0.9
    0,0,0.5,0,1,3,-1 1,0,0.5,1,1,4,-1 2,0,0.5,2,1,5,-1
    3,0,{constant},6,{weight},7,{weight},8,{weight},9,-1 {last}
    0,sign,6,3 1,sign,7,4 2,sign,8,5 3,sign,10,9"""


def decimal(folder: Path, weight: str, constant: str, *last: str) -> Answer:
    """The answer to a query whose signs 6 to 8 are all 1, by a witness in its own numbers."""
    text = DECIMAL.format(
        equations=4 + len(last), weight=weight, constant=constant, last=" ".join(last)
    )
    path = folder / "decimal.ipq"
    path.write_text("\n".join(text.split()))
    held = read_marabou(path)
    decision = decide(held.queries[0], EXACT)
    assert decision.witness is None or held.witness(decision.witness) is not None
    return decision.answer


@pytest.mark.parametrize(("weight", "constant"), [("0.7", "2.1"), ("0.1", "0.3"), ("0.3", "0.9")])
def test_decimals_that_meet_a_threshold_are_at_it(
    tmp_path: Path, weight: str, constant: str
) -> None:
    # as float64, 0.7 (1 + 1 + 1) is below 2.1
    asked = [f"4,0,0,10,1,11,-1 5,{kind},{level},11,1" for kind, level in ((1, 1), (2, -1))]
    assert decimal(tmp_path, weight, constant, *asked[0].split()) is Answer.SAT
    assert decimal(tmp_path, weight, constant, *asked[1].split()) is Answer.UNSAT


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("number", ["0.7", "0.3", "0.1"])
def test_outputs_of_decimals_meet_what_is_asked(tmp_path: Path, kind: int, number: str) -> None:
    output = f"4,0,0,10,{number},11,-1"
    assert decimal(tmp_path, "1", "0", output, f"5,{kind},{number},11,1") is Answer.SAT
    beyond = f"{number}0001" if kind == 1 else f"{number[:-1]}0999"
    assert decimal(tmp_path, "1", "0", output, f"5,{kind},{beyond},11,1") is Answer.UNSAT
