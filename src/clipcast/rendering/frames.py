"""What FFmpeg's numbers of a decoded frame mean: its colours, and the filters that turn it upright."""

# The filters of each clockwise rotation; a mirrored picture is mirrored first.
ROTATIONS: dict[int, tuple[tuple[str, str], ...]] = {
    0: (),
    90: (("transpose", "clock"),),
    180: (("hflip", ""), ("vflip", "")),
    270: (("transpose", "cclock"),),
}
# FFmpeg's numbers of color_trc, color_range and matrices.
HDR = {16: "pq", 18: "hlg"}
LIMITED, FULL_RANGE = 1, 2
RGB, BT709, UNKNOWN, BT601 = 0, 1, 2, 5
MATRICES = {BT709: "bt709", BT601: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
# Untagged video that is higher has the matrix of BT.709.
SD_HEIGHT = 576


def matrix_of(matrix: int, height: int) -> int:
    """Return the matrix of a frame's colours. `height` is that of the upright picture."""
    if matrix != UNKNOWN:
        return matrix
    return BT709 if height > SD_HEIGHT else BT601


def is_full_range(color_range: int, format: str) -> bool:
    """Return whether a frame's values fill the whole range, as those of JPEG files do."""
    return color_range == FULL_RANGE or format.startswith("yuvj")
