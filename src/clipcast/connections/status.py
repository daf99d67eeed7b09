"""Texts about the status of a connection. Pages, preflight and the runner share them."""

# The API's status of a paused account is `disabled`.
PAUSED = "The account is paused."
RESUME = "Resume it under Accounts."
REMOVED = "The account was removed from the workspace."


def why_unusable(status: str, reason: str | None) -> tuple[str, str]:
    """Return why Clipcast cannot publish to an account of this status, and the fix."""
    if status == "disabled":
        return PAUSED, RESUME
    return reason or "The account's authorization has ended.", "Reconnect the account first."
