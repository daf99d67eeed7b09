"""Readers of the codec headers that the rules need: those of H.264, HEVC and AAC."""

from clipcast.sandbox.media.reading import Damaged

CHROMA = ("4:0:0", "4:2:0", "4:2:2", "4:4:4")
# Profiles of H.264 whose sequence parameters state the chroma.
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
# The number of channels of each AAC channel configuration.
AAC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8)


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


def h264_picture(configuration: bytes) -> tuple[str | None, bool]:
    """Read an avcC record. Returns the chroma and whether pictures are interlaced.

    The chroma is None if the record does not state it, because the parameters are among the pictures.
    """
    if len(configuration) < 8 or configuration[5] & 31 == 0:
        return None, False
    length = int.from_bytes(configuration[6:8], "big")
    # Remove the emulation prevention byte after two zero bytes.
    bits = Bits(configuration[8 : 8 + length].replace(b"\x00\x00\x03", b"\x00\x00")[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = 1
    if profile in HIGH_PROFILES:
        chroma = bits.golomb()
        if chroma == 3:
            bits.take(1)
        bits.golomb()
        bits.golomb()
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    bits.golomb()
    _skip_order(bits)
    bits.golomb()
    bits.take(1)
    bits.golomb()
    bits.golomb()
    # A stream that allows fields without adaptive macroblocks is usually progressive (x264's fake-interlaced).
    interlaced = not bits.take(1) and bits.take(1) == 1
    return CHROMA[chroma] if chroma < len(CHROMA) else "unknown", interlaced


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


def hevc_picture(configuration: bytes) -> tuple[str, bool]:
    """Read an hvcC record. Returns the chroma and whether pictures are interlaced."""
    if len(configuration) < 17:
        raise Damaged
    progressive, interlaced = configuration[6] >> 7 & 1, configuration[6] >> 6 & 1
    return CHROMA[configuration[16] & 3], bool(interlaced and not progressive)


def aac_sound(configuration: bytes) -> tuple[int, int]:
    """Read an AudioSpecificConfig. Returns the sample rate in Hz and the channels, 0 if not stated."""
    bits = Bits(configuration)
    if bits.take(5) == 31:
        bits.take(6)
    index = bits.take(4)
    rate = bits.take(24) if index == 15 else AAC_RATES[index] if index < len(AAC_RATES) else 0
    channels = bits.take(4)
    return rate, AAC_CHANNELS[channels] if channels < len(AAC_CHANNELS) else 0
