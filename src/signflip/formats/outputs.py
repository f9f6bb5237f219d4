"""What the outputs of a file are, where they are not the class values of its network.

The card (key `outputs`) keeps it, for whoever speaks of the file's own outputs. Of one logit y a
network makes the class values -y and y.
"""

from collections.abc import Sequence

from signflip.network import BinaryNetwork

OUTPUTS = "outputs"
LOGIT = "one logit"
CLASSES = "classes"
"""What an ArgMax or a TopK gives."""
ORDERED = {"softmax": "Softmax", "log_softmax": "LogSoftmax", "sigmoid": "Sigmoid"}
"""Functions that keep the order of class values: as Keras names them, and as the card does."""


def outputs_card(logit: bool, after: str | None) -> dict[str, str]:
    """What the card says; nothing where outputs are class values.

    Args:
        logit: whether the last sum is a single one.
        after: what follows it: one of `ORDERED`, `CLASSES`, or None.
    """
    said = [LOGIT] * logit + ([after] if after else [])
    return {OUTPUTS: ", ".join(said)} if said else {}


def outputs_of(network: BinaryNetwork) -> Sequence[str]:
    """What is said of a network's file: `LOGIT`, and what follows the last sum."""
    return [part for part in network.card.get(OUTPUTS, "").split(", ") if part]
