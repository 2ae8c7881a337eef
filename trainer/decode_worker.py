"""The process that decodes photos for :mod:`trainer.decoding` (imports no torch and no Qt).

A request is a line of JSON on stdin; the answer is a line of JSON on stdout, followed by as many
bytes as it says.  Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from trainer.photo import TOO_MUCH_MEMORY, UnreadablePhoto, read_photo
from trainer.priority import lower_priority

NICE = 3
"""Steps of priority below the window's, which has to paint what is decoded."""
SPARE_BYTES = 256 << 20
"""Beside a photo: Python, libraries, threads of decoders, and what estimates miss."""
SPARE_SECONDS = 5
JPEG_QUALITY = 85


def main(limit: int, seconds: int) -> None:
    """Answer requests until stdin is closed.

    Args:
        limit: bytes for one photo.
        seconds: for one photo; whoever asks waits no longer.
    """
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lower_priority(NICE)
    _limit_memory(limit + SPARE_BYTES)
    _write(answers, {"ready": True}, b"")
    for line in sys.stdin.buffer:
        # Ends the process, even within a decoder, when nobody is left to do so.
        _set_alarm(seconds + SPARE_SECONDS)
        head, data = _answer(json.loads(line))
        _set_alarm(0)
        _write(answers, head, data)


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The photo as requested, or why there is none."""
    try:
        path = Path(os.fsdecode(bytes.fromhex(request["path"])))
        image = read_photo(
            path,
            at_least=request["at_least"],
            longer=request["longer"],
            to_srgb=request["to_srgb"],
        )
        image = _resized(image, request)
        form = request["form"]
        data = _jpeg(image) if form == "JPEG" else image.tobytes("raw", form)
    except UnreadablePhoto as error:
        return {"reason": error.reason}, b""
    except MemoryError:
        return {"reason": TOO_MUCH_MEMORY}, b""
    return {"width": image.width, "height": image.height, "bytes": len(data)}, data


def _resized(image: Image.Image, request: dict[str, Any]) -> Image.Image:
    if request["size"] is None:
        return image
    size = (int(request["size"][0]), int(request["size"][1]))
    resampling = Image.Resampling[request["resampling"]]
    # reducing_gap: a box shrink first, which is as good and several times faster.
    if request["exact"]:
        if image.size == size:
            return image
        return image.resize(size, resampling, reducing_gap=2.0)
    image.thumbnail(size, resampling, reducing_gap=2.0)
    return image


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _write(answers: BinaryIO, head: dict[str, Any], data: bytes) -> None:
    answers.write(json.dumps(head).encode() + b"\n")
    answers.write(data)
    answers.flush()


def _set_alarm(seconds: int) -> None:
    if sys.platform != "win32":
        signal.alarm(seconds)


def _limit_memory(limit: int) -> None:
    """Linux refuses more; macOS and Windows do not, and there the estimates are all there is."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 (not on Windows)

    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):
        # If the machine runs out of memory, this process ends first.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
