"""The conformance suite of platforms, and what tests of Clipcast share. It needs the extra `clipcast[testing]`."""
