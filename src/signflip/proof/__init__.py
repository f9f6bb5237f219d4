"""Proofs of verdicts: files that an independent checker reads, and what writes them."""
