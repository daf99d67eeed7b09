"""Fill elements in AAC: they give quiet sound the bit rate that platforms expect of the whole file.

An encoder of AAC spends few bits on silence, and has no option that fills the rest. Decoders skip these elements.
"""

FILL, FILL_BITS = 0b110, 3
# The end of a frame, behind which zeros fill up the last byte.
END, END_BITS = 0b111, 3
# An element's length has 4 bits, or 8 more if all of them are set.
COUNT_BITS, MORE_COUNT_BITS, LARGE = 4, 8, 15
MOST = LARGE + 255 - 1
# Of one channel. Longer frames are not valid.
LONGEST_FRAME = 6144 // 8


def filled(frame: bytes, size: int) -> bytes:
    """Return a frame of AAC (without ADTS) with about `size` bytes; the frame itself if it has as many or is odd."""
    number = int.from_bytes(frame, "big")
    unused = (number & -number).bit_length() - 1
    if size - len(frame) < 2 or number == 0 or number >> unused & END != END:
        return frame
    number >>= unused + END_BITS
    length = 8 * len(frame) - unused - END_BITS
    while (missing := size - (length + END_BITS + 7) // 8) > 1:
        # The payload is zero: its type is `fill`.
        count = min(missing - 1, MOST)
        number = number << FILL_BITS | FILL
        number = number << COUNT_BITS | min(count, LARGE)
        length += FILL_BITS + COUNT_BITS + 8 * count
        if count >= LARGE:
            number = number << MORE_COUNT_BITS | count - LARGE + 1
            length += MORE_COUNT_BITS
        number <<= 8 * count
    number = number << END_BITS | END
    length += END_BITS
    whole = (length + 7) // 8
    return (number << 8 * whole - length).to_bytes(whole, "big")
