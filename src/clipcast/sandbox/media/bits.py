"""Readers of the codec headers that the rules need: those of H.264, HEVC, AV1, VP9 and AAC."""

from dataclasses import dataclass

from clipcast.sandbox.media.reading import Damaged

CHROMA = ("4:0:0", "4:2:0", "4:2:2", "4:4:4")
# Profiles of H.264 whose sequence parameters state the chroma.
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
# The number of channels of each AAC channel configuration.
AAC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8)


@dataclass(frozen=True)
class Picture:
    """The picture's properties in a codec header."""

    chroma: str | None = None
    depth: int | None = None
    interlaced: bool = False
    # Of H.264: the bits of a frame's number, if each picture states whether it is a field. Otherwise 0.
    field_bits: int = 0


class Bits:
    """A reader of bits, from the most significant one."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte, bit = divmod(self._at, 8)
            if byte >= len(self._content):
                raise Damaged
            value = value << 1 | self._content[byte] >> (7 - bit) & 1
            self._at += 1
        return value

    def golomb(self) -> int:
        """Read an Exp-Golomb number."""
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
            if zeros > 32:
                raise Damaged
        return (1 << zeros) - 1 + self.take(zeros)


def h264_picture(configuration: bytes) -> Picture:
    """Read an avcC record. It states nothing if the parameters are among the pictures."""
    if len(configuration) < 8 or configuration[5] & 31 == 0:
        return Picture()
    length = int.from_bytes(configuration[6:8], "big")
    # Remove the emulation prevention byte after two zero bytes.
    bits = Bits(configuration[8 : 8 + length].replace(b"\x00\x00\x03", b"\x00\x00")[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma, depth = 1, 8
    if profile in HIGH_PROFILES:
        chroma = bits.golomb()
        if chroma == 3:
            bits.take(1)
        depth = 8 + bits.golomb()
        bits.golomb()
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    number_bits = 4 + bits.golomb()
    _skip_order(bits)
    bits.golomb()
    bits.take(1)
    bits.golomb()
    bits.golomb()
    # A stream that allows fields without adaptive macroblocks may be progressive (x264's fake-interlaced).
    has_fields = not bits.take(1)
    adaptive = has_fields and bits.take(1) == 1
    return Picture(
        CHROMA[chroma] if chroma < len(CHROMA) else "unknown",
        depth,
        adaptive,
        number_bits if has_fields and not adaptive and chroma != 3 else 0,
    )


def is_field(slice: bytes, number_bits: int) -> bool:
    """Return whether a slice of H.264 belongs to a field. `slice` is the start of its unit without the first byte."""
    bits = Bits(slice.replace(b"\x00\x00\x03", b"\x00\x00"))
    for _ in range(3):
        bits.golomb()
    bits.take(number_bits)
    return bits.take(1) == 1


def _skip_scaling(bits: Bits, lists: int) -> None:
    for number in range(lists):
        if not bits.take(1):
            continue
        last, following = 8, 8
        for _ in range(16 if number < 6 else 64):
            if following:
                change = bits.golomb()
                signed = (change + 1) // 2 if change % 2 else -(change // 2)
                following = (last + signed) % 256
            last = following or last


def _skip_order(bits: Bits) -> None:
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        cycle = bits.golomb()
        if cycle > 255:
            raise Damaged
        for _ in range(cycle):
            bits.golomb()


def hevc_picture(configuration: bytes) -> Picture:
    """Read an hvcC record."""
    if len(configuration) < 18:
        raise Damaged
    progressive, interlaced = configuration[6] >> 7 & 1, configuration[6] >> 6 & 1
    return Picture(CHROMA[configuration[16] & 3], 8 + (configuration[17] & 7), bool(interlaced and not progressive))


def av1_picture(configuration: bytes) -> Picture:
    """Read an av1C record."""
    if len(configuration) < 3:
        raise Damaged
    flags = configuration[2]
    depth = 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return Picture({0: "4:4:4", 2: "4:2:2", 3: "4:2:0"}.get(flags >> 2 & 3, "4:4:4"), depth)


def vp9_picture(configuration: bytes) -> Picture:
    """Read a vpcC record."""
    if len(configuration) < 7:
        raise Damaged
    chroma = ("4:2:0", "4:2:0", "4:2:2", "4:4:4")[min(configuration[6] >> 1 & 7, 3)]
    return Picture(chroma, configuration[6] >> 4)


def aac_sound(configuration: bytes) -> tuple[int, int]:
    """Read an AudioSpecificConfig. Returns the sample rate in Hz and the channels, 0 if not stated."""
    bits = Bits(configuration)
    if bits.take(5) == 31:
        bits.take(6)
    index = bits.take(4)
    rate = bits.take(24) if index == 15 else AAC_RATES[index] if index < len(AAC_RATES) else 0
    channels = bits.take(4)
    return rate, AAC_CHANNELS[channels] if channels < len(AAC_CHANNELS) else 0
