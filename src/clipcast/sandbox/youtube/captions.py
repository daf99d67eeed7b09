"""YouTube's captions: their upload and their rules (docs/platforms/youtube.md 2.10)."""

import re
from email import message_from_bytes
from typing import Any

from pydantic import BaseModel

from clipcast.sandbox.inputs import json_of

CAPTIONS_MAX = 100_000_000
NAME_MAX = 150
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
TIMES = re.compile(r"\d{2}:\d{2}(:\d{2})?[.,]\d{3} --> \d{2}:\d{2}(:\d{2})?[.,]\d{3}")


class Snippet(BaseModel):
    videoId: str
    language: str
    name: str
    isDraft: bool = False


class Track(BaseModel):
    """The description of an uploaded track."""

    snippet: Snippet


def read_upload(content_type: str, body: bytes) -> tuple[Any, bytes] | None:
    """Return the JSON and the file of a multipart/related body; None if it is another one."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = list(message.walk())[1:] if message.get_content_type() == "multipart/related" else []
    contents = [part.get_payload(decode=True) for part in parts]
    match contents:
        case [bytes() as about, bytes() as content] if parts[0].get_content_type() == "application/json":
            return json_of(about), content
    return None


def problem_of(snippet: Snippet, content: bytes) -> tuple[str, str] | None:
    """Return the reason and the message of a track that YouTube rejects."""
    if not content.strip():
        return "contentRequired", "The request does not contain the caption track contents."
    if len(snippet.name) > NAME_MAX:
        return "nameTooLong", "The specified snippet.name is too long."
    if not LANGUAGE.fullmatch(snippet.language):
        return "invalidMetadata", "The request contains invalid metadata values."
    if not TIMES.search(content.decode("utf-8", "replace")):
        return "invalidMetadata", "The captions have no times."
    return None
