"""Speaks the captioner's protocol without a model: a photo's caption is its file name.

Photos whose names begin with ``odd`` cannot be described, ``fatal`` ends the process, ``slow``
waits; a captioner called ``coca_broken/...`` cannot be loaded.  Every start is noted, with its
arguments, in the file that FAKE_CAPTIONER_STARTS names.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from trainer.events import (
    CaptionPhotos,
    EncoderFailed,
    Message,
    PhotoCaption,
    PhotoFailure,
    PhotosCaptioned,
    parse_line,
    to_line,
)


def say(message: Message) -> None:
    sys.stdout.write(to_line(message))
    sys.stdout.flush()


def answer(request: CaptionPhotos) -> PhotosCaptioned:
    captions, failures = [], []
    for image_id, path in zip(request.ids, map(Path, request.paths), strict=True):
        if path.name.startswith("fatal"):
            print("a last word", file=sys.stderr, flush=True)
            os._exit(9)
        if path.name.startswith("slow"):
            time.sleep(3600)
        if path.name.startswith("odd"):
            failures.append(PhotoFailure(image_id, "This file is not a photo."))
        else:
            captions.append(PhotoCaption(image_id, f"this is {path.stem}"))
    return PhotosCaptioned(request.request, captions, failures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", action="store_true", required=True)
    parser.add_argument("--captioner", required=True)
    parser.add_argument("--device", required=True)
    given = parser.parse_args()
    if starts := os.environ.get("FAKE_CAPTIONER_STARTS"):
        with Path(starts).open("a", encoding="utf-8") as file:
            file.write(f"{given.captioner}\n")
    if given.captioner.startswith("coca_broken/"):
        say(EncoderFailed("bad-weights", "These weights are broken."))
        sys.exit(1)
    for line in sys.stdin:
        message = parse_line(line)
        assert isinstance(message, CaptionPhotos)
        say(answer(message))
