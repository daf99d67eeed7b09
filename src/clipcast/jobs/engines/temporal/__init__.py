"""The Temporal engine: ready jobs are offered as Temporal activities, and workers on any machine take them.

The extra `clipcast[temporal]` installs what it needs. The rows in `jobs` remain the truth: Temporal holds no time, no
retry and no result that Clipcast reads. A server that loses everything costs time only.
"""
