"""`clipcast users`."""

from typing import Annotated

import typer

from clipcast.cli.support import fail, run, settings

app = typer.Typer(help="Manage users.", no_args_is_help=True)


@app.command("list")
def list_users() -> None:
    """List the users with their workspaces and roles."""
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
    email: Annotated[str, typer.Argument(help="E-mail address of the user.")],
    new: Annotated[
        str, typer.Option("--password", prompt="New password", hide_input=True, confirmation_prompt=True,
                          help="New password. Without this option the command asks for it, "
                               "which keeps it out of the shell's history.")
    ],
) -> None:  # fmt: skip
    """Set a user's password and end all sessions of the user."""
    chosen = settings()

    async def work() -> None:
        from clipcast.installation import open_installation
        from clipcast.people.repository import find_user
        from clipcast.people.service import NotAllowed, set_password

        async with open_installation(chosen) as installation, installation.database.begin() as session:
            user = await find_user(session, email.strip().lower())
            if user is None:
                raise fail(f"There is no user {email!r}. See `clipcast users list`.", 2)
            try:
                await set_password(session, user, new)
            except NotAllowed as error:
                raise fail(str(error), 2) from None

    run(work())
    typer.echo("The password is set.")


@app.command()
def invite(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Workspace: name or id.")],
    role: Annotated[str, typer.Option(help="Role in the workspace: viewer, reviewer, editor or owner.")] = "editor",
) -> None:
    """Print a link with which one person joins a workspace. The link is valid for 7 days and works once."""
    chosen = settings()

    async def work() -> str:
        from clipcast.installation import open_installation
        from clipcast.people.service import ROLES
        from clipcast.people.service import invite as create_invitation
        from clipcast.workspaces.repository import find_workspaces

        if role not in ROLES:
            raise fail(f"There is no role {role!r}. Use one of: {', '.join(ROLES)}.", 2)
        async with open_installation(chosen) as installation, installation.database.begin() as session:
            found = await find_workspaces(session, workspace)
            if len(found) != 1:
                raise fail(f"There is no single workspace {workspace!r}. See `clipcast workspaces list`.", 2)
            secret = await create_invitation(session, found[0].id, role, "by the operator")
            return f"{installation.settings.public_base}/invitations/{secret}"

    typer.echo(run(work()))
