"""`clipcast mcp`: tools for agents, over standard input and output."""

from __future__ import annotations

import asyncio
import os

from clipcast.cli.client import installations
from clipcast.cli.client.session import Refused, Url, ending

# An agent learns of a failure soon, and decides itself whether to try again.
ATTEMPTS = 3


def mcp(url: Url = None) -> None:
    """Serve tools to an agent by the Model Context Protocol, over standard input and output.

    An agent's program starts this command. The key comes from CLIPCAST_API_KEY, or from `clipcast login`.
    """
    from clipcast.mcp.stdio import serve
    from clipcast.sdk import AsyncClipcast, Retries

    with ending(as_json=False):
        try:
            found = installations.find(url)
        except installations.NoInstallation as error:
            raise Refused(str(error)) from None
        workspace = os.environ.get(installations.WORKSPACE)
        client = AsyncClipcast(found.key, found.url, workspace, retries=Retries(attempts=ATTEMPTS))
    asyncio.run(serve(client))
