"""Signflip's networks and methods in the dress of other libraries; each module needs its extra."""
