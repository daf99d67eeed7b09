"""The methods of the asynchronous client. Written by `make docs` from the OpenAPI document. Do not edit it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Unpack

if TYPE_CHECKING:
    from clipcast.sdk import models
    from clipcast.sdk.streams import Event


from clipcast.sdk import requests
from clipcast.sdk.calls import AsyncCalls


class AsyncOperations(AsyncCalls):
    """One method for each operation of the API. docs/python.md describes how errors and retries work."""

    async def create_post(
        self, *, partial: bool | None = None, idempotency_key: str | None = None, **body: Unpack[models.CreatePost]
    ) -> models.PostCreatedInPart | models.PostCreated:
        """Create a post.

        Publish many clips to many accounts, now or at `scheduled_at`: one item per (video, target).

        Clipcast publishes every item exactly once. You track, retry and delete each item separately. If any
        item has a problem, Clipcast creates nothing and returns all problems of all items (422). Send an
        `Idempotency-Key`: then repeating the request after a lost response never creates a second post.

        409 `duplicate_content`: the workspace refuses that the same clip and words go to an account twice
        within 48 hours. `errors` names the earlier posts. `allow_duplicate` publishes them nevertheless.

        `partial`: Create the valid items, and return the problems of the others.
        """
        return await self._call(requests.create_post(partial=partial, idempotency_key=idempotency_key, **body))

    async def list_posts(
        self,
        *,
        status: models.PostStatus | None = None,
        client: str | None = None,
        label: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> models.PostList:
        """List posts.

        List the workspace's posts, newest first, without their items.

        `status`: Only posts with this status.

        `client`: Only those of this client: its id, or `none` for those without one.

        `label`: Only posts with this label: its id. 404 if there is no such label.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_posts(status=status, client=client, label=label, page=page, limit=limit))

    def iterate_posts(
        self, *, status: models.PostStatus | None = None, client: str | None = None, label: str | None = None
    ) -> AsyncIterator[models.PostSummary]:
        """Yield each of the `posts` that `list_posts` lists, page by page."""
        return self._pages(
            lambda page: requests.list_posts(status=status, client=client, label=label, page=page, limit=100), "posts"
        )

    async def validate_post(self, **body: Unpack[models.CreatePost]) -> models.ValidationResult:
        """Validate a post.

        Check the body of `POST /posts` and return all problems of all items. Create nothing.

        Unlike `POST /posts`, this also requests each account's current options from its platform: privacy
        levels, boards, the rest of the day's limit. If a platform does not respond, the result contains a
        warning.

        The same clip and words for an account within 48 hours are a warning `duplicate_content`, which names
        the earlier post; an error if the workspace refuses that.

        It also requests the linked files of covers, thumbnails and subtitles. A file whose server does not
        respond is a warning. A file that does not exist, that is in a private network, or that has the wrong
        type or size is an error.
        """
        return await self._call(requests.validate_post(**body))

    async def get_post(self, post_id: str, /, *, wait: float | None = None, seen: str | None = None) -> models.Post:
        """Get a post.

        Return a post with all its items: each one's status, its address on the platform, or its error and who
        must act.

        With `wait=30`, the response comes as soon as the post's status, or the status or error of an item,
        changes. It comes at once if all items have ended, and after 30 s in any case. Changes of stage and
        progress do not end the wait; `GET /posts/{post_id}/events` sends them.

        `ETag` names the post's version. Send it as `If-Match` with a change: if the post has been edited since,
        Clipcast changes nothing.

        `wait`: Seconds to wait for a change of the status or error. The response comes with the change, at once
        if the status is final, and after this time in any case.

        `seen`: With `wait`: the `state_tag` of the last response. If the state is another one by now, the
        response comes at once, so that no change between two requests is missed.
        """
        return await self._call(requests.get_post(post_id, wait=wait, seen=seen))

    async def update_post(
        self,
        post_id: str,
        /,
        *,
        allow_duplicate: bool | None = None,
        if_match: int | str | None = None,
        **body: Unpack[models.UpdatePost],
    ) -> models.Post:
        """Update a post.

        Change a post while it is `pending`. `scheduled_at: null` publishes it now. 409 `post_not_editable`
        afterwards.

        After publishing has begun, you can still change and move the items that wait for their next attempt and
        have sent nothing: items whose quota is used up, or whose platform does not respond.

        422 `weaker_review` if the post's review is less than the rule of a new account's client needs. Keys
        with the scope `reviews:decide` can move items there nevertheless.

        `metadata` replaces all of an item's metadata. If anything has a problem, Clipcast changes nothing. With
        `If-Match`, it changes the post only if the post has that version; without it, the last change wins.

        `allow_duplicate`: Allow what the workspace refuses: the same clip and words again for an account.
        """
        return await self._call(
            requests.update_post(post_id, allow_duplicate=allow_duplicate, if_match=if_match, **body)
        )

    async def delete_post(self, post_id: str, /, *, if_match: int | str | None = None) -> None:
        """Delete a post.

        Delete Clipcast's record of the post and its items. Live videos stay live.

        409 `item_in_progress`: a worker is publishing an item.
        """
        await self._call(requests.delete_post(post_id, if_match=if_match))

    def stream_post_events(self, post_id: str, /, *, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """Follow a post.

        Stream a post's changes as server-sent events, until all its items have ended.

        The stream begins with all items and the post. Then `item` comes with each change of an item, and `post`
        with each change of the post's status, time or number of items. `end` comes last, when the post is final
        or was deleted.

        A stream ends after 10 minutes at the latest. Continue it with the header `Last-Event-ID`: everything
        that has changed since comes first. Clients of server-sent events do this by themselves. After `end`, a
        client that continues gets 204, which ends it, until anything changes.
        """
        return self._stream(requests.stream_post_events(post_id, last_event_id=last_event_id))

    async def get_post_item(self, post_id: str, item_id: str, /) -> models.Item:
        """Get an item.

        Return an item of a post. `ETag` names the item's own version.
        """
        return await self._call(requests.get_post_item(post_id, item_id))

    async def update_post_item(
        self,
        post_id: str,
        item_id: str,
        /,
        *,
        allow_duplicate: bool | None = None,
        if_match: int | str | None = None,
        **body: Unpack[models.UpdateItem],
    ) -> models.Item:
        """Update an item.

        Change an item while its post is `pending`, or while the item waits for its next attempt and has sent
        nothing.

        409 `post_not_editable` otherwise.

        422 `weaker_review` if the post's review is less than the rule of a new account's client needs. Keys
        with the scope `reviews:decide` can move the item there nevertheless.

        `metadata` replaces all of the item's metadata. With `If-Match`, Clipcast changes the item only if it
        has that version; edits of the post's other items do not matter.

        `allow_duplicate`: Allow what the workspace refuses: the same clip and words again for an account.
        """
        return await self._call(
            requests.update_post_item(post_id, item_id, allow_duplicate=allow_duplicate, if_match=if_match, **body)
        )

    async def delete_post_item(self, post_id: str, item_id: str, /, *, if_match: int | str | None = None) -> None:
        """Delete an item.

        Delete Clipcast's record of the item. A live video stays live. Deleting the last item deletes the post.

        409 `item_in_progress`: a worker is publishing the item.
        """
        await self._call(requests.delete_post_item(post_id, item_id, if_match=if_match))

    async def list_post_item_attempts(self, post_id: str, item_id: str, /) -> models.AttemptList:
        """List an item's attempts.

        List an item's attempts: each request with its time and response, and each decision with its reason.
        """
        return await self._call(requests.list_post_item_attempts(post_id, item_id))

    async def publish_post(
        self,
        post_id: str,
        /,
        *,
        allow_duplicate: bool | None = None,
        idempotency_key: str | None = None,
        if_match: int | str | None = None,
    ) -> models.Post:
        """Publish a post now.

        Publish a `pending` post now, or the items of a started post that wait for their next attempt.

        409 `post_not_pending`: the post has neither.

        `allow_duplicate`: Allow what the workspace refuses: the same clip and words again for an account.
        """
        return await self._call(
            requests.publish_post(
                post_id, allow_duplicate=allow_duplicate, idempotency_key=idempotency_key, if_match=if_match
            )
        )

    async def retry_post_item(
        self,
        post_id: str,
        item_id: str,
        /,
        *,
        force: bool | None = None,
        allow_duplicate: bool | None = None,
        idempotency_key: str | None = None,
        if_match: int | str | None = None,
    ) -> models.Item:
        """Retry a failed item.

        Retry an item now that failed, or that waits for its next attempt. 409 `item_not_failed` for any other
        item.

        If the item waits for a quota, Clipcast asks the platform again. The account's other items that wait
        follow. If its conversion waits for space, the conversion looks for it at once.

        If the item failed as `outcome_unknown`, Clipcast first looks for it on the platform. `force=true` sends
        it again without looking, which can publish a second video.

        `force`: Send an item of unknown outcome again, without looking for it on the platform first.

        `allow_duplicate`: Allow what the workspace refuses: the same clip and words again for an account.
        """
        return await self._call(
            requests.retry_post_item(
                post_id,
                item_id,
                force=force,
                allow_duplicate=allow_duplicate,
                idempotency_key=idempotency_key,
                if_match=if_match,
            )
        )

    async def retry_post(
        self,
        post_id: str,
        /,
        *,
        allow_duplicate: bool | None = None,
        idempotency_key: str | None = None,
        if_match: int | str | None = None,
    ) -> models.PostRetried:
        """Retry a post's failed items.

        Retry all failed items of the post. `retried` lists them; `skipped` lists the other items, each with a
        reason.

        If an item failed as `outcome_unknown`, Clipcast first looks for it on the platform
        (`reconciles_first`). To send such an item without looking, retry it alone with `force=true`. If an
        item's account is paused or must be reconnected, the item waits. 409 `no_failed_items`: no item of the
        post has failed.

        `allow_duplicate`: Allow what the workspace refuses: the same clip and words again for an account.
        """
        return await self._call(
            requests.retry_post(
                post_id, allow_duplicate=allow_duplicate, idempotency_key=idempotency_key, if_match=if_match
            )
        )

    async def list_reviews(
        self, *, state: models.PostReview | None = None, page: int | None = None, limit: int | None = None
    ) -> models.ReviewList:
        """List reviews.

        List the posts that were sent for review, the newest first.

        `state`: Only reviews in this state.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_reviews(state=state, page=page, limit=limit))

    def iterate_reviews(self, *, state: models.PostReview | None = None) -> AsyncIterator[models.ReviewSummary]:
        """Yield each of the `reviews` that `list_reviews` lists, page by page."""
        return self._pages(lambda page: requests.list_reviews(state=state, page=page, limit=100), "reviews")

    async def get_review(self, post_id: str, /) -> models.Review:
        """Get a review.

        Return a post's review: its state, who is asked, what each decided about the present revision, and the
        comments.

        Only an approved post is sent. A change of its clips, accounts or words asks all reviewers again; a new
        time does not.
        """
        return await self._call(requests.get_review(post_id))

    async def send_for_review(
        self, post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ReviewRequest]
    ) -> models.Review:
        """Send a post for review.

        Send a `pending` post for review, or send it again to these reviewers. It is not sent before its
        approval.

        To create a post that is in review from the beginning, pass `review` to `POST /posts`.

        If a client of the post has a rule of review, the post must still need the approval of its reviewers: of
        one of them, or of each. 422 `weaker_review` otherwise. Keys with the scope `reviews:decide` can ask
        whomever they want.
        """
        return await self._call(requests.send_for_review(post_id, idempotency_key=idempotency_key, **body))

    async def delete_review(self, post_id: str, /) -> None:
        """Publish without a review.

        Delete a review with its comments. The post is then sent at its time, or now if it has none, without an
        approval.

        409 `review_expired`: its time has passed. Give it a new time first.
        """
        await self._call(requests.delete_review(post_id))

    async def withdraw_review(self, post_id: str, /, *, idempotency_key: str | None = None) -> models.Review:
        """Withdraw a review.

        Ask nobody any more. The post stays `pending` and is not sent.

        Send it for review again, or delete the review to publish it without an approval. 409
        `post_not_pending`: it has begun.
        """
        return await self._call(requests.withdraw_review(post_id, idempotency_key=idempotency_key))

    async def approve_review(
        self, post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ApproveReview]
    ) -> models.Review:
        """Approve a post.

        Approve a revision for one of its reviewers, whom your system has asked.

        An approved post is sent at its time, or now if it has none. If its time has passed, nothing is sent
        late: `needs_time` is true, and the post waits for a new time. 409 `review_changed`: the post has
        another revision.
        """
        return await self._call(requests.approve_review(post_id, idempotency_key=idempotency_key, **body))

    async def request_changes(
        self, post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.RequestChanges]
    ) -> models.Review:
        """Request changes of a post.

        Record what one of the reviewers wants to be changed. The text becomes a comment that all reviewers see.
        """
        return await self._call(requests.request_changes(post_id, idempotency_key=idempotency_key, **body))

    async def create_review_comment(
        self, post_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.NewComment]
    ) -> models.Comment:
        """Comment on a post in review.

        Add a comment to the review of a post. A review takes at most 300.
        """
        return await self._call(requests.create_review_comment(post_id, idempotency_key=idempotency_key, **body))

    async def list_review_links(self) -> models.ReviewLinkList:
        """List review links.

        List the links that have not ended, the newest first, without their addresses.
        """
        return await self._call(requests.list_review_links())

    async def create_review_link(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateReviewLink]
    ) -> models.ReviewLinkCreated:
        """Create a review link.

        Create a link for people without a sign-in. Its page shows the posts that are sent for review with it.

        It works for 14 days after the last post that is sent with it, for any number of posts. The response
        holds its address, which is shown once. With `client_id`, it shows posts of this client only.
        """
        return await self._call(requests.create_review_link(idempotency_key=idempotency_key, **body))

    async def revoke_review_link(self, link_id: str, /) -> None:
        """Revoke a review link.

        End a review link at once. Its page is 404 from now on.
        """
        await self._call(requests.revoke_review_link(link_id))

    async def create_posts_from_plan(
        self,
        content: str | bytes,
        /,
        *,
        dry_run: bool | None = None,
        timezone: str | None = None,
        allow_duplicate: bool | None = None,
        idempotency_key: str | None = None,
    ) -> models.PlanCreated | models.PlanChecked:
        """Create posts from a CSV.

        Create one post for each row of a CSV: all posts together, or none.

        The first line names the columns. `edit_id`, `clip` (a `video_id`) or `url` names the row's clips, and
        `to` its accounts, such as `bluesky:@harbour.films`; `;` separates several. `title`, `text` and `tags`
        fill each platform's own fields. `at` is the time, and `timezone` its zone. A column such as
        `youtube.privacyStatus` fills one field of a platform. Empty cells count as left out. At most 10 000
        rows, 10 MB, 50 000 items and 20 addresses.

        If a row has a problem, Clipcast creates nothing and returns all problems of all rows, each with its
        `line` and `column` (422). A dry run returns them with status 200. It accepts a column `files`, which
        only `clipcast post --csv` can upload, and does not fetch addresses.

        `dry_run`: Check every row, show it as it would be posted, and create nothing.

        `timezone`: The IANA name of the time zone of times without an offset.

        `allow_duplicate`: Create posts although the same clip and words went to the same account recently.
        """
        return await self._call(
            requests.create_posts_from_plan(
                content,
                dry_run=dry_run,
                timezone=timezone,
                allow_duplicate=allow_duplicate,
                idempotency_key=idempotency_key,
            )
        )

    async def list_connections(
        self,
        *,
        platform: models.PlatformFilter | None = None,
        client: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> models.ConnectionList:
        """List connections.

        List the workspace's connected accounts, newest first.

        `needs_reconnect`: the account's owner must connect the account again. `disabled`: a person paused the
        account in the app. In both states, items that come due wait. The API does not connect accounts. People
        connect them in the app, or with a link from `clipcast connect`.

        `platform`: Only accounts of this platform.

        `client`: Only those of this client: its id, or `none` for those without one.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_connections(platform=platform, client=client, page=page, limit=limit))

    def iterate_connections(
        self, *, platform: models.PlatformFilter | None = None, client: str | None = None
    ) -> AsyncIterator[models.Connection]:
        """Yield each of the `connections` that `list_connections` lists, page by page."""
        return self._pages(
            lambda page: requests.list_connections(platform=platform, client=client, page=page, limit=100),
            "connections",
        )

    async def get_connection(self, connection_id: str, /) -> models.Connection:
        """Get a connection.

        Return a connected account.
        """
        return await self._call(requests.get_connection(connection_id))

    async def update_connection(
        self, connection_id: str, /, **body: Unpack[models.UpdateConnection]
    ) -> models.Connection:
        """Give an account to a client.

        Give a connected account to a client, or to none. Scheduled posts keep their times.

        403 `review_required`: posts of its client need an approval, and the key lacks the scope
        `reviews:decide`.
        """
        return await self._call(requests.update_connection(connection_id, **body))

    async def get_connection_options(self, connection_id: str, /) -> models.ConnectionOptions:
        """Get the options of an account.

        Request the account's current options from the platform.

        `options`: TikTok's privacy levels and switches, YouTube's categories and playlists, Pinterest's boards,
        and the posts that Instagram, Threads and Bluesky still allow today. Each list has the name of the
        metadata field that it fills.

        `quotas`: the use of each platform limit that Clipcast counts, for this account or for the whole app.

        409 `connection_not_usable`: the account must be connected again. 503: the platform does not respond.
        """
        return await self._call(requests.get_connection_options(connection_id))

    async def list_platforms(self) -> models.PlatformList:
        """List platforms.

        List the platforms with the JSON Schema of their metadata and their limits for a file's picture, sound,
        layout.

        Units: sizes in bytes, durations in seconds, edges in displayed pixels, rates per second, bit rates in
        bits per second. An aspect is the width divided by the height. null: no limit is known. Preflight checks
        these limits.
        """
        return await self._call(requests.list_platforms())

    async def create_client(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateClient]
    ) -> models.ClientDetail:
        """Create a client.

        Create a client: a group of accounts. PATCH /connections/{connection_id} puts an account into it.

        A workspace has at most 500 clients. To pass `review`, a key needs the scope `reviews:decide`, too.
        """
        return await self._call(requests.create_client(idempotency_key=idempotency_key, **body))

    async def list_clients(self, *, page: int | None = None, limit: int | None = None) -> models.ClientList:
        """List clients.

        List the workspace's clients by name.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_clients(page=page, limit=limit))

    def iterate_clients(self) -> AsyncIterator[models.ClientDetail]:
        """Yield each of the `clients` that `list_clients` lists, page by page."""
        return self._pages(lambda page: requests.list_clients(page=page, limit=100), "clients")

    async def get_client(self, client_id: str, /) -> models.ClientDetail:
        """Get a client.

        Return a client. `GET /connections?client=` lists its accounts, `GET /posts?client=` its posts.
        """
        return await self._call(requests.get_client(client_id))

    async def update_client(self, client_id: str, /, **body: Unpack[models.UpdateClient]) -> models.ClientDetail:
        """Change a client.

        Change the name, the time zone, the colour, the signature or the reviewers of a client.

        Scheduled posts keep their times, and their reviews. To change `review`, a key needs the scope
        `reviews:decide`, too.
        """
        return await self._call(requests.update_client(client_id, **body))

    async def delete_client(self, client_id: str, /) -> None:
        """Delete a client.

        Delete a client. Its accounts stay, without a client, and so do its posts. Its review links are revoked.

        403 `review_required` if its posts need an approval, unless the key has the scope `reviews:decide`.
        """
        await self._call(requests.delete_client(client_id))

    async def list_hashtag_sets(self, client_id: str, /) -> models.HashtagSetList:
        """List hashtag sets.

        Return the hashtag sets that the compose page offers for captions of the client's posts: at most 50, by
        name.
        """
        return await self._call(requests.list_hashtag_sets(client_id))

    async def create_hashtag_set(
        self, client_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.CreateHashtagSet]
    ) -> models.HashtagSetDetail:
        """Create a hashtag set.

        Create a hashtag set of the client.
        """
        return await self._call(requests.create_hashtag_set(client_id, idempotency_key=idempotency_key, **body))

    async def update_hashtag_set(
        self, client_id: str, set_id: str, /, **body: Unpack[models.UpdateHashtagSet]
    ) -> models.HashtagSetDetail:
        """Change a hashtag set.

        Change the name or the hashtags of a set. Captions that have them stay.
        """
        return await self._call(requests.update_hashtag_set(client_id, set_id, **body))

    async def delete_hashtag_set(self, client_id: str, set_id: str, /) -> None:
        """Delete a hashtag set.

        Delete a hashtag set. Captions that have its hashtags stay.
        """
        await self._call(requests.delete_hashtag_set(client_id, set_id))

    async def get_posting_times(self, client_id: str, /) -> models.PostingTimes:
        """Get posting times.

        Return the weekly times at which posts of the client go out, those of single accounts, and its paused
        days.
        """
        return await self._call(requests.get_posting_times(client_id))

    async def set_posting_times(self, client_id: str, /, **body: Unpack[models.SetPostingTimes]) -> models.PostingTimes:
        """Replace posting times.

        Replace all posting times of a client. Scheduled posts keep their times.

        `POST /posts` with `schedule` takes the next free one. Times are by the clock on the wall: 18:30 stays
        18:30 when clocks change. A time that the clocks skip moves forward, and one that they show twice counts
        the first time.
        """
        return await self._call(requests.set_posting_times(client_id, **body))

    async def list_next_times(
        self, client_id: str, /, *, count: int | None = None, connection_id: list[str] | None = None
    ) -> models.NextTimes:
        """List the next free posting times.

        Return the next posting times that all these accounts have and that none of them has taken.

        Nothing is reserved: `POST /posts` with `schedule` takes the first one that is free then. Times are
        searched for 365 days.

        `count`: The most times.

        `connection_id`: The accounts of the post. Default: all accounts of the client without times of their
        own.
        """
        return await self._call(requests.list_next_times(client_id, count=count, connection_id=connection_id))

    async def get_queue(self, client_id: str, /, *, count: int | None = None) -> models.ClientQueue:
        """Get the queue.

        Return the next posting times of the client with the posts in them, also those of single accounts.

        An API key that is limited to clients does not get times that only posts over other clients take.

        `count`: The most posting times.
        """
        return await self._call(requests.get_queue(client_id, count=count))

    async def swap_posts(
        self, client_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.SwapPosts]
    ) -> models.PostsSwapped:
        """Exchange the times of two posts.

        Have two pending posts of the client's queue exchange their posting times.

        409 `not_in_queue`: a post is in no posting time. 409 `posting_time_taken`: an account has another post
        there.
        """
        return await self._call(requests.swap_posts(client_id, idempotency_key=idempotency_key, **body))

    async def list_labels(self) -> models.LabelList:
        """List labels.

        List the labels of the workspace's posts by name. `GET /posts?label=` lists the posts that have one.
        """
        return await self._call(requests.list_labels())

    async def create_label(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateLabel]
    ) -> models.LabelDetail:
        """Create a label.

        Create a label that no post has yet.
        """
        return await self._call(requests.create_label(idempotency_key=idempotency_key, **body))

    async def update_label(self, label_id: str, /, **body: Unpack[models.UpdateLabel]) -> models.LabelDetail:
        """Rename a label.

        Give a label another name, on all posts that have it.
        """
        return await self._call(requests.update_label(label_id, **body))

    async def delete_label(self, label_id: str, /) -> None:
        """Delete a label.

        Delete a label. The posts that have it stay.
        """
        await self._call(requests.delete_label(label_id))

    async def list_post_labels(self, post_id: str, /) -> models.LabelList:
        """List a post's labels.

        List the labels of a post by name.
        """
        return await self._call(requests.list_post_labels(post_id))

    async def set_post_labels(self, post_id: str, /, **body: Unpack[models.PostLabels]) -> models.LabelList:
        """Set a post's labels.

        Replace the labels of a post, also of one that is published. The version of the post stays.
        """
        return await self._call(requests.set_post_labels(post_id, **body))

    async def start_upload(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.StartUpload]
    ) -> models.UploadStarted:
        """Start an upload.

        Create a video and return the signed address to which you send the file with one `PUT`.

        The address needs no API key and works for 2 hours. A file has at most 2 GB by default
        (`CLIPCAST_MAX_UPLOAD_BYTES`).
        """
        return await self._call(requests.start_upload(idempotency_key=idempotency_key, **body))

    async def complete_upload(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CompleteUpload]
    ) -> models.VideoCompleted:
        """Complete an upload.

        Inspect the uploaded file and return its properties. Properties in the request are hints only.

        To post the video as it is, pass `edit_setting_id` as `editId` to `POST /posts`.

        You can repeat the request. 409 `upload_missing`: the file has not arrived. 422: the file cannot be
        used, with `not_a_video`, `file_cut_off`, `video_codec_unknown`, `encrypted`, `no_picture`,
        `too_many_pixels`, `too_many_samples`, `too_many_streams`, `too_long_to_convert`
        (`CLIPCAST_MAX_CLIP_DURATION`), or `media_unreadable` if reading it takes too much memory or time.
        """
        return await self._call(requests.complete_upload(idempotency_key=idempotency_key, **body))

    async def list_videos(
        self, *, sort: str | None = None, page: int | None = None, limit: int | None = None
    ) -> models.VideoList:
        """List videos.

        List the workspace's videos whose upload is complete: the library of source files.

        `sort`: `oldest` lists the oldest first, anything else the newest.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_videos(sort=sort, page=page, limit=limit))

    def iterate_videos(self, *, sort: str | None = None) -> AsyncIterator[models.Video]:
        """Yield each of the `clips` that `list_videos` lists, page by page."""
        return self._pages(lambda page: requests.list_videos(sort=sort, page=page, limit=100), "clips")

    async def submit_video(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.SubmitVideo]
    ) -> models.Submitted:
        """Find clips in a video.

        Divide a video into clips by a strategy: `whole` (the default), `scenes` or `silence`.

        `GET /templates` describes them. `whole` is completed at once. The others read the file: poll the
        submission. Its clips begin with the changes of the template, if you name one.
        """
        return await self._call(requests.submit_video(idempotency_key=idempotency_key, **body))

    async def delete_video(self, video_id: str, /) -> None:
        """Delete a video.

        Delete a video with its renders, submissions and files. Renders under way are cancelled.

        409 `render_in_use`: a post uses a render of the video. 409 `video_in_use`: a render of another video
        that uses it is being made.
        """
        await self._call(requests.delete_video(video_id))

    async def import_video(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.ImportVideo]
    ) -> models.VideoCompleted:
        """Import a video.

        Import the media file of an http or https address, and return its properties like a completed upload.

        To post the video as it is, pass `edit_setting_id` as `editId` to `POST /posts`.

        The response follows when the file has arrived: within 10 minutes, after which the import fails. Send an
        `Idempotency-Key`: then the same request returns the imported video if the connection broke meanwhile.
        The host must be public. The file has the limits of an upload. Pages, such as those of video platforms,
        are rejected: `not_a_media_file`.
        """
        return await self._call(requests.import_video(idempotency_key=idempotency_key, **body))

    async def get_video_info(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.ImportVideo]
    ) -> models.VideoCompleted:
        """Import a video and return its properties.

        Import the media file of an http or https address. This is `POST /videos/import` by its earlier path.
        """
        return await self._call(requests.get_video_info(idempotency_key=idempotency_key, **body))

    async def list_submissions(
        self, video_id: str, /, *, page: int | None = None, limit: int | None = None
    ) -> models.SubmissionList:
        """List a video's submissions.

        List the submissions of a video, newest first.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_submissions(video_id, page=page, limit=limit))

    def iterate_submissions(self, video_id: str, /) -> AsyncIterator[models.Submission]:
        """Yield each of the `submissions` that `list_submissions` lists, page by page."""
        return self._pages(lambda page: requests.list_submissions(video_id, page=page, limit=100), "submissions")

    async def get_submission(self, video_id: str, submission_id: str, /) -> models.Submission:
        """Get a submission.

        Return a submission with its status and the number of its clips.
        """
        return await self._call(requests.get_submission(video_id, submission_id))

    async def delete_submission(self, video_id: str, submission_id: str, /) -> None:
        """Delete a submission.

        Delete a submission with its clips, and end its analysis. Renders of the clips stay.
        """
        await self._call(requests.delete_submission(video_id, submission_id))

    async def list_found_clips(
        self, video_id: str, submission_id: str, /, *, min_rating: float | None = None, limit: int | None = None
    ) -> models.FoundClipList:
        """List a submission's clips.

        List the clips that a submission found, in the order of the video.

        `min_rating`: Clips without a rating are listed anyway.

        `limit`: The most clips. Default: all.
        """
        return await self._call(requests.list_found_clips(video_id, submission_id, min_rating=min_rating, limit=limit))

    async def apply_template(
        self,
        video_id: str,
        submission_id: str,
        /,
        *,
        idempotency_key: str | None = None,
        **body: Unpack[models.ApplyTemplate],
    ) -> models.FoundClipList:
        """Apply a template to clips.

        Give clips the changes of a template, in place of those they have. Renders that exist stay as they are.

        A strategy changes nothing, so it takes the changes away.
        """
        return await self._call(
            requests.apply_template(video_id, submission_id, idempotency_key=idempotency_key, **body)
        )

    async def delete_found_clip(self, video_id: str, submission_id: str, clip_id: str, /) -> None:
        """Delete a clip.

        Delete a clip of a submission. Its renders stay.
        """
        await self._call(requests.delete_found_clip(video_id, submission_id, clip_id))

    async def render_found_clip(
        self, video_id: str, submission_id: str, clip_id: str, /, *, idempotency_key: str | None = None
    ) -> models.RenderCreated:
        """Render a clip.

        Render a clip: cut it from the video, with the changes of its template. The request has no body.

        Poll `GET /renders/{render_id}`. Pass `edit_setting_id` as `editId` to `POST /posts`. 409
        `render_in_progress`: the same clip is being rendered.
        """
        return await self._call(
            requests.render_found_clip(video_id, submission_id, clip_id, idempotency_key=idempotency_key)
        )

    async def list_templates(
        self,
        *,
        filter: models.FilterFilter | None = None,
        sort: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> models.TemplateList:
        """List templates.

        List the workspace's templates, after the strategies for `POST /clips`.

        `filter`: Only these. Default: both.

        `sort`: `name`, or anything else for the newest first.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_templates(filter=filter, sort=sort, page=page, limit=limit))

    def iterate_templates(
        self, *, filter: models.FilterFilter | None = None, sort: str | None = None
    ) -> AsyncIterator[models.Template]:
        """Yield each of the `templates` that `list_templates` lists, page by page."""
        return self._pages(
            lambda page: requests.list_templates(filter=filter, sort=sort, page=page, limit=100), "templates"
        )

    async def create_template(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateTemplate]
    ) -> models.Template:
        """Save a template.

        Save changes of videos under a name. Times are checked when a video is rendered.
        """
        return await self._call(requests.create_template(idempotency_key=idempotency_key, **body))

    async def update_template(self, template_id: str, /, **body: Unpack[models.UpdateTemplate]) -> models.Template:
        """Change a template.

        Change the name of a template, or replace its changes. Clips that it was applied to stay as they are.
        """
        return await self._call(requests.update_template(template_id, **body))

    async def delete_template(self, template_id: str, /) -> None:
        """Delete a template.

        Delete a template. Clips that it was applied to stay as they are.
        """
        await self._call(requests.delete_template(template_id))

    async def create_render(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateRender]
    ) -> models.RenderCreated:
        """Create a render.

        Make a video postable: as it is, or changed.

        Only `video_id` is required. Without changes, the render is the uploaded file bit for bit, and completes
        at once. Otherwise call `GET /renders/{render_id}?wait=30`. A render under way can be posted already:
        its items wait for it. Pass `edit_setting_id` as `editId` to `POST /posts`.

        422 lists all problems. 429 `render_queue_full`: 200 renders of the workspace wait or are being made.
        """
        return await self._call(requests.create_render(idempotency_key=idempotency_key, **body))

    async def list_renders(
        self, *, status: models.StatusFilter | None = None, page: int | None = None, limit: int | None = None
    ) -> models.RenderList:
        """List renders.

        List the workspace's renders, newest first.

        `status`: Only renders with this status.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_renders(status=status, page=page, limit=limit))

    def iterate_renders(self, *, status: models.StatusFilter | None = None) -> AsyncIterator[models.Render]:
        """Yield each of the `renders` that `list_renders` lists, page by page."""
        return self._pages(lambda page: requests.list_renders(status=status, page=page, limit=100), "renders")

    async def get_render_limits(self) -> models.RenderLimits:
        """Get render limits.

        Return the renders under way and the limits of this installation, which has no plan.

        Renders beyond `max_concurrent` wait.
        """
        return await self._call(requests.get_render_limits())

    async def get_render(
        self, render_id: str, /, *, wait: float | None = None, seen: str | None = None
    ) -> models.RenderDetail:
        """Get a render.

        Return a render with its progress, its place in the queue, its file and its error.

        With `wait=30`, the response comes as soon as the render's status or error changes. It comes at once if
        the render has ended, and after 30 s in any case.

        `wait`: Seconds to wait for a change of the status or error. The response comes with the change, at once
        if the status is final, and after this time in any case.

        `seen`: With `wait`: the `state_tag` of the last response. If the state is another one by now, the
        response comes at once, so that no change between two requests is missed.
        """
        return await self._call(requests.get_render(render_id, wait=wait, seen=seen))

    async def delete_render(self, render_id: str, /) -> None:
        """Cancel or delete a render.

        Cancel a render that waits or is being made; delete any other, with its file.

        A cancelled render stays in the list as `cancelled`. Addresses of a deleted file stop working at once. A
        render without changes takes its video with it, unless the video has other renders or submissions.

        409 `render_in_use`: a post uses the render. 409 `video_in_use`: a render of another video that uses it
        is being made.
        """
        await self._call(requests.delete_render(render_id))

    async def download_render(self, render_id: str, /) -> models.Download:
        """Get a render's download address.

        Return a signed address of the file. It needs no API key, supports `Range` and works for 6 hours.

        409 `render_not_completed`: there is no file yet. 409 `render_expired`: the file was deleted to save
        space.
        """
        return await self._call(requests.download_render(render_id))

    async def create_bulk_download(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.StartBulkDownload]
    ) -> models.BulkDownload:
        """Download several renders.

        Download up to 100 renders as one ZIP archive.

        Poll `GET /renders/bulk-download/{job_id}` until `download_url` is there: at once, unless a render is
        still being made. Renders without a file are listed as `missing`. 422 lists the ids that do not exist.
        """
        return await self._call(requests.create_bulk_download(idempotency_key=idempotency_key, **body))

    async def get_bulk_download(self, job_id: str, /) -> models.BulkDownload:
        """Get a download of several renders.

        Return the state of a download, with the archive's address when all renders have ended.

        The archive is a ZIP64 file whose videos are not compressed. It contains what exists when its download
        begins. An id works for 24 hours, then 404.
        """
        return await self._call(requests.get_bulk_download(job_id))

    async def start_asset_upload(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.StartAsset]
    ) -> models.AssetStarted:
        """Start the upload of an asset.

        Create an asset and return the signed address to which you send the file with one `PUT`.

        Captions are SRT or WebVTT of at most 200 000 bytes. A watermark is PNG or WebP of at most 5 MB. The
        address needs no API key and works for 2 hours.
        """
        return await self._call(requests.start_asset_upload(idempotency_key=idempotency_key, **body))

    async def complete_asset_upload(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CompleteAsset]
    ) -> models.Asset:
        """Complete the upload of an asset.

        Check the uploaded file and return its properties. You can repeat the request.

        409 `upload_missing`: the file has not arrived. 422: the file cannot be used. The messages of captions
        name the line.
        """
        return await self._call(requests.complete_asset_upload(idempotency_key=idempotency_key, **body))

    async def list_assets(
        self, *, kind: models.AssetKind | None = None, page: int | None = None, limit: int | None = None
    ) -> models.AssetList:
        """List assets.

        List the workspace's assets whose upload is complete, newest first.

        `kind`: Only assets of this kind.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_assets(kind=kind, page=page, limit=limit))

    def iterate_assets(self, *, kind: models.AssetKind | None = None) -> AsyncIterator[models.Asset]:
        """Yield each of the `assets` that `list_assets` lists, page by page."""
        return self._pages(lambda page: requests.list_assets(kind=kind, page=page, limit=100), "assets")

    async def delete_asset(self, asset_id: str, /) -> None:
        """Delete an asset.

        Delete the asset and its file. Renders that were made with it stay.

        409 `asset_in_use`: a render that uses it is being made, or a post needs such a render.
        """
        await self._call(requests.delete_asset(asset_id))

    async def create_webhook(
        self, *, idempotency_key: str | None = None, **body: Unpack[models.CreateWebhook]
    ) -> models.WebhookCreated:
        """Create a webhook.

        Have events sent to an address from now on. The response holds the secret, which is shown once.

        A workspace has at most 20 webhooks.
        """
        return await self._call(requests.create_webhook(idempotency_key=idempotency_key, **body))

    async def list_webhooks(self, *, page: int | None = None, limit: int | None = None) -> models.WebhookList:
        """List webhooks.

        List the workspace's webhooks, the newest first.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_webhooks(page=page, limit=limit))

    def iterate_webhooks(self) -> AsyncIterator[models.Webhook]:
        """Yield each of the `webhooks` that `list_webhooks` lists, page by page."""
        return self._pages(lambda page: requests.list_webhooks(page=page, limit=100), "webhooks")

    async def get_webhook(self, webhook_id: str, /) -> models.Webhook:
        """Get a webhook.

        Return a webhook, without its secret.
        """
        return await self._call(requests.get_webhook(webhook_id))

    async def update_webhook(self, webhook_id: str, /, **body: Unpack[models.UpdateWebhook]) -> models.Webhook:
        """Change a webhook.

        Change the address, the types of events or the note of a webhook, or disable or enable it.

        What was pending when it was disabled is not sent. Replay it.
        """
        return await self._call(requests.update_webhook(webhook_id, **body))

    async def delete_webhook(self, webhook_id: str, /) -> None:
        """Delete a webhook.

        Delete a webhook with its deliveries.
        """
        await self._call(requests.delete_webhook(webhook_id))

    async def send_test_event(self, webhook_id: str, /, *, idempotency_key: str | None = None) -> models.Delivery:
        """Test a webhook.

        Send an event of the type `webhook.test` to this webhook. Read the delivery to see what came of it.
        """
        return await self._call(requests.send_test_event(webhook_id, idempotency_key=idempotency_key))

    async def rotate_webhook_secret(
        self, webhook_id: str, /, *, idempotency_key: str | None = None
    ) -> models.SecretRotated:
        """Rotate a webhook's secret.

        Create a new secret. For 24 hours, each request carries signatures of both, so that none is rejected.
        """
        return await self._call(requests.rotate_webhook_secret(webhook_id, idempotency_key=idempotency_key))

    async def list_webhook_deliveries(
        self,
        webhook_id: str,
        /,
        *,
        status: models.DeliveryStatus | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> models.DeliveryList:
        """List a webhook's deliveries.

        List what was sent to a webhook, and what waits, in the last 30 days. The newest events come first.

        `status`: Only these. Default: all.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(requests.list_webhook_deliveries(webhook_id, status=status, page=page, limit=limit))

    def iterate_webhook_deliveries(
        self, webhook_id: str, /, *, status: models.DeliveryStatus | None = None
    ) -> AsyncIterator[models.Delivery]:
        """Yield each of the `deliveries` that `list_webhook_deliveries` lists, page by page."""
        return self._pages(
            lambda page: requests.list_webhook_deliveries(webhook_id, status=status, page=page, limit=100), "deliveries"
        )

    async def get_webhook_delivery(self, webhook_id: str, delivery_id: str, /) -> models.DeliveryDetail:
        """Get a delivery.

        Return a delivery with the body that is sent.
        """
        return await self._call(requests.get_webhook_delivery(webhook_id, delivery_id))

    async def replay_webhook_delivery(
        self, webhook_id: str, delivery_id: str, /, *, idempotency_key: str | None = None
    ) -> models.Delivery:
        """Send an event again.

        Send the same bytes with the same `webhook-id` again, as if for the first time.
        """
        return await self._call(
            requests.replay_webhook_delivery(webhook_id, delivery_id, idempotency_key=idempotency_key)
        )

    async def replay_webhook_events(
        self, webhook_id: str, /, *, idempotency_key: str | None = None, **body: Unpack[models.ReplayEvents]
    ) -> models.EventsReplayed:
        """Send all events since a time again.

        Send the events of the webhook's types again, also those from while it was disabled.

        At most 1000, the oldest first. Continue with `after` while the response holds `continue_after`. Events
        are kept for 30 days.
        """
        return await self._call(requests.replay_webhook_events(webhook_id, idempotency_key=idempotency_key, **body))

    async def get_workspace(self) -> models.Workspace:
        """Get the workspace.

        Return the workspace of the API key. Call it first to try a key.
        """
        return await self._call(requests.get_workspace())

    async def update_workspace(self, **body: Unpack[models.UpdateWorkspace]) -> models.Workspace:
        """Update the workspace.

        Change what the workspace does about doubles, and with clips that a platform does not take.
        """
        return await self._call(requests.update_workspace(**body))

    async def get_balance(self) -> models.Balance:
        """Get the balance.

        Return the constant balance. Nothing that Clipcast does costs credits.
        """
        return await self._call(requests.get_balance())

    async def list_balance_history(
        self,
        *,
        type: str | None = None,
        reference_type: str | None = None,
        page: int | None = None,
        limit: int | None = None,
    ) -> models.BalanceHistory:
        """List the balance's history.

        Return an empty history: nothing that Clipcast does costs credits.

        `type`: Accepted, without effect.

        `reference_type`: Accepted, without effect.

        `page`: The number of the page. Pages count from 1.

        `limit`: The most rows of a page.
        """
        return await self._call(
            requests.list_balance_history(type=type, reference_type=reference_type, page=page, limit=limit)
        )

    def iterate_balance_history(
        self, *, type: str | None = None, reference_type: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield each of the `history` that `list_balance_history` lists, page by page."""
        return self._pages(
            lambda page: requests.list_balance_history(type=type, reference_type=reference_type, page=page, limit=100),
            "history",
        )
