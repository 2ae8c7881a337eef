"""``lmpt-trainer caption``: write captions for photos; with ``--events``, for the app."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from trainer.captioner import Captioner, load_captioner
from trainer.computer import AUTO
from trainer.encode import EXIT_DONE, EXIT_FAILED, failure_event
from trainer.events import (
    CaptionPhotos,
    PhotoCaption,
    PhotoFailure,
    PhotosCaptioned,
    Stop,
)
from trainer.printable import for_data, one_line
from trainer.priority import lower_priority
from trainer.process_io import claim_stdio, exit_when_parent_dies, messages_of
from trainer.suggested import installed_captioner

log = logging.getLogger(__name__)

NONE_INSTALLED = (
    "No captioner is installed. Choose one with --captioner and download it with "
    "--download, for example coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k (1 GB).\n"
)
EPILOG = """\
output: a JSON line per photo, {"photo": PATH, "caption": TEXT} or {"photo": PATH, "problem": WHY}

exit codes: 0 done, 1 the captioner cannot be used, 2 wrong arguments
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``lmpt-trainer caption``."""
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO", help="files to describe")
    parser.add_argument(
        "--captioner",
        metavar="NAME",
        help="a CoCa of open_clip, coca_MODEL/PRETRAINED or coca_MODEL/PATH (default: the best "
        "that is installed)",
    )
    parser.add_argument(
        "--download", action="store_true", help="download the captioner if it is not installed"
    )
    parser.add_argument("--device", default=AUTO, help="auto, cuda, cuda:1, mps or cpu")
    parser.add_argument("--batch", type=int, default=0, help="photos at once (default: by device)")
    parser.add_argument(
        "--events",
        action="store_true",
        help="for programs: CaptionPhotos as JSON lines on stdin, events on stdout",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if arguments.events:
        code = _serve(arguments)
        # As in the encoder: native threads abort the process when Python shuts them down.
        logging.shutdown()
        os._exit(code)
    name = arguments.captioner or installed_captioner()
    if name is None:
        sys.stderr.write(NONE_INSTALLED)
        return EXIT_FAILED
    try:
        captioner = _load(name, arguments)
        for made in captioner.captions(arguments.photos):
            row = {"problem": made.problem} if made.problem else {"caption": made.text}
            line = json.dumps({"photo": str(made.photo)} | row, ensure_ascii=False)
            for_data(sys.stdout).write(line + "\n")
            sys.stdout.flush()
    except Exception as error:
        log.debug("the captioner failed", exc_info=True)
        sys.stderr.write(f"{one_line(failure_event(error).message)}\n")
        return EXIT_FAILED
    return EXIT_DONE


def _load(name: str, arguments: argparse.Namespace) -> Captioner:
    return load_captioner(
        name, arguments.device, download=arguments.download, batch=arguments.batch
    )


def _serve(arguments: argparse.Namespace) -> int:
    requests, events = claim_stdio()
    exit_when_parent_dies()
    lower_priority(10)
    try:
        captioner = _load(arguments.captioner or installed_captioner() or "", arguments)
        for request in _requests(requests):
            events.send(answer(captioner, request))
    except BrokenPipeError:
        log.info("the app closed the event stream")
    except Exception as error:
        event = failure_event(error)
        if event.kind == "error":
            log.exception("the captioner failed")
        with contextlib.suppress(BrokenPipeError):
            events.send(event)
        return EXIT_FAILED
    return EXIT_DONE


def answer(captioner: Captioner, request: CaptionPhotos) -> PhotosCaptioned:
    """Describe the photos of a request."""
    captions: list[PhotoCaption] = []
    failures: list[PhotoFailure] = []
    made = captioner.captions([Path(path) for path in request.paths])
    for image_id, item in zip(request.ids, made, strict=True):
        if item.text:
            captions.append(PhotoCaption(image_id, item.text))
        else:
            failures.append(PhotoFailure(image_id, item.problem))
    return PhotosCaptioned(request.request, captions, failures)


def _requests(stream: TextIO) -> Iterator[CaptionPhotos]:
    """Requests until ``Stop`` or the end of the stream.  The app simply kills a process that it no
    longer needs.
    """
    for message in messages_of(stream):
        if isinstance(message, Stop):
            return
        if isinstance(message, CaptionPhotos) and len(message.ids) == len(message.paths):
            yield message
        else:
            log.warning("ignoring a %s", type(message).__name__)
