"""Why there is no proof."""


class NoProofError(Exception):
    """There is none: time or room is out, or an image is better than the bound."""
