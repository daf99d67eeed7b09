"""Versions of what callers edit, and the condition that a change is meant for one of them."""

from dataclasses import dataclass

from clipcast.common.problems import AppError


class VersionMismatch(AppError):
    """412: somebody has changed it since the caller read it."""

    def __init__(self, kind: str, version: int, expected: str) -> None:
        super().__init__(
            412,
            "version_mismatch",
            f"The {kind} was changed meanwhile: its version is {version}, If-Match names {expected[:100]}. Nothing was "
            "changed.",
            headers={"ETag": etag_of(version)},
            more={
                "fix": f"Read the {kind} again, apply your change to it, and send that with the ETag of the response.",
                "version": version,
            },
        )


@dataclass(frozen=True)
class IfMatch:
    """The versions for which a change is meant. `tags` is None for any (`*`)."""

    tags: frozenset[str] | None
    text: str = "*"

    def check(self, kind: str, version: int) -> None:
        """Raises VersionMismatch unless the version is one of these."""
        if self.tags is not None and etag_of(version) not in self.tags:
            raise VersionMismatch(kind, version, self.text)


def etag_of(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def if_version(version: int | None) -> IfMatch | None:
    """The condition of a page that shows this version; None where it shows none."""
    return None if version is None else IfMatch(frozenset({etag_of(version)}), etag_of(version))
