"""Exact search over the sign patterns of the first layer."""
