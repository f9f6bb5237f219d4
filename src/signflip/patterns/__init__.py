"""The sign patterns of the first layer: which neurons can toggle, and which together."""
