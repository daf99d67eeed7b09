"""LinkedIn simulated, for members (sheet section 8)."""

from clipcast.sandbox.linkedin.posting import LinkedIn

simulator = LinkedIn
