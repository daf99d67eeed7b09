"""`clipcast users`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="The people who sign in.", no_args_is_help=True)


@app.command("list")
def list_users() -> None:
    """List everybody who can sign in, with their workspaces and roles."""
    chosen = settings()

    async def work() -> list[tuple[str, str, list[str]]]:
        from clipcast.installation import open_installation
        from clipcast.people.repository import list_users, memberships_of

        async with open_installation(chosen) as installation, installation.database.session() as session:
            return [
                (user.email, user.name, [f"{workspace.name} ({role})" for workspace, role in found])
                for user in await list_users(session)
                for found in [await memberships_of(session, user.id)]
            ]

    for email, name, memberships in run(work()):
        typer.echo(f"{email}  {name}  {', '.join(memberships)}")


@app.command()
def password(
    email: Annotated[str, typer.Argument(help="Whose.")],
    new: Annotated[
        str, typer.Option("--password", prompt="New password", hide_input=True, confirmation_prompt=True,
                          help="Asked for when left out, so that it stays out of the shell's history.")
    ],
) -> None:  # fmt: skip
    """Set a new password for somebody who has forgotten theirs. Every browser of theirs is signed out."""
    chosen = settings()

    async def work() -> None:
        from clipcast.installation import open_installation
        from clipcast.people.repository import find_user
        from clipcast.people.service import NotAllowed, set_password

        async with open_installation(chosen) as installation, installation.database.begin() as session:
            user = await find_user(session, email.strip().lower())
            if user is None:
                raise fail(f"Nobody signs in as {email!r}. See `clipcast users list`.", 2)
            try:
                await set_password(session, user, new)
            except NotAllowed as error:
                raise fail(str(error), 2) from None

    run(work())
    typer.echo("The password was set.")


@app.command()
def invite(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Name or id.")],
    role: Annotated[str, typer.Option(help="viewer, editor or owner.")] = "editor",
) -> None:
    """Print a link with which one person joins a workspace. It is good once, for a week."""
    chosen = settings()

    async def work() -> str:
        from clipcast.installation import open_installation
        from clipcast.people.service import ROLES
        from clipcast.people.service import invite as make
        from clipcast.workspaces.repository import find_workspaces

        if role not in ROLES:
            raise fail(f"There is no role {role!r}. Use one of: {', '.join(ROLES)}.", 2)
        async with open_installation(chosen) as installation, installation.database.begin() as session:
            found = await find_workspaces(session, workspace)
            if len(found) != 1:
                raise fail(f"There is no single workspace {workspace!r}. See `clipcast workspaces list`.", 2)
            secret = await make(session, found[0].id, role, "by the operator")
            return f"{installation.settings.public_base}/invitations/{secret}"

    typer.echo(run(work()))
