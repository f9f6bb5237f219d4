"""Figure 5: share of images flipped by IProp with the adaptive step and with constant ones."""

from signflip.experiments.figures.plot import Plot, Source
from signflip.experiments.figures.shares import shares_plot
from signflip.experiments.selection import step_lines


def plot(source: Source) -> Plot:
    """The figure; in words if the store has no two steps to compare."""
    return shares_plot(
        5,
        "IProp: the adaptive step against constant steps",
        step_lines(source.frame),
        missing="The store holds no problems that IProp attacked with two step sizes.",
    )
