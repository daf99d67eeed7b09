"""What the status of a connection means for publishing. Pages, preflight and the runner say it in the same words."""

# Why a paused account gets nothing, and what ends that. The API's status of a paused account is `disabled`.
PAUSED = "The account is paused."
RESUME = "Resume it under Accounts."
REMOVED = "It was removed from the workspace."


def why_unusable(status: str, reason: str | None) -> tuple[str, str]:
    """Return why nothing can be published to an account of this status, and what to do about it."""
    if status == "disabled":
        return PAUSED, RESUME
    return reason or "The sign-in has ended.", "Reconnect the account first."
