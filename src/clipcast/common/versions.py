"""Versions of drafts and posts, and the If-Match condition of a change."""

from dataclasses import dataclass

from clipcast.common.problems import AppError


class VersionMismatch(AppError):
    """412: the object has changed since the caller read it."""

    def __init__(self, kind: str, version: int, expected: str) -> None:
        super().__init__(
            412,
            "version_mismatch",
            f"The {kind} has changed since you read it: its version is {version}, If-Match names {expected[:100]}. "
            "Your change was not applied.",
            headers={"ETag": etag_of(version)},
            more={
                "fix": f"Read the {kind} again, apply your change to it, and send it with the ETag of the response.",
                "version": version,
            },
        )


@dataclass(frozen=True)
class IfMatch:
    """The versions that a change accepts. `tags` is None for any version (`*`)."""

    tags: frozenset[str] | None
    text: str = "*"

    def check(self, kind: str, version: int) -> None:
        """Raise VersionMismatch unless the version is one of these."""
        if self.tags is not None and etag_of(version) not in self.tags:
            raise VersionMismatch(kind, version, self.text)


def etag_of(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def if_version(version: int | None) -> IfMatch | None:
    """Return the condition that only this version is changed, or None if the page has no version."""
    return None if version is None else IfMatch(frozenset({etag_of(version)}), etag_of(version))
