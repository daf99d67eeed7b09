"""All tables, imported in one place for migrations."""

from clipcast.database import Base
from clipcast.database.models.account_sets import AccountSet
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.clients import Client, ClientReviewer, HashtagSet, PausedDays, PostingTimeRow
from clipcast.database.models.clips import Clip, Render, UnwantedObject
from clipcast.database.models.connections import ClientLink, ConnectAttempt, Connection, ConnectLink, UsedConnectLink
from clipcast.database.models.events import Delivery, Event, EventListener, Webhook
from clipcast.database.models.installation import InstallationRow, StorageMark
from clipcast.database.models.jobs import (
    Attempt,
    AttemptEvent,
    Job,
    JournalEntry,
    KnownProgram,
    Pause,
    QuotaState,
    Worker,
)
from clipcast.database.models.lists import Label, PostLabel, SavedView
from clipcast.database.models.notices import InboxNotice, NoticeChannel, NoticeEntry, NoticeHabits, PushDevice, PushKey
from clipcast.database.models.people import Invitation, Membership, SignInSession, User
from clipcast.database.models.plans import PlanLine, StoredPlan
from clipcast.database.models.post_templates import PostTemplate
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.database.models.renditions import Rendition, RenditionAhead
from clipcast.database.models.requests import AttemptLog, IdempotentResponseRow, RateWindow
from clipcast.database.models.reviews import Review, ReviewComment, Reviewer, ReviewLink
from clipcast.database.models.submissions import Asset, FoundClip, RenderTemplate, Submission
from clipcast.database.models.workspaces import ApiKey, ApiKeyWorkspace, Workspace

__all__ = [
    "AccountSet",
    "ApiKey",
    "ApiKeyWorkspace",
    "Asset",
    "Attempt",
    "AttemptEvent",
    "AttemptLog",
    "AuditEntry",
    "Base",
    "Client",
    "ClientLink",
    "ClientReviewer",
    "Clip",
    "ConnectAttempt",
    "ConnectLink",
    "Connection",
    "Delivery",
    "Draft",
    "Event",
    "EventListener",
    "FoundClip",
    "HashtagSet",
    "IdempotentResponseRow",
    "InboxNotice",
    "InstallationRow",
    "Invitation",
    "Item",
    "Job",
    "JournalEntry",
    "KnownProgram",
    "Label",
    "Membership",
    "NoticeChannel",
    "NoticeEntry",
    "NoticeHabits",
    "Pause",
    "PausedDays",
    "PlanLine",
    "Post",
    "PostLabel",
    "PostTemplate",
    "PostingTimeRow",
    "PushDevice",
    "PushKey",
    "QuotaState",
    "RateWindow",
    "Render",
    "RenderTemplate",
    "Rendition",
    "RenditionAhead",
    "Review",
    "ReviewComment",
    "ReviewLink",
    "Reviewer",
    "SavedView",
    "SignInSession",
    "StorageMark",
    "StoredPlan",
    "Submission",
    "UnwantedObject",
    "UsedConnectLink",
    "User",
    "Webhook",
    "Worker",
    "Workspace",
]
