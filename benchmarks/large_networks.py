"""Networks of sizes that the zoo lacks, trained for the benchmarks and kept out of the package.

    python -m benchmarks.large_networks [NAME ...]

Each goes into the folder of SIGNFLIP_NETWORKS, else the user's cache. Training takes from a minute
or two (3x256) to an hour (3x6144) on two cores.
"""

import os
from functools import cache
from pathlib import Path

import click

from signflip import load_network, save_network
from signflip.data import load_dataset
from signflip.errors import SettingError
from signflip.network import BinaryNetwork
from signflip.zoo import ATTACKED, load_zoo

ENVIRONMENT = "SIGNFLIP_NETWORKS"
LARGE = {
    "mnist-3x256": ((256,) * 3, 10),
    "mnist-3x1024": ((1024,) * 3, 4),
    "mnist-3x2048": ((2048,) * 3, 3),
    "mnist-3x6144": ((6144,) * 3, 2),
    "fashion-3x256": ((256,) * 3, 10),
    "fashion-3x1024": ((1024,) * 3, 4),
}
"""Name -> widths and epochs."""
DATASETS = {"mnist": "mnist", "fashion": "fashion-mnist"}


def folder() -> Path:
    """Where the networks are."""
    given = os.environ.get(ENVIRONMENT)
    return Path(given) if given else Path.home() / ".cache" / "signflip" / "networks"


@cache
def network_named(name: str) -> BinaryNetwork:
    """A network of the zoo or of this list, loaded once a process.

    Raises:
        SettingError: it was not trained yet.
    """
    if name in ATTACKED:
        return load_zoo(name)
    path = folder() / f"{name}.safetensors"
    if not path.exists():
        raise SettingError(
            f"{path} is not there; train it first: python -m benchmarks.large_networks {name}"
        )
    return load_network(path)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(LARGE)))
@click.option("--data-dir", type=click.Path(file_okay=False, exists=True, path_type=Path))
def main(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Train the networks NAMES that are not there yet; all of the list if none is named."""
    from signflip import training  # torch is an extra, and slow to import

    folder().mkdir(parents=True, exist_ok=True)
    for name in names or tuple(LARGE):
        path = folder() / f"{name}.safetensors"
        if path.exists():
            continue
        widths, epochs = LARGE[name]
        images = load_dataset(DATASETS[name.partition("-")[0]], split="train", data_dir=data_dir)
        settings = training.TrainingSettings(hidden=widths, epochs=epochs)
        network = training.fold(training.train(settings, images.images, images.labels))
        save_network(network, path)
        click.echo(path)


if __name__ == "__main__":
    main()
