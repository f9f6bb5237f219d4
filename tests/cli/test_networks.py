from pathlib import Path

from signflip.zoo import load_zoo, zoo_names, zoo_sha256
from tests.cli.conftest import Invoke


def test_the_zoo_is_listed(invoke: Invoke) -> None:
    result = invoke("networks")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == list(zoo_names())
    for name, row in zip(zoo_names(), rows, strict=True):
        card = load_zoo(name).card
        assert row[1] == load_zoo(name).architecture
        assert row[3] == f"{100 * float(card['accuracy']):.2f}%"
        assert zoo_sha256(name).startswith(row[-1].removesuffix("..."))


def test_cards_of_networks(folder: Path, invoke: Invoke) -> None:
    result = invoke("networks", "mnist-2x100", folder / "net.safetensors")
    assert result.exit_code == 0, result.output
    assert f"  sha256: {zoo_sha256('mnist-2x100')}" in result.stdout
    assert "  dataset: tiny" in result.stdout
    assert "  inputs: 16" in result.stdout


def test_a_network_that_is_not_there(invoke: Invoke) -> None:
    result = invoke("networks", "mnist-9x100")
    assert result.exit_code == 2
    assert "error: 'mnist-9x100' is neither a network of the zoo nor a file" in result.stderr


def test_a_network_that_is_not_there_ends_no_other(folder: Path, invoke: Invoke) -> None:
    result = invoke("networks", "mnist-9x100", folder / "none.onnx", folder / "net.safetensors")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert "  dataset: tiny" in result.stdout
