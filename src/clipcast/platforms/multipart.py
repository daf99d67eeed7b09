"""Bodies of several parts. A form around a streamed file has a known length, and the file is never in memory."""

import json
import secrets
from collections.abc import Mapping


def form_around(
    fields: Mapping[str, str], file_field: str, file_name: str, content_type: str
) -> tuple[bytes, bytes, str]:
    """Return the bytes before and after the file's, and the Content-Type. The file comes last (RFC 7578)."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(file_field)}"; '
        f'filename="{_quoted(file_name)}"\r\nContent-Type: {content_type}\r\n\r\n'
    )
    return "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def related(described: object, content: bytes, content_type: str) -> tuple[bytes, str]:
    """Return the body and the Content-Type of a file behind its description as JSON (RFC 2387)."""
    boundary = secrets.token_hex(16)
    parts = (("application/json; charset=UTF-8", json.dumps(described).encode()), (content_type, content))
    body = b"".join(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + part + b"\r\n" for kind, part in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/related; boundary={boundary}"


def _quoted(name: str) -> str:
    """Escape a name inside quotes like browsers do."""
    return name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
