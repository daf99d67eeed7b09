"""Bluesky's hosts and requests."""

from typing import Annotated, Any, ClassVar

from pydantic import Field
from starlette.routing import Route

from clipcast.sandbox.bluesky.identity import APPVIEW, ENTRYWAY, PDS, PLC
from clipcast.sandbox.bluesky.oauth import AuthorizationServer
from clipcast.sandbox.bluesky.rules import MAX_VIDEO
from clipcast.sandbox.bluesky.video import VIDEO
from clipcast.sandbox.inputs import TEXT_MAX
from clipcast.sandbox.simulator import MEDIA_KINDS, MEDIA_SETTINGS

# Larger than the maximum of every server, in bytes.
BLOB_MAX = 1_000_000_000
SERVER, REPO, SERVICE = "com.atproto.server", "com.atproto.repo", "app.bsky.video"


class Bluesky(AuthorizationServer):
    """A network of one PDS."""

    default_settings: ClassVar[dict[str, Any]] = {
        "processing_seconds": 2.0,
        "never_finish": False,
        **MEDIA_SETTINGS,
        "blob_limit": 300_000_000,
        "multipart": True,
        "part_bytes": 5 * 1024 * 1024,
        "daily_videos": 25,
        "uploads_disabled": False,
    }
    default_flags: ClassVar[dict[str, Any]] = {
        "job_failure": None,
        "unconfirmed_email": False,
        "may_not_upload": False,
        "email_factor": False,
        "takedown": False,
        "deactivated": False,
    }

    kinds: ClassVar[dict[str, Any]] = MEDIA_KINDS | {
        "job_failure": str | None,
        "part_bytes": Annotated[int, Field(ge=1, le=MAX_VIDEO)],
    }

    def routes(self) -> list[Route]:
        def xrpc(host: str, method: str, nsid: str, name: str, endpoint: Any, most: int = TEXT_MAX) -> Route:
            return self.route(host, f"/xrpc/{nsid}", [method], name, endpoint, most)

        return [
            self.route(PLC, "/{did}", ["GET"], "did", self.did_document),
            self.route(PDS, "/.well-known/oauth-protected-resource", ["GET"], "resource", self.protected_resource),
            self.route(ENTRYWAY, "/.well-known/oauth-authorization-server", ["GET"], "server", self.server_metadata),
            self.route(ENTRYWAY, "/oauth/par", ["POST"], "par", self.push),
            self.route(ENTRYWAY, "/oauth/token", ["POST"], "token", self.token),
            self.route(ENTRYWAY, "/oauth/revoke", ["POST"], "revoke", self.revoke),
            xrpc(PDS, "GET", f"{REPO}.describeRepo", "repo", self.describe_repo),
            xrpc(APPVIEW, "GET", "com.atproto.identity.resolveHandle", "resolve", self.resolve_handle),
            xrpc(APPVIEW, "GET", "app.bsky.actor.getProfile", "profile", self.get_profile),
            *(
                xrpc(host, method, f"{SERVER}.{nsid}", name, endpoint)
                for host in (PDS, ENTRYWAY)
                for method, nsid, name, endpoint in (
                    ("POST", "createSession", "session", self.create_session),
                    ("POST", "refreshSession", "refresh", self.refresh_session),
                    ("POST", "deleteSession", "revoke", self.delete_session),
                    ("GET", "getSession", "me", self.get_session),
                )
            ),
            xrpc(PDS, "GET", f"{SERVER}.describeServer", "server", self.describe_server),
            xrpc(PDS, "GET", f"{SERVER}.getServiceAuth", "service_auth", self.service_auth),
            xrpc(PDS, "POST", f"{REPO}.uploadBlob", "blob", self.upload_blob, BLOB_MAX),
            xrpc(PDS, "POST", f"{REPO}.putRecord", "put", self.put_record),
            xrpc(PDS, "POST", f"{REPO}.createRecord", "create", self.create_record),
            xrpc(PDS, "GET", f"{REPO}.getRecord", "get", self.get_record),
            xrpc(PDS, "POST", f"{REPO}.deleteRecord", "delete", self.delete_record),
            xrpc(VIDEO, "GET", f"{SERVICE}.getUploadLimits", "limits", self.upload_limits),
            xrpc(VIDEO, "POST", f"{SERVICE}.uploadVideo", "upload", self.upload_video, MAX_VIDEO),
            xrpc(VIDEO, "GET", f"{SERVICE}.getJobStatus", "job", self.job_status),
            xrpc(VIDEO, "POST", f"{SERVICE}.startUpload", "start", self.start_upload),
            xrpc(VIDEO, "POST", f"{SERVICE}.uploadPart", "part", self.upload_part, MAX_VIDEO),
            xrpc(VIDEO, "POST", f"{SERVICE}.finishUpload", "finish", self.finish_upload),
            xrpc(VIDEO, "GET", f"{SERVICE}.getUploadStatus", "upload_status", self.upload_status),
            xrpc(VIDEO, "POST", f"{SERVICE}.abortUpload", "abort", self.abort_upload),
        ]
