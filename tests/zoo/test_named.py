from pathlib import Path

import pytest

from signflip import load_network, save_network
from signflip.errors import NetworkError
from signflip.zoo import load_zoo
from signflip.zoo.named import open_network
from tests.support.tiny import tiny_network


def test_names_of_the_zoo_and_files(tmp_path: Path) -> None:
    assert open_network("mnist-2x100").digest == load_zoo("mnist-2x100").digest
    path = tmp_path / "net.safetensors"
    save_network(tiny_network(), path)
    assert open_network(str(path)).digest == load_network(path).digest


def test_neither() -> None:
    with pytest.raises(NetworkError, match=r"did you mean 'mnist-2x100'\?"):
        open_network("mnist_2x100")
    with pytest.raises(NetworkError, match="'abc' is neither a network of the zoo nor a file; "):
        open_network("abc")


@pytest.mark.parametrize("name", ["", ".", "a" * 5000, "a\0b"])
def test_what_cannot_be_the_name_of_a_file(name: str) -> None:
    with pytest.raises(NetworkError, match="is neither a network of the zoo nor a file"):
        open_network(name)
