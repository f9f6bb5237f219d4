"""Grid files: what a sweep runs, as TOML that people write; read, checked, and made a `Plan`."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from signflip.data import ImageSet, dataset_names, load_dataset
from signflip.errors import GridError, SignflipError
from signflip.files import is_file, unreadable
from signflip.many.grid_model import Grid, ProblemTable, grid_of
from signflip.many.grid_series import series_of
from signflip.many.masks import load_mask
from signflip.many.notation import goal, indices
from signflip.many.plan import Block, Plan, block_of
from signflip.network import BinaryNetwork
from signflip.problem import GridName, Terms, Ties
from signflip.zoo import zoo_names
from signflip.zoo.named import open_network


def read_plan(path: str | Path, *, data_dir: Path | None = None) -> Plan:
    """The plan of a grid file. Everything is checked: networks, images, methods, budgets, goals.

    Args:
        path: the file.
        data_dir: folder of the published data sets, as for `load_dataset`.

    Raises:
        GridError: the file cannot be read, or breaks a rule; the message names the place in it.
        MissingExtraError: a solver's package is not installed.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors may put a mark
    except OSError as error:
        raise unreadable(path, error, GridError) from error
    except (ValueError, RecursionError) as error:  # numbers too long, tables too deep as well
        raise GridError(f"{path} is no TOML: {error}") from error
    try:
        return _Planner(grid_of(content), path.parent, data_dir).plan()
    except GridError as error:
        raise GridError(f"{path}: {error}") from error


class _Planner:
    """Looks up what a grid names."""

    def __init__(self, grid: Grid, folder: Path, data_dir: Path | None) -> None:
        self._grid = grid
        self._folder = folder
        self._data_dir = data_dir
        self._series = series_of(grid)
        self._networks: dict[str, _Named] = {}
        self._images: dict[str, ImageSet] = {}

    def plan(self) -> Plan:
        blocks = []
        for place, table in enumerate(self._grid.problems):
            for name in table.networks:
                try:
                    blocks.append(self._block(table, name))
                except SignflipError as error:
                    raise GridError(f"problems[{place}]: {error}") from error
        return Plan(
            title=self._grid.title,
            networks={named.key: named.network for named in self._networks.values()},
            names={named.key: name for name, named in self._networks.items()},
            blocks=tuple(blocks),
            proofs=self._grid.proofs,
        )

    def _block(self, table: ProblemTable, name: str) -> Block:
        named, images = self._network(name), self._image_set(table.images)
        return block_of(
            named.network,
            images,
            indices(table.index).of(images),
            goal(table.target),
            name=name,
            epsilons=table.epsilons,
            series=[
                series
                for series in self._series
                if table.methods is None or series.name in table.methods
            ],
            terms=self._terms(table),
        )

    def _terms(self, table: ProblemTable) -> Terms:
        mask = None
        if table.mask is not None:
            # not the folder's name too
            mask = replace(load_mask(self._folder / table.mask), name=table.mask)
        grid = None if table.grid is None else GridName(table.grid)
        return Terms(ties=Ties(table.ties), grid=grid, mask=mask)

    def _network(self, name: str) -> "_Named":
        if name not in self._networks:
            file = self._folder / name
            network = open_network(str(file) if name not in zoo_names() and is_file(file) else name)
            for other, named in self._networks.items():
                if named.key == network.digest:
                    raise GridError(
                        f"networks: {name!r} is the same network as {other!r}; give it one name"
                    )
            self._networks[name] = _Named(network.digest, network)
        return self._networks[name]

    def _image_set(self, name: str) -> ImageSet:
        if name not in self._images:
            file = self._folder / name
            source = name if name in dataset_names() or not file.exists() else file
            images = load_dataset(source, data_dir=self._data_dir)
            self._images[name] = replace(images, name=name)  # not the folder's name too
        return self._images[name]


@dataclass(frozen=True, eq=False)
class _Named:
    key: str
    network: BinaryNetwork
