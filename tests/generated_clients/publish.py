"""A program that uses the generated Python client: it uploads a clip, posts it, and reads the post."""

import json
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from clipcast_client import AuthenticatedClient
from clipcast_client.api.clips_and_renders import complete_upload, start_upload
from clipcast_client.api.posts import create_post, get_post
from clipcast_client.models import (
    BlueskyMetadata,
    CompleteUpload,
    CreatePost,
    Metadata,
    Post,
    PostCreated,
    PostVideo,
    StartUpload,
    Target,
    UploadStarted,
    VideoCompleted,
)


def main(base: str, key: str, connection: str, file: str) -> None:
    client = AuthenticatedClient(base_url=base, token=key)
    name, content = Path(file).name, Path(file).read_bytes()
    upload = start_upload.sync(client=client, body=StartUpload(file_name=name, file_size=len(content)))
    assert isinstance(upload, UploadStarted)
    urlopen(Request(upload.upload_url, data=content, method="PUT")).close()
    video = complete_upload.sync(client=client, body=CompleteUpload(video_id=upload.video_id, file_name=name))
    assert isinstance(video, VideoCompleted)
    metadata = Metadata(bluesky=BlueskyMetadata(text="First light", langs=["en"]))
    target = Target(connection_id=connection, metadata=metadata)
    body = CreatePost(videos=[PostVideo(edit_id=video.edit_setting_id, targets=[target])])
    created = create_post.sync(client=client, body=body, idempotency_key="first-light")
    assert isinstance(created, PostCreated)
    post = get_post.sync(created.post_id, client=client)
    assert isinstance(post, Post)
    item = post.items[0]
    print(json.dumps({"post": str(post.post_id), "account": item.account.username, "text": item.metadata.to_dict()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
