"""Tests that every platform passes. `pytest --conformance NAME` runs them for one platform."""
