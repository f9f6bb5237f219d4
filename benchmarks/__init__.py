"""Measurements: slow, stored as they come, and continued where they were stopped."""
