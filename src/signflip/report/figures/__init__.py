"""The paper's figures, one file each, as functions from results to a `Plot`."""

from collections.abc import Callable, Mapping

from signflip.report.figures import (
    flipped,
    objectives,
    outputs,
    over_time,
    step_sizes,
    warm_start,
)
from signflip.report.figures.plot import Plot, Source

FIGURES: Mapping[int, Callable[[Source], Plot]] = {
    1: outputs.plot,
    2: flipped.plot,
    3: objectives.plot,
    4: over_time.plot,
    5: step_sizes.plot,
    6: warm_start.plot,
}
"""The figure's number in the paper -> what draws it."""
