"""Networks by name: of the zoo, or a file."""

from dataclasses import dataclass

from signflip.errors import NetworkError, did_you_mean
from signflip.files import is_file
from signflip.formats.opening import load_network, refuse_range
from signflip.network import BinaryNetwork, InputRange
from signflip.zoo import load_zoo, zoo_names


def open_network(name: str, input_range: InputRange | None = None) -> BinaryNetwork:
    """The zoo network called `name`, or the network of the file `name`.

    Args:
        name: of the network.
        input_range: what its inputs are, where the file does not say it.

    Raises:
        NetworkError: there is neither, or the file breaks a rule of the format, or says itself
            what its inputs are.
    """
    if name in zoo_names():
        refuse_range(name, input_range)
        return load_zoo(name)
    if not is_file(name):
        hint = did_you_mean(str(name), zoo_names())
        raise NetworkError(
            f"{name!r} is neither a network of the zoo nor a file{hint}; `signflip networks` lists "
            "the zoo"
        )
    return load_network(name, input_range=input_range)


@dataclass(frozen=True)
class NetworkName:
    """A network as a user names it.

    Attributes:
        name: of the zoo, or a file.
        input_range: what its inputs are, where the file does not say it.
    """

    name: str
    input_range: InputRange | None = None

    def open(self) -> BinaryNetwork:
        """The network.

        Raises:
            NetworkError: see `open_network`.
        """
        return open_network(self.name, self.input_range)
