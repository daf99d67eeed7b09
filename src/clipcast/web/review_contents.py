"""What reviewers see of a post: each clip once, with its words, and the accounts that get these words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from clipcast.clips.addresses import file_url
from clipcast.common.problems import AppError
from clipcast.database.models.clips import Render
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.renders.service import file_of
from clipcast.reviews.links import MEDIA_LIFETIME


@dataclass(frozen=True)
class Words:
    """A title and a text, and the accounts that get them: the platform and the name of each."""

    title: str
    text: str
    accounts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """A text, the numbers of the clips and the platforms that have it, and each title beside it with its platforms."""

    text: str
    clips: list[int]
    platforms: list[str]
    titles: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Shown:
    """A clip of a post; none if it is gone."""

    render: Render | None
    words: list[Words]


def shown_items(items: Iterable[Item], renders: Mapping[UUID, Render]) -> list[Shown]:
    """Return the clips of these items in order. Their connections are loaded."""
    found: dict[UUID, dict[tuple[str, str], Words]] = {}
    for item in items:
        model = PLATFORMS[item.platform].metadata
        title, text = (
            str(item.details.get(name) or "") if name else "" for name in (model.title_field, model.text_field)
        )
        of_clip = found.setdefault(item.edit_id, {})
        account = item.platform, item.connection.username
        of_clip.setdefault((title, text), Words(title, text)).accounts.append(account)
    return [Shown(renders.get(edit_id), list(words.values())) for edit_id, words in found.items()]


def said_once(clips: Iterable[Shown]) -> list[Said]:
    """Return each text of these clips once, in order."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for number, clip in enumerate(clips, 1):
        for words in clip.words:
            found.setdefault(words.text, []).extend((number, name, words.title) for name, _ in words.accounts)
    return [
        Said(
            text,
            list(dict.fromkeys(number for number, *_ in uses)),
            list(dict.fromkeys(name for _, name, _ in uses)),
            [
                (title, list(dict.fromkeys(name for _, name, its in uses if its == title)))
                for title in dict.fromkeys(its for *_, its in uses if its)
            ],
        )
        for text, uses in found.items()
    ]


@dataclass(frozen=True)
class Media:
    """Signed addresses of a clip's video and its picture, which open for MEDIA_LIFETIME without a sign-in."""

    video: str
    picture: str


def own_address(installation: Installation, address: str) -> str:
    """Return the path of an address of this installation: its pages load nothing from elsewhere."""
    return address.removeprefix(installation.settings.public_base)


def media_of(installation: Installation, render: Render | None) -> Media | None:
    """Return the addresses of a clip for people outside of the workspace, or None if it has no file.

    They do not name the file as its uploader did.
    """
    settings, vault = installation.settings, installation.vault
    try:
        file = file_of(render) if render else None
    except AppError:
        return None
    if render is None or file is None:
        return None
    picture = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key

    def address(key: str, name: str, kind: str, size: int) -> str:
        return own_address(installation, file_url(settings, vault, key, name, kind, size, MEDIA_LIFETIME))

    return Media(
        address(file.key, "clip.mp4", file.content_type, file.size or -1),
        address(picture, "clip.jpg", "image/jpeg", -1) if picture else "",
    )
