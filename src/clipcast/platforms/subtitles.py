"""Captions of renders in the formats of platforms."""


def srt_of(vtt: bytes) -> bytes:
    """Return WebVTT of Clipcast's own as SRT: captions are numbered, times have commas, and nothing is escaped."""
    cues = vtt.decode().strip().split("\n\n")[1:]
    return "\n\n".join(f"{number}\n{_plain(cue)}" for number, cue in enumerate(cues, 1)).encode() + b"\n"


def _plain(cue: str) -> str:
    times, text = cue.split("\n", 1)
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return times.replace(".", ",") + "\n" + plain
