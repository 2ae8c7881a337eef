"""What the app and its trainer processes say to each other (imports no torch).

Requests travel as JSON lines on stdin, events as JSON lines on stdout; bulk data as
safetensors files whose paths the events name; logs on stderr (DESIGN section 5).  Every
message is a frozen dataclass below; its ``type`` on the wire is the class name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

PROTOCOL = 1
"""Raised whenever a message changes in a way the other side must know about."""

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is not one of ours."""


class ProtocolError(Exception):
    """A line is not a message of this protocol version."""


@dataclass(frozen=True)
class Message:
    """Base of every request and event."""

    registry: ClassVar[dict[str, type[Message]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Message.registry[cls.__name__] = cls


# ---------------------------------------------- requests to the encoder and the captioner


@dataclass(frozen=True)
class EncodePhotos(Message):
    """Encode the photos at ``paths``; ``ids`` (same length) name them in the answer."""

    request: str
    ids: list[int]
    paths: list[str]


@dataclass(frozen=True)
class EncodeTexts(Message):
    """Encode ``texts``; row i of the answer is text i.

    With ``templates`` each row is the unit-norm mean over the unit-norm embeddings of every
    template with ``{}`` replaced by the text (CLIP's prompt ensembling).
    """

    request: str
    texts: list[str]
    templates: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CaptionPhotos(Message):
    """To the captioner: describe the photos at ``paths``; ``ids`` name them in the answer."""

    request: str
    ids: list[int]
    paths: list[str]


@dataclass(frozen=True)
class Stop(Message):
    """To the encoder: leave now.  To a fit: stop within 2 s and keep the best so far."""


# ----------------------------------------------------------------- events of the encoder


@dataclass(frozen=True)
class DownloadProgress(Message):
    """Bytes of backbone weights fetched so far; ``total_bytes`` 0 when not known."""

    backbone: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class EncoderReady(Message):
    """The backbone is loaded; requests will now be answered."""

    protocol: int
    backbone: str
    dim: int
    device: str
    """What the user reads: "CPU", "NVIDIA H200", "Apple GPU"."""
    scale: float
    """Multiplies cosine similarity in a zero-shot score; see :mod:`trainer.backbone`."""
    bias: float | None
    """Added to the logit; None where the backbone brings no calibration."""
    templates: list[str]


@dataclass(frozen=True)
class PhotoFailure:
    """A photo that could not be encoded; ``reason`` is a sentence for the user."""

    id: int
    reason: str


@dataclass(frozen=True)
class PhotosEncoded(Message):
    """Features of one request.

    ``file`` is safetensors: ``ids`` (n,) int64, ``features`` (n, D) float16, unit norm.
    Empty string when every photo of the request failed.
    """

    request: str
    file: str
    count: int
    failures: list[PhotoFailure] = field(default_factory=list)


@dataclass(frozen=True)
class TextsEncoded(Message):
    """``file`` is safetensors: ``features`` (n, D) float32, unit norm, in request order."""

    request: str
    file: str


@dataclass(frozen=True)
class EncoderFailed(Message):
    """What went wrong, in a sentence for the user.

    ``kind`` is one of ``no-network``, ``no-memory``, ``no-device``, ``unknown-backbone``,
    ``bad-weights``, ``disk-full``, ``error``.  ``request`` is empty when the whole process
    cannot go on; otherwise only that request failed.
    """

    kind: str
    message: str
    request: str = ""


# --------------------------------------------------------------- events of the captioner


@dataclass(frozen=True)
class PhotoCaption:
    """What the captioner wrote about a photo; not empty."""

    id: int
    text: str


@dataclass(frozen=True)
class PhotosCaptioned(Message):
    """Captions of one request; :class:`EncoderFailed` where the captioner cannot go on."""

    request: str
    captions: list[PhotoCaption]
    failures: list[PhotoFailure] = field(default_factory=list)


# -------------------------------------------------------------------- events of a fit run


@dataclass(frozen=True)
class FitStarted(Message):
    protocol: int
    backbone: str
    device: str
    classes: int
    train_images: int
    held_out_images: int
    steps: int


@dataclass(frozen=True)
class FitProgress(Message):
    """Losses are means over the steps since the last report; ``seconds_left`` an estimate."""

    step: int
    steps: int
    loss: float
    loss_classification: float
    loss_embedding: float
    seconds_left: float


@dataclass(frozen=True)
class BandScores:
    """Mean average precision in [0, 1]; None where no class of the band can be judged."""

    total: float | None
    head: float | None
    medium: float | None
    tail: float | None


@dataclass(frozen=True)
class FitValidated(Message):
    step: int
    scores: BandScores


@dataclass(frozen=True)
class FitFinished(Message):
    """``prompt_set`` is a folder readable by :func:`trainer.prompt_set.load`."""

    prompt_set: str
    seconds: float
    stopped_early: bool
    cancelled: bool = False


@dataclass(frozen=True)
class FitFailed(Message):
    """``kind``: ``no-memory``, ``no-device``, ``disk-full``, ``bad-job``, ``not-finite``,
    ``bad-weights``, ``cancelled`` (before anything was worth keeping), ``error``.
    """

    kind: str
    message: str


MessageT = TypeVar("MessageT", bound=Message)

_NESTED: dict[tuple[str, str], tuple[type, bool]] = {
    ("PhotosEncoded", "failures"): (PhotoFailure, True),
    ("PhotosCaptioned", "captions"): (PhotoCaption, True),
    ("PhotosCaptioned", "failures"): (PhotoFailure, True),
    ("FitValidated", "scores"): (BandScores, False),
}


def to_line(message: Message) -> str:
    """One JSON line, newline included."""
    body = {"type": type(message).__name__} | asdict(message)
    return json.dumps(body, ensure_ascii=False) + "\n"


def parse_line(line: str) -> Message:
    """The message on ``line``.

    Fields this version does not know are ignored, so a newer peer of the same protocol may
    add some.

    Raises:
        ProtocolError: if the line is not JSON, too long, of unknown type or lacks a field.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError(f"a line of {len(line)} characters is too long")
    try:
        body = json.loads(line)
    except json.JSONDecodeError as error:
        raise ProtocolError(f"not a JSON line: {line[:120]!r}") from error
    if not isinstance(body, dict):
        raise ProtocolError(f"not a message: {line[:120]!r}")
    name = str(body.pop("type", ""))
    kind = Message.registry.get(name)
    if kind is None:
        raise ProtocolError(f"unknown message type {name!r}")
    known = {item.name for item in fields(kind)}
    values = {key: value for key, value in body.items() if key in known}
    try:
        for key, value in list(values.items()):
            if nested := _NESTED.get((name, key)):
                part, many = nested
                values[key] = [part(**item) for item in value] if many else part(**value)
        return kind(**values)
    except TypeError as error:
        raise ProtocolError(f"{name}: {error}") from error
