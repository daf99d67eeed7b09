"""`python -m clipcast` is `clipcast`."""

from clipcast.cli import app

app()
