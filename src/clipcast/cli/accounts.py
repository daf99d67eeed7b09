"""`clipcast connect`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings


def connect(
    platform: Annotated[str, typer.Argument(help="tiktok, youtube, ...")],
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Name or id.")],
    sign_in_method: Annotated[
        str | None,
        typer.Option("--method", "--way", help="A sign-in method other than the platform's usual one."),
    ] = None,
) -> None:
    """Print a link with which somebody connects one account in a browser. It is good for a day."""
    from clipcast.platforms.registry import PLATFORMS

    if platform not in PLATFORMS:
        raise fail(f"There is no platform {platform!r}. Use one of: {', '.join(PLATFORMS)}.", 2)
    known = PLATFORMS[platform]
    if sign_in_method and sign_in_method not in known.other_sign_in_methods:
        methods = ", ".join(known.other_sign_in_methods) or "only the default one"
        raise fail(f"{known.title} has no sign-in method {sign_in_method!r}: {methods}.", 2)
    chosen = settings()

    async def work() -> str:
        from clipcast.connections.attempts import ConnectFailed
        from clipcast.connections.connect import app_of
        from clipcast.connections.links import hand_out_link
        from clipcast.installation import open_installation
        from clipcast.workspaces.repository import find_workspaces

        async with open_installation(chosen) as installation, installation.database.begin() as session:
            found = await find_workspaces(session, workspace)
            if len(found) != 1:
                raise fail(f"There is no single workspace {workspace!r}. See `clipcast workspaces list`.", 2)
            try:
                app_of(installation, known, known.sign_in_method(sign_in_method))
            except ConnectFailed as error:
                raise fail(str(error), 2) from None
            return await hand_out_link(installation, session, found[0].id, platform, sign_in_method, None)

    typer.echo(run(work()))
