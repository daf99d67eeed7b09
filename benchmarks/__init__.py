"""Benchmarks of speed and memory (`make bench`). Every figure has a comparison from the same run."""
