"""The comparison of `accept`: `python -m benchmarks.bare_insert PORT DATABASE_URL WORKSPACE_ID`."""

import sys

from benchmarks.accept import bare_app, serve_bare
from clipcast.database import Database

if __name__ == "__main__":
    _, port, url, workspace_id = sys.argv
    serve_bare(bare_app(Database(url), workspace_id), int(port))
