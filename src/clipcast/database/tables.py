"""Every table, imported in one place for migrations."""

from clipcast.api.models import AttemptLog, IdempotentAnswer, RateWindow
from clipcast.audit.models import AuditEntry
from clipcast.clips.models import Clip, Render, UnwantedObject
from clipcast.connections.models import ConnectAttempt, Connection, ConnectLink, UsedConnectLink
from clipcast.database import Base
from clipcast.people.models import Invitation, Membership, SignInSession, User
from clipcast.posts.models import Draft, Item, Post
from clipcast.publishing.models import Attempt, AttemptEvent, JournalEntry, WorkerSeen
from clipcast.secret_key import InstallationRow
from clipcast.workspaces.models import ApiKey, ApiKeyWorkspace, Workspace

__all__ = [
    "ApiKey",
    "ApiKeyWorkspace",
    "Attempt",
    "AttemptEvent",
    "AttemptLog",
    "AuditEntry",
    "Base",
    "Clip",
    "ConnectAttempt",
    "ConnectLink",
    "Connection",
    "Draft",
    "IdempotentAnswer",
    "InstallationRow",
    "Invitation",
    "Item",
    "JournalEntry",
    "Membership",
    "Post",
    "RateWindow",
    "Render",
    "SignInSession",
    "UnwantedObject",
    "UsedConnectLink",
    "User",
    "WorkerSeen",
    "Workspace",
]
