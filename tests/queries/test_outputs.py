"""Properties speak of the outputs of a file, which need not be class values."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from signflip import load_network, save_network
from signflip.cli.verify import queries_of
from signflip.errors import ProblemError
from signflip.formats.assembly import Assembly
from signflip.formats.outputs import OUTPUTS
from signflip.methods import Exact
from signflip.network import BinaryNetwork, InputRange
from signflip.queries.decide import Answer, Turn, decide
from signflip.queries.marabou import read_marabou
from signflip.queries.outputs import Outputs
from tests.cli.test_verify import marabou
from tests.formats.test_onnx import Builder

EXACT = (Turn(Exact(), 1.0),)
BOX = "".join(f"(assert (>= X_{i} 0)) (assert (<= X_{i} 1))\n" for i in range(3))


def network(folder: Path, classes: int, *tail: str, gives: int = TensorProto.FLOAT) -> Path:
    """x_0 + x_1 + x_2 >= 1, 2 and 3, and class c is a sum of these signs."""
    b = Builder((3,))
    b.add("MatMul", b.constant(np.ones((3, 3)))).add("Sub", b.constant([0.75, 1.75, 2.75])).sign()
    b.add("MatMul", b.constant(np.ones((3, classes)) * np.array([[1, -1, 1]])[:, :classes]))
    for kind in tail:
        b.add(kind, **({} if kind == "Sigmoid" else {"axis": 1}))
    return b.save(folder / "net.onnx", gives=gives)


def answer(network: BinaryNetwork, folder: Path, asked: str) -> Answer:
    path = folder / "p.vnnlib"
    path.write_text(f"{BOX}(assert {asked})")
    (query,) = queries_of(network, path)
    return decide(query, EXACT).answer


def test_one_logit_is_the_output_that_a_property_asks_of(tmp_path: Path) -> None:
    read = load_network(network(tmp_path, 1))
    assert read.card[OUTPUTS] == "one logit"
    save_network(read, tmp_path / "net.safetensors")
    for each in (read, load_network(tmp_path / "net.safetensors")):
        assert (
            answer(each, tmp_path, "(and (>= X_0 0.9) (>= X_1 0.9) (<= Y_0 -1.5))") is Answer.UNSAT
        )
        assert answer(each, tmp_path, "(and (>= X_0 0.9) (>= X_1 0.9) (>= Y_0 3))") is Answer.SAT
        with pytest.raises(ProblemError, match="asks for Y_1; the network's file has 1 output"):
            answer(each, tmp_path, "(>= Y_0 Y_1)")
    assert Outputs.of(read).shown([Fraction(-2), Fraction(2)]) == [2.0]


def test_one_output_of_marabou(tmp_path: Path) -> None:
    path = marabou(tmp_path / "q.ipq", "0.1", "0.4", "0.3")
    lines = path.read_text().splitlines()
    # without output 7: variables, equations, its place among the outputs, its equation
    lines[0], lines[3] = "7", "4"
    lines[lines.index("1,7") - 2] = "1"
    lines = [each for each in lines if each not in ("1,7", "3,0,0.0,4,1.0,5,-1.0,7,-1.0")]

    def answered(asked: str) -> Answer:
        path.write_text("\n".join(asked if each == "4,1,2,6,1.0" else each for each in lines))
        held = read_marabou(path)
        decision = decide(held.queries[0], EXACT)
        if decision.witness is not None:
            found = held.witness(decision.witness)
            assert found is not None
            assert len(found.outputs) == 1
        return decision.answer

    # s4 + s5, of 3 x0 - 0.3 and 3 x0, where x0 >= 0.1
    assert answered("4,1,2,6,1.0") is Answer.SAT
    assert answered("4,2,-1,6,1.0") is Answer.UNSAT


@pytest.mark.parametrize("tail", [("Softmax",), ("LogSoftmax",)])
def test_of_a_softmax_the_order_can_be_asked(tmp_path: Path, tail: tuple[str, ...]) -> None:
    read = load_network(network(tmp_path, 3, *tail))
    assert answer(read, tmp_path, "(>= Y_1 Y_0)") is Answer.SAT
    for asked in ("(>= Y_0 0.9)", "(<= Y_0 1)"):
        with pytest.raises(ProblemError, match=f"ends in a {tail[0]}, of which only the order"):
            answer(read, tmp_path, asked)
    shown = Outputs.of(read).shown([Fraction(3), Fraction(-1), Fraction(1)])
    exps = [math.exp(each) for each in (3, -1, 1)]
    expected = [each / sum(exps) for each in exps]
    if tail == ("LogSoftmax",):
        expected = [math.log(each) for each in expected]
    assert shown == pytest.approx(expected)


def test_of_a_sigmoid_of_one_logit_nothing_can_be_asked(tmp_path: Path) -> None:
    read = load_network(network(tmp_path, 1, "Sigmoid"))
    assert read.predict(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])).tolist() == [0, 1]
    assert "the classes are those of onnxruntime" in read.card["checked"]
    with pytest.raises(ProblemError, match="ends in a Sigmoid"):
        answer(read, tmp_path, "(>= Y_0 0.5)")
    assert Outputs.of(read).shown([Fraction(-3), Fraction(3)]) == pytest.approx(
        [1 / (1 + math.exp(-3))]
    )


def test_of_classes_nothing_can_be_asked(tmp_path: Path) -> None:
    read = load_network(network(tmp_path, 3, "ArgMax", gives=TensorProto.INT64))
    with pytest.raises(ProblemError, match=r"gives classes \(ArgMax, TopK\)"):
        answer(read, tmp_path, "(>= Y_0 1)")


def test_a_card_that_is_given_says_nothing_of_outputs() -> None:
    assembly = Assembly((2,), InputRange())
    value = assembly.sign(assembly.image())
    assert OUTPUTS not in assembly.finish(value, {OUTPUTS: "one logit", "seed": "1"}).card
