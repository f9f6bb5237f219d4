"""What all tests share: strategies for problems, a reference network, the brute-force oracle."""
