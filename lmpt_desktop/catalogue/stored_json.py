"""JSON in columns of the catalogue, which another program or a damaged disk may have written."""

from __future__ import annotations

import json
import logging
from typing import Any, TypeVar

from trainer import checked_json
from trainer.checked_json import JsonError, Limits

log = logging.getLogger(__name__)

T = TypeVar("T")

_ENCODER = json.JSONEncoder(ensure_ascii=False)
LIMITS = Limits(unicode=False)  # names of files


def from_json(text: object, kind: Any, otherwise: T, *, where: str) -> T:
    """The value of a column as ``kind``; ``otherwise`` if it is not that, which is logged.

    Args:
        where: what it is of, for the log.
    """
    try:
        if not isinstance(text, str):
            raise JsonError(f"it is not text but {type(text).__name__}")
        return checked_json.to_type(checked_json.parse(text, LIMITS), kind)
    except JsonError as error:
        log.warning("%s is not valid and left out: %s", where, error)
        return otherwise


def to_json(value: Any) -> str:
    """What :func:`from_json` reads; names that are not Unicode are escaped.

    Raises:
        TypeError: if JSON cannot hold it.
    """
    text = _ENCODER.encode(value)
    return text if checked_json.readable_text(text) == text else json.dumps(value)
