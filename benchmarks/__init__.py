"""Speed and memory, measured: `make bench`. Every figure is printed beside its comparison from the same run."""
