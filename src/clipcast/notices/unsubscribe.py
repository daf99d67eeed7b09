"""Links in e-mails that end them without a sign-in. Opening one changes nothing: mail scanners open links."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from clipcast.common.ids import parse_id
from clipcast.common.settings import Settings
from clipcast.common.vault import Vault

LIFETIME = timedelta(days=90)
PURPOSE = "end notices"


@dataclass(frozen=True)
class Unsubscription:
    """What a link ends: a person's e-mails of one workspace, or of all if `workspace_id` is None."""

    user_id: UUID
    workspace_id: UUID | None


def unsubscribe_address(settings: Settings, vault: Vault, user_id: UUID, workspace_id: UUID | None) -> str:
    """Return the address of the page that ends these e-mails."""
    claim = {"for": PURPOSE, "user": str(user_id), "workspace": str(workspace_id) if workspace_id else None}
    return f"{settings.public_base}/notifications/end/{vault.sign(claim, LIFETIME)}"


def read_token(vault: Vault, token: str) -> Unsubscription | None:
    """Return what a token ends; None if it is wrong or has expired."""
    claim = vault.verify(token)
    if claim is None or claim.get("for") != PURPOSE:
        return None
    user_id = parse_id(claim["user"])
    return Unsubscription(user_id, parse_id(claim["workspace"])) if user_id else None
