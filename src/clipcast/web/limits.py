"""The choice of clients that a member or a key sees, as forms have it (parts/limits.html)."""

from uuid import UUID

from clipcast.common.ids import parse_id
from clipcast.web.forms import FilledForm
from clipcast.web.viewers import Member


def read_clients(member: Member, form: FilledForm) -> list[UUID] | None:
    """Return the chosen clients; None for all. Add a problem for none at all, and for one that does not exist."""
    if form.line("sees") != "some":
        return None
    known = {client.id for client in member.clients}
    chosen = [id for text in form.all("client") if (id := parse_id(text))]
    if not chosen:
        form.add_problem("client", "Choose at least one client, or all clients.")
    elif not set(chosen) <= known or len(chosen) < len(form.all("client")):
        form.add_problem("client", "One of these clients was deleted. Choose again.")
    return chosen


def typed_clients(form: FilledForm) -> list[str] | None:
    """Return the choice as it was typed, for the form that is shown again; None for all."""
    return form.all("client") if form.line("sees") == "some" else None
