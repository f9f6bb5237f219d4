"""Writing proofs: the cases of an image, found again with a record of what refutes each."""
