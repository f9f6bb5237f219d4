"""Images that a command was given, as its network reads them."""

from pathlib import Path

from signflip.data import ImageSet, load_dataset
from signflip.errors import DataError
from signflip.network import BinaryNetwork


def read_images(images: str, network: BinaryNetwork, name: str, data_dir: Path | None) -> ImageSet:
    """The images of a data set or file, in the range and the shape of a network called `name`.

    Raises:
        DataError: there are none, or they have another number of values than the network reads.
    """
    loaded = load_dataset(images, data_dir=data_dir)
    made = loaded.fitted(network.input_range, network.image_shape)
    if made.images.shape[1] != network.inputs:
        raise DataError(
            f"{images} holds images of {made.images.shape[1]} values, and {name} reads "
            f"{network.inputs}"
        )
    return made
