"""The order of inputs: a property counts them as its network's file does."""

from dataclasses import dataclass

import numpy as np

from signflip.arrays import Floats, Integers
from signflip.formats.onnx_graph import CHANNELS_LAST, LAYOUT
from signflip.network import BinaryNetwork


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the network's inputs stand among those of its file.

    Attributes:
        places: (inputs,) int64: the file's number of each input of the network.
    """

    places: Integers

    @classmethod
    def of(cls, network: BinaryNetwork) -> "Layout":
        """The layout that the network's card states."""
        if network.card.get(LAYOUT) != CHANNELS_LAST:
            return cls(np.arange(network.inputs))
        channels, rows, columns = network.image_shape
        counted = np.arange(network.inputs).reshape(rows, columns, channels)
        return cls(counted.transpose(2, 0, 1).ravel())

    def to_network(self, values: Floats) -> Floats:
        """Values (inputs,) of the file's inputs in the network's order."""
        return values[self.places]

    def to_file(self, values: Floats) -> Floats:
        """Values (inputs,) of the network's inputs in the file's order."""
        back = np.empty_like(values)
        back[self.places] = values
        return back
