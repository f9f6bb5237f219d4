"""The robust-accuracy curve: what is certain at each epsilon, and what attacks leave of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from signflip.report.drawing import drawable, drawing

_CERTAIN, _OPEN, _INK = "#009E73", "#BBBBBB", "#222222"
_LINES = ("#0072B2", "#D55E00", "#CC79A7", "#882255", "#332288", "#DDCC77", "#117733")
_MARKERS = "sovP^X*"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Shares of the images, one for each epsilon.

    Attributes:
        epsilons: rising.
        images: how many there are.
        accuracy: share classified rightly.
        certified: right and proved robust.
        possible: right and not flipped by the exact method: proofs may lie up to here.
        withstood: attack -> share right and not flipped by it.
    """

    epsilons: Sequence[float]
    images: int
    accuracy: float
    certified: Sequence[float]
    possible: Sequence[float]
    withstood: Mapping[str, Sequence[float]]

    def as_dict(self) -> dict[str, object]:
        """For a JSON file."""
        return {
            "epsilons": list(self.epsilons),
            "images": self.images,
            "accuracy": self.accuracy,
            "certified": list(self.certified),
            "possible": list(self.possible),
            "withstood": {name: list(shares) for name, shares in self.withstood.items()},
        }


def draw_curve(curve: Curve, *, title: str) -> Figure:
    """The certified accuracy against epsilon, and what each attack leaves, above it."""
    with drawing({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}):
        figure = Figure(figsize=(5.6, 3.8), layout="constrained")
        axes = figure.subplots()
        percent = [100 * share for share in curve.certified]
        most = [100 * share for share in curve.possible]
        if most != percent:
            axes.fill_between(curve.epsilons, percent, most, color=_OPEN, label="unknown")
        for place, (name, shares) in enumerate(curve.withstood.items()):
            axes.plot(
                curve.epsilons,
                [100 * share for share in shares],
                color=_LINES[place % len(_LINES)],
                marker=_MARKERS[place % len(_MARKERS)],
                markersize=4,
                linestyle="--",
                label=f"not flipped by {name}",
            )
        axes.plot(
            curve.epsilons, percent, color=_CERTAIN, marker="D", markersize=4, label="certified"
        )
        axes.axhline(100 * curve.accuracy, color=_INK, linewidth=0.8, linestyle=":", label="clean")
        axes.set_ylim(0, 102)
        axes.set_xlabel("epsilon")
        axes.set_ylabel(f"% of {curve.images:,} images, right and robust")
        axes.set_title(drawable(title))
        axes.legend(frameon=False)
    return figure
