"""`clipcast connect`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings


def connect(
    platform: Annotated[str, typer.Argument(help="tiktok, youtube, ...")],
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Name or id.")],
    way: Annotated[
        str | None, typer.Option(help="Another way to sign in: instagram facebook, linkedin organization.")
    ] = None,
) -> None:
    """Print a link with which somebody connects one account in a browser. It is good for a day."""
    from clipcast.platforms.registry import PLATFORMS

    if platform not in PLATFORMS:
        raise fail(f"There is no platform {platform!r}. Use one of: {', '.join(PLATFORMS)}.", 2)
    known = PLATFORMS[platform]
    if way and way not in known.other_ways:
        ways = ", ".join(known.other_ways) or "none but the usual one"
        raise fail(f"{known.title} has no way {way!r} to sign in: {ways}.", 2)
    chosen = settings()

    async def work() -> str:
        from clipcast.connections.attempts import ConnectFailed
        from clipcast.connections.connect import app_of
        from clipcast.connections.links import hand_out_link
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import find_workspaces

        async with open_installation(chosen) as here, here.database.begin() as session:
            found = await find_workspaces(session, workspace)
            if len(found) != 1:
                raise fail(f"There is no single workspace {workspace!r}. See `clipcast workspaces list`.", 2)
            try:
                app_of(here, known, known.way(way))
            except ConnectFailed as error:
                raise fail(str(error), 2) from None
            return await hand_out_link(here, session, found[0].id, platform, way, None)

    typer.echo(run(work()))
