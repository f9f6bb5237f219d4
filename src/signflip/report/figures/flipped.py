"""Figure 2: share of images flipped by each method, beside the share that can be flipped."""

from signflip.report.figures.plot import Plot, Source
from signflip.report.figures.shares import shares_plot
from signflip.report.selection import main_lines


def plot(source: Source) -> Plot:
    """The figure; in words if the store has no result of any method."""
    return shares_plot(
        2,
        "Images flipped by each method",
        main_lines(source.frame),
        missing="The store holds no results of FGSM, MILP, IProp or the exact method.",
    )
