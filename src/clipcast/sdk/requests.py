"""The request of each operation, as a value. Written by `make docs` from the OpenAPI document. Do not edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from clipcast.sdk import models


from clipcast.sdk.transport import Request, headers, path, query


def create_post(
    *, partial: bool | None = None, idempotency_key: str | None = None, **body: Unpack[models.CreatePost]
) -> Request[models.PostCreatedInPart | models.PostCreated]:
    """Return the request of `createPost`."""
    return Request(
        "createPost",
        "POST",
        path("/posts"),
        query(partial=partial),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="PostCreatedInPart | PostCreated",
    )


def list_posts(
    *,
    status: models.PostStatus | None = None,
    client: str | None = None,
    label: str | None = None,
    page: int | None = None,
    limit: int | None = None,
) -> Request[models.PostList]:
    """Return the request of `listPosts`."""
    return Request(
        "listPosts",
        "GET",
        path("/posts"),
        query(status=status, client=client, label=label, page=page, limit=limit),
        reads=True,
        returns="PostList",
    )


def validate_post(**body: Unpack[models.CreatePost]) -> Request[models.ValidationResult]:
    """Return the request of `validatePost`."""
    return Request("validatePost", "POST", path("/posts/validate"), body=body, reads=True, returns="ValidationResult")


def get_post(post_id: str, /, *, wait: float | None = None, seen: str | None = None) -> Request[models.Post]:
    """Return the request of `getPost`."""
    return Request(
        "getPost",
        "GET",
        path("/posts/{post_id}", post_id=post_id),
        query(wait=wait, seen=seen),
        reads=True,
        returns="Post",
    )


def update_post(
    post_id: str,
    /,
    *,
    allow_duplicate: bool | None = None,
    if_match: int | str | None = None,
    **body: Unpack[models.UpdatePost],
) -> Request[models.Post]:
    """Return the request of `updatePost`."""
    return Request(
        "updatePost",
        "PATCH",
        path("/posts/{post_id}", post_id=post_id),
        query(allow_duplicate=allow_duplicate),
        body=body,
        headers=headers(if_match=if_match),
        returns="Post",
    )


def delete_post(post_id: str, /, *, if_match: int | str | None = None) -> Request[None]:
    """Return the request of `deletePost`."""
    return Request(
        "deletePost", "DELETE", path("/posts/{post_id}", post_id=post_id), headers=headers(if_match=if_match)
    )


def stream_post_events(post_id: str, /, *, last_event_id: str | None = None) -> Request[str]:
    """Return the request of `streamPostEvents`."""
    return Request(
        "streamPostEvents",
        "GET",
        path("/posts/{post_id}/events", post_id=post_id),
        headers=headers(last_event_id=last_event_id),
        reads=True,
    )


def get_post_item(post_id: str, item_id: str, /) -> Request[models.Item]:
    """Return the request of `getPostItem`."""
    return Request(
        "getPostItem",
        "GET",
        path("/posts/{post_id}/items/{item_id}", post_id=post_id, item_id=item_id),
        reads=True,
        returns="Item",
    )


def update_post_item(
    post_id: str,
    item_id: str,
    /,
    *,
    allow_duplicate: bool | None = None,
    if_match: int | str | None = None,
    **body: Unpack[models.UpdateItem],
) -> Request[models.Item]:
    """Return the request of `updatePostItem`."""
    return Request(
        "updatePostItem",
        "PATCH",
        path("/posts/{post_id}/items/{item_id}", post_id=post_id, item_id=item_id),
        query(allow_duplicate=allow_duplicate),
        body=body,
        headers=headers(if_match=if_match),
        returns="Item",
    )


def delete_post_item(post_id: str, item_id: str, /, *, if_match: int | str | None = None) -> Request[None]:
    """Return the request of `deletePostItem`."""
    return Request(
        "deletePostItem",
        "DELETE",
        path("/posts/{post_id}/items/{item_id}", post_id=post_id, item_id=item_id),
        headers=headers(if_match=if_match),
    )


def list_post_item_attempts(post_id: str, item_id: str, /) -> Request[models.AttemptList]:
    """Return the request of `listPostItemAttempts`."""
    return Request(
        "listPostItemAttempts",
        "GET",
        path("/posts/{post_id}/items/{item_id}/attempts", post_id=post_id, item_id=item_id),
        reads=True,
        returns="AttemptList",
    )


def publish_post(
    post_id: str,
    /,
    *,
    allow_duplicate: bool | None = None,
    idempotency_key: str | None = None,
    if_match: int | str | None = None,
) -> Request[models.Post]:
    """Return the request of `publishPost`."""
    return Request(
        "publishPost",
        "POST",
        path("/posts/{post_id}/publish", post_id=post_id),
        query(allow_duplicate=allow_duplicate),
        headers=headers(idempotency_key=idempotency_key, if_match=if_match),
        keyed=True,
        returns="Post",
    )


def retry_post_item(
    post_id: str,
    item_id: str,
    /,
    *,
    force: bool | None = None,
    allow_duplicate: bool | None = None,
    idempotency_key: str | None = None,
    if_match: int | str | None = None,
) -> Request[models.Item]:
    """Return the request of `retryPostItem`."""
    return Request(
        "retryPostItem",
        "POST",
        path("/posts/{post_id}/items/{item_id}/retry", post_id=post_id, item_id=item_id),
        query(force=force, allow_duplicate=allow_duplicate),
        headers=headers(idempotency_key=idempotency_key, if_match=if_match),
        keyed=True,
        returns="Item",
    )


def retry_post(
    post_id: str,
    /,
    *,
    allow_duplicate: bool | None = None,
    idempotency_key: str | None = None,
    if_match: int | str | None = None,
) -> Request[models.PostRetried]:
    """Return the request of `retryPost`."""
    return Request(
        "retryPost",
        "POST",
        path("/posts/{post_id}/retry", post_id=post_id),
        query(allow_duplicate=allow_duplicate),
        headers=headers(idempotency_key=idempotency_key, if_match=if_match),
        keyed=True,
        returns="PostRetried",
    )


def list_reviews(
    *, state: models.PostReview | None = None, page: int | None = None, limit: int | None = None
) -> Request[models.ReviewList]:
    """Return the request of `listReviews`."""
    return Request(
        "listReviews",
        "GET",
        path("/reviews"),
        query(state=state, page=page, limit=limit),
        reads=True,
        returns="ReviewList",
    )


def get_review(post_id: str, /) -> Request[models.Review]:
    """Return the request of `getReview`."""
    return Request("getReview", "GET", path("/posts/{post_id}/review", post_id=post_id), reads=True, returns="Review")


def send_for_review(
    post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ReviewRequest]
) -> Request[models.Review]:
    """Return the request of `sendForReview`."""
    return Request(
        "sendForReview",
        "POST",
        path("/posts/{post_id}/review", post_id=post_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Review",
    )


def delete_review(post_id: str, /) -> Request[None]:
    """Return the request of `deleteReview`."""
    return Request("deleteReview", "DELETE", path("/posts/{post_id}/review", post_id=post_id))


def withdraw_review(post_id: str, /, *, idempotency_key: str | None = None) -> Request[models.Review]:
    """Return the request of `withdrawReview`."""
    return Request(
        "withdrawReview",
        "POST",
        path("/posts/{post_id}/review/withdraw", post_id=post_id),
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Review",
    )


def approve_review(
    post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ApproveReview]
) -> Request[models.Review]:
    """Return the request of `approveReview`."""
    return Request(
        "approveReview",
        "POST",
        path("/posts/{post_id}/review/approve", post_id=post_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Review",
    )


def request_changes(
    post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.RequestChanges]
) -> Request[models.Review]:
    """Return the request of `requestChanges`."""
    return Request(
        "requestChanges",
        "POST",
        path("/posts/{post_id}/review/request-changes", post_id=post_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Review",
    )


def create_review_comment(
    post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.NewComment]
) -> Request[models.Comment]:
    """Return the request of `createReviewComment`."""
    return Request(
        "createReviewComment",
        "POST",
        path("/posts/{post_id}/review/comments", post_id=post_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Comment",
    )


def list_review_links() -> Request[models.ReviewLinkList]:
    """Return the request of `listReviewLinks`."""
    return Request("listReviewLinks", "GET", path("/review-links"), reads=True, returns="ReviewLinkList")


def create_review_link(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateReviewLink]
) -> Request[models.ReviewLinkCreated]:
    """Return the request of `createReviewLink`."""
    return Request(
        "createReviewLink",
        "POST",
        path("/review-links"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="ReviewLinkCreated",
    )


def revoke_review_link(link_id: str, /) -> Request[None]:
    """Return the request of `revokeReviewLink`."""
    return Request("revokeReviewLink", "DELETE", path("/review-links/{link_id}", link_id=link_id))


def create_posts_from_plan(
    content: str | bytes,
    /,
    *,
    dry_run: bool | None = None,
    timezone: str | None = None,
    allow_duplicate: bool | None = None,
    idempotency_key: str | None = None,
) -> Request[models.PlanCreated | models.PlanChecked]:
    """Return the request of `createPostsFromPlan`."""
    return Request(
        "createPostsFromPlan",
        "POST",
        path("/posts/csv"),
        query(dry_run=dry_run, timezone=timezone, allow_duplicate=allow_duplicate),
        body=content,
        content_type="text/csv",
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="PlanCreated | PlanChecked",
    )


def list_connections(
    *,
    platform: models.PlatformFilter | None = None,
    client: str | None = None,
    page: int | None = None,
    limit: int | None = None,
) -> Request[models.ConnectionList]:
    """Return the request of `listConnections`."""
    return Request(
        "listConnections",
        "GET",
        path("/connections"),
        query(platform=platform, client=client, page=page, limit=limit),
        reads=True,
        returns="ConnectionList",
    )


def get_connection(connection_id: str, /) -> Request[models.Connection]:
    """Return the request of `getConnection`."""
    return Request(
        "getConnection",
        "GET",
        path("/connections/{connection_id}", connection_id=connection_id),
        reads=True,
        returns="Connection",
    )


def update_connection(connection_id: str, /, **body: Unpack[models.UpdateConnection]) -> Request[models.Connection]:
    """Return the request of `updateConnection`."""
    return Request(
        "updateConnection",
        "PATCH",
        path("/connections/{connection_id}", connection_id=connection_id),
        body=body,
        returns="Connection",
    )


def get_connection_options(connection_id: str, /) -> Request[models.ConnectionOptions]:
    """Return the request of `getConnectionOptions`."""
    return Request(
        "getConnectionOptions",
        "GET",
        path("/connections/{connection_id}/options", connection_id=connection_id),
        reads=True,
        returns="ConnectionOptions",
    )


def list_platforms() -> Request[models.PlatformList]:
    """Return the request of `listPlatforms`."""
    return Request("listPlatforms", "GET", path("/platforms"), reads=True, returns="PlatformList")


def create_client(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateClient]
) -> Request[models.ClientDetail]:
    """Return the request of `createClient`."""
    return Request(
        "createClient",
        "POST",
        path("/clients"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="ClientDetail",
    )


def list_clients(*, page: int | None = None, limit: int | None = None) -> Request[models.ClientList]:
    """Return the request of `listClients`."""
    return Request(
        "listClients", "GET", path("/clients"), query(page=page, limit=limit), reads=True, returns="ClientList"
    )


def get_client(client_id: str, /) -> Request[models.ClientDetail]:
    """Return the request of `getClient`."""
    return Request(
        "getClient", "GET", path("/clients/{client_id}", client_id=client_id), reads=True, returns="ClientDetail"
    )


def update_client(client_id: str, /, **body: Unpack[models.UpdateClient]) -> Request[models.ClientDetail]:
    """Return the request of `updateClient`."""
    return Request(
        "updateClient", "PATCH", path("/clients/{client_id}", client_id=client_id), body=body, returns="ClientDetail"
    )


def delete_client(client_id: str, /) -> Request[None]:
    """Return the request of `deleteClient`."""
    return Request("deleteClient", "DELETE", path("/clients/{client_id}", client_id=client_id))


def list_hashtag_sets(client_id: str, /) -> Request[models.HashtagSetList]:
    """Return the request of `listHashtagSets`."""
    return Request(
        "listHashtagSets",
        "GET",
        path("/clients/{client_id}/hashtag-sets", client_id=client_id),
        reads=True,
        returns="HashtagSetList",
    )


def create_hashtag_set(
    client_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.CreateHashtagSet]
) -> Request[models.HashtagSetDetail]:
    """Return the request of `createHashtagSet`."""
    return Request(
        "createHashtagSet",
        "POST",
        path("/clients/{client_id}/hashtag-sets", client_id=client_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="HashtagSetDetail",
    )


def update_hashtag_set(
    client_id: str, set_id: str, /, **body: Unpack[models.UpdateHashtagSet]
) -> Request[models.HashtagSetDetail]:
    """Return the request of `updateHashtagSet`."""
    return Request(
        "updateHashtagSet",
        "PATCH",
        path("/clients/{client_id}/hashtag-sets/{set_id}", client_id=client_id, set_id=set_id),
        body=body,
        returns="HashtagSetDetail",
    )


def delete_hashtag_set(client_id: str, set_id: str, /) -> Request[None]:
    """Return the request of `deleteHashtagSet`."""
    return Request(
        "deleteHashtagSet",
        "DELETE",
        path("/clients/{client_id}/hashtag-sets/{set_id}", client_id=client_id, set_id=set_id),
    )


def get_posting_times(client_id: str, /) -> Request[models.PostingTimes]:
    """Return the request of `getPostingTimes`."""
    return Request(
        "getPostingTimes",
        "GET",
        path("/clients/{client_id}/posting-times", client_id=client_id),
        reads=True,
        returns="PostingTimes",
    )


def set_posting_times(client_id: str, /, **body: Unpack[models.SetPostingTimes]) -> Request[models.PostingTimes]:
    """Return the request of `setPostingTimes`."""
    return Request(
        "setPostingTimes",
        "PUT",
        path("/clients/{client_id}/posting-times", client_id=client_id),
        body=body,
        returns="PostingTimes",
    )


def list_next_times(
    client_id: str, /, *, count: int | None = None, connection_id: list[str] | None = None
) -> Request[models.NextTimes]:
    """Return the request of `listNextTimes`."""
    return Request(
        "listNextTimes",
        "GET",
        path("/clients/{client_id}/next-times", client_id=client_id),
        query(count=count, connection_id=connection_id),
        reads=True,
        returns="NextTimes",
    )


def get_queue(client_id: str, /, *, count: int | None = None) -> Request[models.ClientQueue]:
    """Return the request of `getQueue`."""
    return Request(
        "getQueue",
        "GET",
        path("/clients/{client_id}/queue", client_id=client_id),
        query(count=count),
        reads=True,
        returns="ClientQueue",
    )


def swap_posts(
    client_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.SwapPosts]
) -> Request[models.PostsSwapped]:
    """Return the request of `swapPosts`."""
    return Request(
        "swapPosts",
        "POST",
        path("/clients/{client_id}/queue/swap", client_id=client_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="PostsSwapped",
    )


def list_labels() -> Request[models.LabelList]:
    """Return the request of `listLabels`."""
    return Request("listLabels", "GET", path("/labels"), reads=True, returns="LabelList")


def create_label(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateLabel]
) -> Request[models.LabelDetail]:
    """Return the request of `createLabel`."""
    return Request(
        "createLabel",
        "POST",
        path("/labels"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="LabelDetail",
    )


def update_label(label_id: str, /, **body: Unpack[models.UpdateLabel]) -> Request[models.LabelDetail]:
    """Return the request of `updateLabel`."""
    return Request(
        "updateLabel", "PATCH", path("/labels/{label_id}", label_id=label_id), body=body, returns="LabelDetail"
    )


def delete_label(label_id: str, /) -> Request[None]:
    """Return the request of `deleteLabel`."""
    return Request("deleteLabel", "DELETE", path("/labels/{label_id}", label_id=label_id))


def list_post_labels(post_id: str, /) -> Request[models.LabelList]:
    """Return the request of `listPostLabels`."""
    return Request(
        "listPostLabels", "GET", path("/posts/{post_id}/labels", post_id=post_id), reads=True, returns="LabelList"
    )


def set_post_labels(post_id: str, /, **body: Unpack[models.PostLabels]) -> Request[models.LabelList]:
    """Return the request of `setPostLabels`."""
    return Request(
        "setPostLabels", "PUT", path("/posts/{post_id}/labels", post_id=post_id), body=body, returns="LabelList"
    )


def start_upload(
    *, idempotency_key: str | None = None, **body: Unpack[models.StartUpload]
) -> Request[models.UploadStarted]:
    """Return the request of `startUpload`."""
    return Request(
        "startUpload",
        "POST",
        path("/videos/upload"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="UploadStarted",
    )


def complete_upload(
    *, idempotency_key: str | None = None, **body: Unpack[models.CompleteUpload]
) -> Request[models.VideoCompleted]:
    """Return the request of `completeUpload`."""
    return Request(
        "completeUpload",
        "POST",
        path("/videos/upload/complete"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="VideoCompleted",
    )


def list_videos(
    *, sort: str | None = None, page: int | None = None, limit: int | None = None
) -> Request[models.VideoList]:
    """Return the request of `listVideos`."""
    return Request(
        "listVideos", "GET", path("/clips"), query(sort=sort, page=page, limit=limit), reads=True, returns="VideoList"
    )


def submit_video(
    *, idempotency_key: str | None = None, **body: Unpack[models.SubmitVideo]
) -> Request[models.Submitted]:
    """Return the request of `submitVideo`."""
    return Request(
        "submitVideo",
        "POST",
        path("/clips"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Submitted",
    )


def delete_video(video_id: str, /) -> Request[None]:
    """Return the request of `deleteVideo`."""
    return Request("deleteVideo", "DELETE", path("/clips/{video_id}", video_id=video_id))


def import_video(
    *, idempotency_key: str | None = None, **body: Unpack[models.ImportVideo]
) -> Request[models.VideoCompleted]:
    """Return the request of `importVideo`."""
    return Request(
        "importVideo",
        "POST",
        path("/videos/import"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="VideoCompleted",
    )


def get_video_info(
    *, idempotency_key: str | None = None, **body: Unpack[models.ImportVideo]
) -> Request[models.VideoCompleted]:
    """Return the request of `getVideoInfo`."""
    return Request(
        "getVideoInfo",
        "POST",
        path("/clips/info"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="VideoCompleted",
    )


def list_submissions(
    video_id: str, /, *, page: int | None = None, limit: int | None = None
) -> Request[models.SubmissionList]:
    """Return the request of `listSubmissions`."""
    return Request(
        "listSubmissions",
        "GET",
        path("/clips/{video_id}/submissions", video_id=video_id),
        query(page=page, limit=limit),
        reads=True,
        returns="SubmissionList",
    )


def get_submission(video_id: str, submission_id: str, /) -> Request[models.Submission]:
    """Return the request of `getSubmission`."""
    return Request(
        "getSubmission",
        "GET",
        path("/clips/{video_id}/submissions/{submission_id}", video_id=video_id, submission_id=submission_id),
        reads=True,
        returns="Submission",
    )


def delete_submission(video_id: str, submission_id: str, /) -> Request[None]:
    """Return the request of `deleteSubmission`."""
    return Request(
        "deleteSubmission",
        "DELETE",
        path("/clips/{video_id}/submissions/{submission_id}", video_id=video_id, submission_id=submission_id),
    )


def list_found_clips(
    video_id: str, submission_id: str, /, *, min_rating: float | None = None, limit: int | None = None
) -> Request[models.FoundClipList]:
    """Return the request of `listFoundClips`."""
    return Request(
        "listFoundClips",
        "GET",
        path("/clips/{video_id}/submissions/{submission_id}/clips", video_id=video_id, submission_id=submission_id),
        query(min_rating=min_rating, limit=limit),
        reads=True,
        returns="FoundClipList",
    )


def apply_template(
    video_id: str, submission_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ApplyTemplate]
) -> Request[models.FoundClipList]:
    """Return the request of `applyTemplate`."""
    return Request(
        "applyTemplate",
        "POST",
        path(
            "/clips/{video_id}/submissions/{submission_id}/apply_template",
            video_id=video_id,
            submission_id=submission_id,
        ),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="FoundClipList",
    )


def delete_found_clip(video_id: str, submission_id: str, clip_id: str, /) -> Request[None]:
    """Return the request of `deleteFoundClip`."""
    return Request(
        "deleteFoundClip",
        "DELETE",
        path(
            "/clips/{video_id}/submissions/{submission_id}/clips/{clip_id}",
            video_id=video_id,
            submission_id=submission_id,
            clip_id=clip_id,
        ),
    )


def render_found_clip(
    video_id: str, submission_id: str, clip_id: str, /, *, idempotency_key: str | None = None
) -> Request[models.RenderCreated]:
    """Return the request of `renderFoundClip`."""
    return Request(
        "renderFoundClip",
        "POST",
        path(
            "/clips/{video_id}/submissions/{submission_id}/clips/{clip_id}/render",
            video_id=video_id,
            submission_id=submission_id,
            clip_id=clip_id,
        ),
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="RenderCreated",
    )


def list_templates(
    *,
    filter: models.FilterFilter | None = None,
    sort: str | None = None,
    page: int | None = None,
    limit: int | None = None,
) -> Request[models.TemplateList]:
    """Return the request of `listTemplates`."""
    return Request(
        "listTemplates",
        "GET",
        path("/templates"),
        query(filter=filter, sort=sort, page=page, limit=limit),
        reads=True,
        returns="TemplateList",
    )


def create_template(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateTemplate]
) -> Request[models.Template]:
    """Return the request of `createTemplate`."""
    return Request(
        "createTemplate",
        "POST",
        path("/templates"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Template",
    )


def update_template(template_id: str, /, **body: Unpack[models.UpdateTemplate]) -> Request[models.Template]:
    """Return the request of `updateTemplate`."""
    return Request(
        "updateTemplate",
        "PATCH",
        path("/templates/{template_id}", template_id=template_id),
        body=body,
        returns="Template",
    )


def delete_template(template_id: str, /) -> Request[None]:
    """Return the request of `deleteTemplate`."""
    return Request("deleteTemplate", "DELETE", path("/templates/{template_id}", template_id=template_id))


def create_render(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateRender]
) -> Request[models.RenderCreated]:
    """Return the request of `createRender`."""
    return Request(
        "createRender",
        "POST",
        path("/renders"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="RenderCreated",
    )


def list_renders(
    *, status: models.StatusFilter | None = None, page: int | None = None, limit: int | None = None
) -> Request[models.RenderList]:
    """Return the request of `listRenders`."""
    return Request(
        "listRenders",
        "GET",
        path("/renders"),
        query(status=status, page=page, limit=limit),
        reads=True,
        returns="RenderList",
    )


def get_render_limits() -> Request[models.RenderLimits]:
    """Return the request of `getRenderLimits`."""
    return Request("getRenderLimits", "GET", path("/renders/limits"), reads=True, returns="RenderLimits")


def get_render(
    render_id: str, /, *, wait: float | None = None, seen: str | None = None
) -> Request[models.RenderDetail]:
    """Return the request of `getRender`."""
    return Request(
        "getRender",
        "GET",
        path("/renders/{render_id}", render_id=render_id),
        query(wait=wait, seen=seen),
        reads=True,
        returns="RenderDetail",
    )


def delete_render(render_id: str, /) -> Request[None]:
    """Return the request of `deleteRender`."""
    return Request("deleteRender", "DELETE", path("/renders/{render_id}", render_id=render_id))


def download_render(render_id: str, /) -> Request[models.Download]:
    """Return the request of `downloadRender`."""
    return Request(
        "downloadRender",
        "GET",
        path("/renders/{render_id}/download", render_id=render_id),
        reads=True,
        returns="Download",
    )


def create_bulk_download(
    *, idempotency_key: str | None = None, **body: Unpack[models.StartBulkDownload]
) -> Request[models.BulkDownload]:
    """Return the request of `createBulkDownload`."""
    return Request(
        "createBulkDownload",
        "POST",
        path("/renders/bulk-download"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        reads=True,
        returns="BulkDownload",
    )


def get_bulk_download(job_id: str, /) -> Request[models.BulkDownload]:
    """Return the request of `getBulkDownload`."""
    return Request(
        "getBulkDownload",
        "GET",
        path("/renders/bulk-download/{job_id}", job_id=job_id),
        reads=True,
        returns="BulkDownload",
    )


def start_asset_upload(
    *, idempotency_key: str | None = None, **body: Unpack[models.StartAsset]
) -> Request[models.AssetStarted]:
    """Return the request of `startAssetUpload`."""
    return Request(
        "startAssetUpload",
        "POST",
        path("/assets/upload"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="AssetStarted",
    )


def complete_asset_upload(
    *, idempotency_key: str | None = None, **body: Unpack[models.CompleteAsset]
) -> Request[models.Asset]:
    """Return the request of `completeAssetUpload`."""
    return Request(
        "completeAssetUpload",
        "POST",
        path("/assets/upload/complete"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Asset",
    )


def list_assets(
    *, kind: models.AssetKind | None = None, page: int | None = None, limit: int | None = None
) -> Request[models.AssetList]:
    """Return the request of `listAssets`."""
    return Request(
        "listAssets", "GET", path("/assets"), query(kind=kind, page=page, limit=limit), reads=True, returns="AssetList"
    )


def delete_asset(asset_id: str, /) -> Request[None]:
    """Return the request of `deleteAsset`."""
    return Request("deleteAsset", "DELETE", path("/assets/{asset_id}", asset_id=asset_id))


def create_webhook(
    *, idempotency_key: str | None = None, **body: Unpack[models.CreateWebhook]
) -> Request[models.WebhookCreated]:
    """Return the request of `createWebhook`."""
    return Request(
        "createWebhook",
        "POST",
        path("/webhooks"),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="WebhookCreated",
    )


def list_webhooks(*, page: int | None = None, limit: int | None = None) -> Request[models.WebhookList]:
    """Return the request of `listWebhooks`."""
    return Request(
        "listWebhooks", "GET", path("/webhooks"), query(page=page, limit=limit), reads=True, returns="WebhookList"
    )


def get_webhook(webhook_id: str, /) -> Request[models.Webhook]:
    """Return the request of `getWebhook`."""
    return Request(
        "getWebhook", "GET", path("/webhooks/{webhook_id}", webhook_id=webhook_id), reads=True, returns="Webhook"
    )


def update_webhook(webhook_id: str, /, **body: Unpack[models.UpdateWebhook]) -> Request[models.Webhook]:
    """Return the request of `updateWebhook`."""
    return Request(
        "updateWebhook", "PATCH", path("/webhooks/{webhook_id}", webhook_id=webhook_id), body=body, returns="Webhook"
    )


def delete_webhook(webhook_id: str, /) -> Request[None]:
    """Return the request of `deleteWebhook`."""
    return Request("deleteWebhook", "DELETE", path("/webhooks/{webhook_id}", webhook_id=webhook_id))


def send_test_event(webhook_id: str, /, *, idempotency_key: str | None = None) -> Request[models.Delivery]:
    """Return the request of `sendTestEvent`."""
    return Request(
        "sendTestEvent",
        "POST",
        path("/webhooks/{webhook_id}/test", webhook_id=webhook_id),
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Delivery",
    )


def rotate_webhook_secret(webhook_id: str, /, *, idempotency_key: str | None = None) -> Request[models.SecretRotated]:
    """Return the request of `rotateWebhookSecret`."""
    return Request(
        "rotateWebhookSecret",
        "POST",
        path("/webhooks/{webhook_id}/rotate", webhook_id=webhook_id),
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="SecretRotated",
    )


def list_webhook_deliveries(
    webhook_id: str,
    /,
    *,
    status: models.DeliveryStatus | None = None,
    page: int | None = None,
    limit: int | None = None,
) -> Request[models.DeliveryList]:
    """Return the request of `listWebhookDeliveries`."""
    return Request(
        "listWebhookDeliveries",
        "GET",
        path("/webhooks/{webhook_id}/deliveries", webhook_id=webhook_id),
        query(status=status, page=page, limit=limit),
        reads=True,
        returns="DeliveryList",
    )


def get_webhook_delivery(webhook_id: str, delivery_id: str, /) -> Request[models.DeliveryDetail]:
    """Return the request of `getWebhookDelivery`."""
    return Request(
        "getWebhookDelivery",
        "GET",
        path("/webhooks/{webhook_id}/deliveries/{delivery_id}", webhook_id=webhook_id, delivery_id=delivery_id),
        reads=True,
        returns="DeliveryDetail",
    )


def replay_webhook_delivery(
    webhook_id: str, delivery_id: str, /, *, idempotency_key: str | None = None
) -> Request[models.Delivery]:
    """Return the request of `replayWebhookDelivery`."""
    return Request(
        "replayWebhookDelivery",
        "POST",
        path("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", webhook_id=webhook_id, delivery_id=delivery_id),
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="Delivery",
    )


def replay_webhook_events(
    webhook_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ReplayEvents]
) -> Request[models.EventsReplayed]:
    """Return the request of `replayWebhookEvents`."""
    return Request(
        "replayWebhookEvents",
        "POST",
        path("/webhooks/{webhook_id}/replay", webhook_id=webhook_id),
        body=body,
        headers=headers(idempotency_key=idempotency_key),
        keyed=True,
        returns="EventsReplayed",
    )


def get_workspace() -> Request[models.Workspace]:
    """Return the request of `getWorkspace`."""
    return Request("getWorkspace", "GET", path("/workspace"), reads=True, returns="Workspace")


def update_workspace(**body: Unpack[models.UpdateWorkspace]) -> Request[models.Workspace]:
    """Return the request of `updateWorkspace`."""
    return Request("updateWorkspace", "PATCH", path("/workspace"), body=body, returns="Workspace")


def get_balance() -> Request[models.Balance]:
    """Return the request of `getBalance`."""
    return Request("getBalance", "GET", path("/balance"), reads=True, returns="Balance")


def list_balance_history(
    *, type: str | None = None, reference_type: str | None = None, page: int | None = None, limit: int | None = None
) -> Request[models.BalanceHistory]:
    """Return the request of `listBalanceHistory`."""
    return Request(
        "listBalanceHistory",
        "GET",
        path("/balance/history"),
        query(type=type, reference_type=reference_type, page=page, limit=limit),
        reads=True,
        returns="BalanceHistory",
    )
