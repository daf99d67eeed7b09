"""Every table, imported in one place for migrations."""

from clipcast.api.models import IdempotentAnswer
from clipcast.clips.models import Clip, Render
from clipcast.connections.models import ConnectAttempt, Connection
from clipcast.database import Base
from clipcast.posts.models import Item, Post
from clipcast.publishing.models import Attempt, AttemptEvent, JournalEntry
from clipcast.workspaces.models import ApiKey, ApiKeyWorkspace, Workspace

__all__ = [
    "ApiKey",
    "ApiKeyWorkspace",
    "Attempt",
    "AttemptEvent",
    "Base",
    "Clip",
    "ConnectAttempt",
    "Connection",
    "IdempotentAnswer",
    "Item",
    "JournalEntry",
    "Post",
    "Render",
    "Workspace",
]
