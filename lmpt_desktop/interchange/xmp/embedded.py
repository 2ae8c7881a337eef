"""The keywords inside a photo file, which is never changed."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from lmpt_desktop.ingest import iptc
from lmpt_desktop.ingest.metadata_blocks import iptc_block, xmp_packet
from lmpt_desktop.ingest.placeholders import is_placeholder
from lmpt_desktop.interchange.errors import InterchangeError
from lmpt_desktop.interchange.xmp.keywords import Keywords
from lmpt_desktop.interchange.xmp.packet import Packet, read_packet
from lmpt_desktop.translation import _
from trainer.photo import ONLINE_ONLY, UnreadablePhoto, opened_photo, system_reason

log = logging.getLogger(__name__)


def embedded_keywords(path: Path) -> Keywords:
    """The keywords in a photo's own XMP and IPTC; damaged metadata has none.

    Raises:
        InterchangeError: with a sentence, if the photo cannot be opened, or is kept online only.
    """
    try:
        if is_placeholder(os.stat(path)):  # noqa: PTH116 (tests and odd shares replace os.stat)
            raise InterchangeError(_(ONLINE_ONLY))
        with opened_photo(path, pixels=False) as image:
            raw, block = xmp_packet(image), iptc_block(image)
    except UnreadablePhoto as error:
        raise InterchangeError(_(error.reason)) from error
    except (OSError, ValueError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise InterchangeError(_(reason)) from error
    return Keywords.of(_packet(raw, path), iptc.keywords(block))


def _packet(raw: bytes | str | None, path: Path) -> Packet:
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw or b""
    data = data.strip(b"\0 \t\r\n")
    if data:
        try:
            return read_packet(data)[0]
        except InterchangeError as error:
            log.debug("the XMP data in %r cannot be read: %s", path, error)
    return Packet(b"")
