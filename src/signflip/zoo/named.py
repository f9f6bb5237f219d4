"""Networks by name: of the zoo, or a file."""

import difflib

from signflip.errors import NetworkError
from signflip.files import is_file
from signflip.formats.opening import load_network
from signflip.network import BinaryNetwork, InputRange
from signflip.zoo import load_zoo, zoo_names


def open_network(name: str, input_range: InputRange | None = None) -> BinaryNetwork:
    """The zoo network called `name`, or the network of the file `name`.

    Raises:
        NetworkError: there is neither, or the file breaks a rule of the format.
    """
    if name in zoo_names():
        return load_zoo(name)
    if not is_file(name):
        close = difflib.get_close_matches(name, zoo_names(), n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise NetworkError(
            f"{name!r} is neither a network of the zoo nor a file{hint}; `signflip networks` lists "
            "the zoo"
        )
    return load_network(name, input_range=input_range)
