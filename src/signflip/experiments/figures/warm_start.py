"""Figure 6: share of images flipped by IProp from zero, and from a warm start."""

from signflip.experiments.figures.plot import Plot, Source
from signflip.experiments.figures.shares import shares_plot
from signflip.experiments.selection import warm_lines


def plot(source: Source) -> Plot:
    """The figure; in words if the store lacks one of the two."""
    return shares_plot(
        6,
        "IProp: from zero and from a warm start",
        warm_lines(source.frame),
        missing="The store holds no problems that IProp attacked from zero and from a warm start.",
    )
