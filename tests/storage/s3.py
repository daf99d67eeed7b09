"""An S3 server for tests, which can be stopped and restarted and keeps its objects."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from clipcast.testing.harness import free_port

BUCKET = "clips"


class S3Server:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"s3://{BUCKET}/media"
        self.environ = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def client(self) -> "boto3.client":
        return boto3.client(
            "s3", endpoint_url=self.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
            aws_access_key_id="key", aws_secret_access_key="secret",
        )  # fmt: skip

    def listed(self) -> list[str]:
        return [one["Key"] for one in self.client().list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Start a server with an empty bucket, and set its credentials in the environment."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = S3Server()
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    server.start()
    client = server.client()
    client.create_bucket(Bucket=BUCKET)
    try:
        yield server
    finally:
        if server._server is None:
            server.start()
        for key in server.listed():
            client.delete_object(Bucket=BUCKET, Key=key)
        client.delete_bucket(Bucket=BUCKET)
        server.stop()
