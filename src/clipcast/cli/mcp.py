"""`clipcast mcp`: tools for agents, over standard input and output."""

import asyncio

from clipcast.cli.support import WRONG_SETTINGS, fail


def mcp() -> None:
    """Serve tools to an agent by the Model Context Protocol, over standard input and output.

    An agent's program starts this command. It works against any installation: CLIPCAST_URL names its address,
    CLIPCAST_API_KEY the key.
    """
    from clipcast.mcp.stdio import serve
    from clipcast.sdk import AsyncClipcast, Retries, UsageError

    try:
        # An agent learns of a failure soon, and can try again itself.
        client = AsyncClipcast(retries=Retries(attempts=3))
    except UsageError as error:
        raise fail(f"{error.message} {error.fix}", WRONG_SETTINGS) from None
    asyncio.run(serve(client))
