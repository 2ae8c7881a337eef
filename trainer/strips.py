"""Large photos made smaller strip by strip, so that no second copy of one exists (imports no
torch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PIL import Image

LARGE_PIXELS = 32_000_000
"""A photo with more is made smaller before anything else is done with it, if it may be, and strip
by strip."""
_STRIP_PIXELS = 1 << 18

Box = tuple[int, int, int, int]


def strips(width: int, height: int, divisor: int = 1) -> Iterator[Box]:
    """Boxes of whole rows from the top; the height of all but the last is a multiple of
    ``divisor``."""
    rows = divisor * max(1, _STRIP_PIXELS // (width * divisor))
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def made_of_strips(
    width: int, height: int, divisor: int, strip: Callable[[Box], Image.Image]
) -> Image.Image:
    """A picture at a fraction of its size.

    Args:
        width, height: before it is reduced.
        divisor: what both are divided by, rounded up.
        strip: a part of it, reduced; all of one mode.
    """
    made: Image.Image | None = None
    for box in strips(width, height, divisor):
        part = strip(box)
        if made is None:
            made = Image.new(part.mode, (-(-width // divisor), -(-height // divisor)))
        made.paste(part, (0, box[1] // divisor))
    assert made is not None, "no photo is without rows"
    return made


def reduced(image: Image.Image, divisor: int) -> Image.Image:
    """A picture at a fraction of its size, rounded up."""
    return image if divisor == 1 else Image.Image.reduce(image, divisor)


def reduced_pixels(
    data: memoryview, mode: str, size: tuple[int, int], stride: int, divisor: int
) -> Image.Image:
    """Pixels in memory, as a picture at a fraction of their size.

    Args:
        data: bytes of 8-bit values, row by row.
        mode: of Pillow, which says what a pixel is.
        size: width and height.
        stride: bytes from one row to the next.
    """

    def strip(box: Box) -> Image.Image:
        rows = bytes(data[box[1] * stride : box[3] * stride])
        part = Image.frombuffer(mode, (box[2], box[3] - box[1]), rows, "raw", mode, stride, 1)
        return reduced(part, divisor)

    return made_of_strips(*size, divisor, strip)
