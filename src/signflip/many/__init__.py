"""Many images, many problems: records, stores, sweeps, and the processes that they run in."""
