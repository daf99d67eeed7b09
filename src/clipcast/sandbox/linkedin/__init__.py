"""The simulator of LinkedIn: members and pages (docs/platforms/linkedin.md 8)."""

from clipcast.sandbox.linkedin.posting import LinkedIn

simulator = LinkedIn
