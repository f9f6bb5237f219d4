"""Tests of Signflip."""

import os

# Before NumPy is imported: tests run side by side, and the threads of a product of matrices would
# wait for each other a hundred times as long as they work. What tests start has it from here too.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
