"""The states on pages: an icon, a word and a tone for each, so that colour alone never tells one."""

from typing import NamedTuple


class State(NamedTuple):
    """How pages show a state. The tone is that of a token: good, warn, bad, ask, live or idle."""

    word: str
    icon: str
    tone: str


STATES = {
    "draft": State("Draft", "edit", "idle"),
    "in_review": State("In review", "eye", "warn"),
    "changes": State("Changes asked for", "message-circle", "warn"),
    "approved": State("Approved", "checks", "good"),
    "withdrawn": State("Review withdrawn", "eye-off", "idle"),
    "scheduled": State("Scheduled", "clock", "idle"),
    "publishing": State("Publishing", "loader-2", "live"),
    "waiting": State("Waiting", "player-pause", "warn"),
    "held": State("Waiting for the account", "plug-connected", "warn"),
    "paused": State("Paused by the operator", "player-pause", "idle"),
    "published": State("Published", "check", "good"),
    "failed": State("Failed", "alert-circle", "bad"),
    "partial": State("Partly published", "alert-triangle", "bad"),
    "expired": State("Expired", "hourglass", "bad"),
    "check": State("Check needed", "help-circle", "ask"),
    # Of accounts.
    "active": State("Ready", "check", "good"),
    "needs_reconnect": State("Sign-in ended", "alert-circle", "bad"),
    "disabled": State("Paused", "player-pause", "idle"),
    "ending": State("Sign-in ends", "clock", "warn"),
    "limit": State("Limit", "player-pause", "warn"),
}
