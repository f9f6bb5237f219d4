import errno
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from signflip.cli import verify
from signflip.data import load_dataset
from signflip.formats.onnx_write import write_onnx
from signflip.zoo import load_zoo
from tests.cli.conftest import Invoke

ROOT = Path(__file__).parents[2]


@pytest.fixture
def instance(tmp_path: Path) -> tuple[Path, Path]:
    """mnist-2x100 as ONNX, and a ball of 0.02 around an image that it flips."""
    network = load_zoo("mnist-2x100")
    write_onnx(network, tmp_path / "net.onnx")
    return tmp_path / "net.onnx", ball(tmp_path / "flip.vnnlib", 0, 0.02)


def ball(path: Path, index: int, epsilon: float) -> Path:
    image = load_dataset("mnist-sample").images[index]
    label = int(load_zoo("mnist-2x100").predict(image[None])[0])
    lines = [f"(assert (>= X_{i} {max(v - epsilon, 0.0)!r}))" for i, v in enumerate(image.tolist())]
    lines += [
        f"(assert (<= X_{i} {min(v + epsilon, 1.0)!r}))" for i, v in enumerate(image.tolist())
    ]
    rivals = " ".join(f"(and (>= Y_{c} Y_{label}))" for c in range(10) if c != label)
    path.write_text("\n".join([*lines, f"(assert (or {rivals}))"]))
    return path


def test_a_flip_is_sat_with_its_witness(instance: tuple[Path, Path], invoke: Invoke) -> None:
    network, property_ = instance
    result = invoke("verify", network, property_, "--time-limit", "60")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "sat"
    values = [float(line.strip("()").split()[1]) for line in lines[1:]]
    image, outputs = np.array(values[:784]), values[784:]
    clean = load_dataset("mnist-sample").images[0]
    assert np.abs(image - clean).max() <= 0.02 + 1e-12
    label = int(load_zoo("mnist-2x100").predict(clean[None])[0])
    assert max(v for c, v in enumerate(outputs) if c != label) >= outputs[label]
    assert load_zoo("mnist-2x100").forward(image[None])[0].tolist() == outputs


def test_a_small_ball_is_unsat(tmp_path: Path, instance: tuple[Path, Path], invoke: Invoke) -> None:
    property_ = ball(tmp_path / "safe.vnnlib", 0, 0.0005)
    result = invoke("verify", instance[0], property_, "--result", tmp_path / "out.txt")
    assert result.stdout == "unsat\n"
    assert (tmp_path / "out.txt").read_text() == "unsat\n"


def test_where_a_result_cannot_lie_is_said_before_any_work(tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("verify", "no-network", "no.vnnlib", "--result", tmp_path / "none" / "out.txt")
    assert result.exit_code == 2
    assert f"{tmp_path / 'none'} is no folder; make it first" in result.stderr


def test_an_answer_that_cannot_be_written_is_printed(
    tmp_path: Path,
    instance: tuple[Path, Path],
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(verify, "write_bytes", full)
    property_ = ball(tmp_path / "safe.vnnlib", 0, 0.0005)
    result = invoke("verify", instance[0], property_, "--result", tmp_path / "out.txt")
    assert (result.exit_code, result.stdout) == (2, "unsat\n")
    assert f"error: {tmp_path / 'out.txt'} cannot be written" in result.stderr


def test_a_property_that_is_not_there(instance: tuple[Path, Path], invoke: Invoke) -> None:
    result = invoke("verify", instance[0], "none.vnnlib")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: none.vnnlib cannot be read: No such file or directory; name one that is there\n"
    )


def test_no_time_is_a_timeout(instance: tuple[Path, Path], invoke: Invoke) -> None:
    result = invoke("verify", *instance, "--time-limit", "0")
    # a witness is one whenever it was found, and there was no time for a proof
    assert result.exit_code == 0
    assert result.stdout.split()[0] in ("timeout", "unknown", "sat")


def test_a_network_without_a_property(instance: tuple[Path, Path], invoke: Invoke) -> None:
    result = invoke("verify", instance[0])
    assert result.exit_code == 2
    assert "has no property beside it" in result.stderr


def test_the_scripts_of_the_competition(tmp_path: Path, instance: tuple[Path, Path]) -> None:
    program = tmp_path / "signflip"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m signflip "$@"\n')
    program.chmod(0o755)
    network, property_ = map(str, instance)
    for script, more in (("prepare", ()), ("run", (str(tmp_path / "out.txt"), "60"))):
        command = [str(ROOT / f"vnncomp/{script}_instance.sh"), "v1", "test", network, property_]
        subprocess.run(
            [*command, *more], env={"SIGNFLIP": str(program), "PATH": "/usr/bin:/bin"}, check=True
        )
    assert (tmp_path / "out.txt").read_text().startswith("sat\n((X_0 ")


# sums 2 = 3 x0 + x1 - c, 3 = 3 x0 - x1; signs 4, 5 of them; outputs 6 = s4 + s5, 7 = s4 - s5
def marabou(path: Path, lower: str, upper: str, constant: str) -> Path:
    lines = f"""8 2 2 5 2 2 0,0 1,1 2 0,6 1,7 0,{lower} 1,0.0 0,{upper} 1,0.0
        0,0,{constant},0,3.0,1,1.0,2,-1.0 1,0,0.0,0,3.0,1,-1.0,3,-1.0
        2,0,0.0,4,1.0,5,1.0,6,-1.0 3,0,0.0,4,1.0,5,-1.0,7,-1.0 4,1,2,6,1.0
        0,sign,4,2 1,sign,5,3"""
    path.write_text("\n".join(lines.split()))
    return path


def test_marabou_queries_are_answered_in_their_own_numbers(tmp_path: Path, invoke: Invoke) -> None:
    path = tmp_path / "q.ipq"
    found = invoke("verify", marabou(path, "0.1", "0.4", "0.3")).stdout
    assert found.splitlines()[0] == "sat"
    assert Fraction(float(found.split()[2].strip(")"))) >= Fraction(1, 10)
    assert found.splitlines()[-2:] == ["(Y_0 2.0)", "(Y_1 0.0))"]
    assert invoke("verify", marabou(path, "0.1", "0.2", "0.7")).stdout == "unsat\n"
    # the box is a point that no float64 is
    above = "0.30000000000000001"
    assert invoke("verify", marabou(path, "0.1", "0.1", above)).stdout in ("unknown\n", "unsat\n")


def test_an_empty_box_is_unsat(tmp_path: Path, invoke: Invoke) -> None:
    path = marabou(tmp_path / "q.ipq", "0.6", "0.4", "0.3")
    assert invoke("verify", path).stdout == "unsat\n"


def test_several_boxes_are_answered_as_one(
    tmp_path: Path, instance: tuple[Path, Path], invoke: Invoke
) -> None:
    safe = ball(tmp_path / "safe.vnnlib", 0, 0.0005).read_text()
    inputs, outputs = safe.rsplit("\n", 1)
    here, nowhere = "(>= X_0 0)", "(and (>= X_0 1) (<= X_0 0))"
    path = tmp_path / "boxes.vnnlib"

    def answer(last: str, *boxes: str) -> str:
        path.write_text(f"{inputs}\n(assert (or {' '.join(boxes)}))\n{last}")
        return invoke("verify", instance[0], path).stdout.split("\n")[0]

    assert answer(outputs, nowhere, nowhere) == "unsat"
    assert answer(outputs, nowhere, here, "(<= X_0 0.5)") == "unsat"
    assert answer("(assert (<= Y_0 Y_0))", nowhere, here, "(<= X_0 0.5)") == "sat"
