"""`clipcast connect`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings


def connect(
    platform: Annotated[str, typer.Argument(help="Platform, such as tiktok or youtube.")],
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Workspace: name or id.")],
    sign_in_method: Annotated[
        str | None,
        typer.Option("--method", "--way", help="Sign-in method other than the platform's default."),
    ] = None,
) -> None:
    """Print a link that connects one account in a browser. The link is valid for 24 hours and works once."""
    from clipcast.platforms.registry import PLATFORMS

    if platform not in PLATFORMS:
        raise fail(f"There is no platform {platform!r}. Use one of: {', '.join(PLATFORMS)}.", 2)
    rules = PLATFORMS[platform]
    if sign_in_method and sign_in_method not in rules.other_sign_in_methods:
        methods = ", ".join(rules.other_sign_in_methods)
        fix = f"Use one of: {methods}." if methods else "Leave --method out."
        raise fail(f"{rules.title} has no sign-in method {sign_in_method!r}. {fix}", 2)
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
                app_of(installation, rules, rules.sign_in_method(sign_in_method))
            except ConnectFailed as error:
                raise fail(str(error), 2) from None
            return await hand_out_link(installation, session, found[0].id, platform, sign_in_method, None)

    typer.echo(run(work()))
