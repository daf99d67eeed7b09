"""The accepted containers of video: their names, file names, content types and first bytes.

A family is a group of containers that one reader reads: `mp4` includes MOV and 3GP, and `matroska` includes WebM.
"""

from dataclasses import dataclass

# The boxes with which an MP4 or MOV file may begin.
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot")
EBML = b"\x1a\x45\xdf\xa3"
ASF = bytes.fromhex("3026b2758e66cf11")
# A transport stream consists of packets that start with this byte. Cameras put four bytes before each (M2TS).
SYNC, PACKET_LENGTHS = b"G", ((0, 188), (4, 192))
# The bytes from the start of a file that `family_of` needs, and the least that it can judge.
SNIFFED, SNIFFED_LEAST = 200, 12


@dataclass(frozen=True)
class Container:
    """A container. `name` is that of Media.container, `title` is for people."""

    name: str
    title: str
    content_type: str
    suffixes: tuple[str, ...]


CONTAINERS = (
    Container("mp4", "MP4", "video/mp4", (".mp4", ".m4v")),
    Container("mov", "MOV", "video/quicktime", (".mov",)),
    Container("webm", "WebM", "video/webm", (".webm",)),
    Container("mkv", "Matroska", "video/x-matroska", (".mkv",)),
    Container("avi", "AVI", "video/x-msvideo", (".avi",)),
    Container("ts", "MPEG-TS", "video/mp2t", (".ts", ".m2ts", ".mts")),
    Container("mpg", "MPEG-PS", "video/mpeg", (".mpg", ".mpeg")),
    Container("3gp", "3GP", "video/3gpp", (".3gp",)),
    Container("wmv", "WMV", "video/x-ms-wmv", (".wmv",)),
    Container("flv", "FLV", "video/x-flv", (".flv",)),
)
CONTENT_TYPES = {one.name: one.content_type for one in CONTAINERS}
CONTENT_TYPE_OF_SUFFIX = {suffix: one.content_type for one in CONTAINERS for suffix in one.suffixes}
_titles = [one.title for one in CONTAINERS]
TITLES = f"{', '.join(_titles[:-1])} or {_titles[-1]}"
# The value of the attribute `accept` of a page's file input.
ACCEPT = ",".join([*CONTENT_TYPE_OF_SUFFIX, *CONTENT_TYPES.values()])


def family_of(head: bytes) -> str | None:
    """Return the family of a file with these first `SNIFFED` bytes; None if it is not an accepted container.

    The families are mp4, matroska, avi, ts, mpg, wmv and flv. Of fewer bytes, return the family that they may begin.
    """
    if head[4:8] in FIRST_BOXES:
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if any(head[at : at + 1] == SYNC and head[at + length :][:1] in (SYNC, b"") for at, length in PACKET_LENGTHS):
        return "ts"
    signatures = {EBML: "matroska", b"\x00\x00\x01\xba": "mpg", ASF: "wmv", b"FLV\x01": "flv"}
    return next((family for signature, family in signatures.items() if head.startswith(signature)), None)
