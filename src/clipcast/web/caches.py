"""The caches of accounts' options and of linked files, for pages that ask with every key press."""

from fastapi import Request

from clipcast.connections.options import OptionsCache
from clipcast.posts.linked_files import FilesCache


def caches(request: Request) -> tuple[OptionsCache, FilesCache]:
    """Return the caches of options and of linked files."""
    state = request.app.state
    if not hasattr(state, "options"):
        state.options, state.files = OptionsCache(), FilesCache()
    return state.options, state.files
