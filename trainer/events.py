"""Messages between the app and its trainer processes (imports no torch).

Requests travel as JSON lines on stdin, events as JSON lines on stdout; bulk data as
safetensors files whose paths the events name; logs on stderr (DESIGN section 5).  Every
message is a frozen dataclass below; its ``type`` in JSON is the class name.  An event of a
training run says itself how it reads to the user.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from trainer import checked_json
from trainer.box import WHOLE, Box
from trainer.checked_json import Finite, JsonError, Limits
from trainer.texts import N_, EventText

PROTOCOL = 2
"""Increased whenever a message changes in an incompatible way."""

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line cannot be a message."""
LIMITS = Limits(
    bytes=MAX_LINE_BYTES,
    text=MAX_LINE_BYTES,
    finite=False,  # the loss of a training that becomes unstable
    unicode=False,  # names of files
)


class ProtocolError(Exception):
    """A line is not a message of this protocol version."""


@dataclass(frozen=True)
class Message:
    """Base of every request and event."""

    registry: ClassVar[dict[str, type[Message]]] = {}

    def __init_subclass__(cls, *, base: bool = False, **kwargs: Any) -> None:
        """``base``: not a message itself."""
        super().__init_subclass__(**kwargs)
        if not base:
            Message.registry[cls.__name__] = cls


# ---------------------------------------------- requests to the encoder and the captioner


@dataclass(frozen=True)
class EncodePhotos(Message):
    """Encode the photos at ``paths``; ``ids`` (same length) identify them in the answer."""

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
class EncodeTurned(Message):
    """Encode the photo at ``path`` as it would be if its pixels were turned by 90, 180 and 270
    degrees.
    """

    request: str
    path: str


@dataclass(frozen=True)
class EncodeMap(Message):
    """Encode the cells of the photo at ``path``: what is seen where."""

    request: str
    path: str


@dataclass(frozen=True)
class CaptionPhotos(Message):
    """To the captioner: describe the photos at ``paths``; ``ids`` identify them in the answer."""

    request: str
    ids: list[int]
    paths: list[str]


@dataclass(frozen=True)
class EncodeHere(Message):
    """To an encoder that uses another computer: encode here until it is started again."""


@dataclass(frozen=True)
class Stop(Message):
    """To the encoder: exit now.  To a training run: stop within 2 s and keep the best prompts so
    far.
    """


# ----------------------------------------------------------------- events of the encoder


@dataclass(frozen=True)
class DownloadProgress(Message):
    """Bytes of backbone weights downloaded so far; ``total_bytes`` is 0 if unknown."""

    backbone: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class EncoderReady(Message):
    """The backbone is loaded; requests are answered from now on."""

    protocol: int
    backbone: str
    dim: int
    device: str
    """As shown to the user: "CPU", "NVIDIA H200", "Apple GPU"."""
    scale: Finite
    """Factor of the cosine similarity in a zero-shot score; see :mod:`trainer.backbone`."""
    bias: Finite | None
    """Added to the logit; None if the backbone has no calibration."""
    templates: list[str]
    frequency_bias: Finite | None = None
    """The bias with which scores are frequencies; None if it is not known."""
    name_frequency: list[Finite] | None = None
    """As :attr:`trainer.backbone.Backbone.name_frequency`."""
    windows: int = 0
    """Windows of each photo (:mod:`trainer.windows`); 0 if the backbone makes none."""
    window_offset: Finite | None = None
    """For :func:`trainer.windows.joint_cosines`; None if it is to be taken from the library."""
    crops: bool = False
    """Whether the backbone sees the square in the middle of a photo; otherwise the whole photo,
    squashed or padded to a square."""


@dataclass(frozen=True)
class PhotoFailure:
    """A photo that could not be encoded; ``reason`` is a sentence for the user."""

    id: int
    reason: str


@dataclass(frozen=True)
class PhotosEncoded(Message):
    """Features of one request.

    ``file`` is safetensors: ``ids`` (n,) int64, ``features`` (n, D) float16, unit norm, and
    ``windows`` (n, W, D) int8 (:mod:`trainer.windows`) if the backbone makes them.
    It is an empty string if every photo of the request failed.
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
class TurnedEncoded(Message):
    """``file`` is safetensors: ``features`` (3, D) float16, unit norm.

    It is an empty string if the photo could not be encoded; ``reason`` is then a sentence for the
    user.
    """

    request: str
    file: str
    reason: str = ""


@dataclass(frozen=True)
class MapEncoded(Message):
    """``file`` is safetensors: ``map`` (g, g, D) float16, unit norm, rows from the top.

    It is an empty string if there is no map; ``reason`` is then a sentence for the user.  ``box``
    is what the map covers, in fractions of the upright photo; beyond 0 and 1 where the backbone
    pads it.
    """

    request: str
    file: str
    reason: str = ""
    box: Box = WHOLE


@dataclass(frozen=True)
class EncoderFailed(Message):
    """``message`` is a sentence for the user.

    ``kind`` is one of ``no-network``, ``no-memory``, ``no-device``, ``unknown-backbone``,
    ``bad-weights``, ``disk-full``, ``error``.  ``request`` is empty if the whole process cannot
    continue; otherwise only that request failed.
    """

    kind: str
    message: str
    request: str = ""


class Place(StrEnum):
    """Where photos are encoded, and why."""

    CONNECTING = "connecting"
    THERE = "there"
    LOST = "lost"
    """The connection is gone; it is tried again."""
    HERE = "here"
    """It could not be reached for too long, or the user wants it so; it is tried again unless the
    user does not want it."""
    REFUSED = "refused"
    """It cannot be used; photos are encoded here."""


@dataclass(frozen=True)
class EncoderAway(Message):
    """Where an encoder that uses another computer encodes photos.  ``device``: of the other one,
    as the user reads it, once it is known; ``reason``: a sentence where it is not used, or "";
    ``not_found``: photos that it did not find in its own folders so far, and which were sent.
    """

    machine: str
    place: Place
    device: str = ""
    reason: str = ""
    not_found: int = 0


# -------------------------------------------------------- events of encoding a folder


@dataclass(frozen=True)
class FolderProgress(Message):
    """How far ``encode-folder`` is.  ``total`` is 0 until the photos are counted; ``encoded``,
    ``copies`` and ``refused`` of the photos that are ``done`` are of this run, the others were
    known.  ``photos_per_second`` are those encoded.
    """

    done: int
    total: int
    encoded: int
    copies: int
    refused: int
    photos_per_second: Finite


@dataclass(frozen=True)
class FolderEncoded(Message):
    """All photos have been gone through.  ``folder`` is readable by
    :mod:`trainer.feature_folder`; the counts are of all that it has.
    """

    folder: str
    photos: int
    encoded: int
    copies: int
    refused: int
    seconds: Finite


# --------------------------------------------------------------- events of the captioner


@dataclass(frozen=True)
class RateMeasured(Message):
    """How fast a backbone encodes: ``photos`` in ``seconds``, decoding included, on ``device`` as
    the user reads it; with random weights, which are as fast as learned ones.
    """

    backbone: str
    photos: int
    seconds: Finite
    device: str


@dataclass(frozen=True)
class PhotoCaption:
    """A caption; never empty."""

    id: int
    text: str


@dataclass(frozen=True)
class PhotosCaptioned(Message):
    """Captions of one request; :class:`EncoderFailed` if the captioner cannot continue."""

    request: str
    captions: list[PhotoCaption]
    failures: list[PhotoFailure] = field(default_factory=list)


# --------------------------------------------------------------- events of a training run


@dataclass(frozen=True)
class RunEvent(Message, ABC, base=True):
    """Base of the events of a training run.

    To add an event, derive it with its :attr:`text` and emit it.  The app lists the details of an
    event that its run page has no place for, and the command line prints them.
    """

    @property
    @abstractmethod
    def text(self) -> EventText:
        """How it reads to the user, marked for translation."""


class FitPhase(StrEnum):
    """Which pass of a run an event belongs to.

    With enough annotations there are two passes: one on part of the training images, to find the
    best step on the rest of them, then one on all of them up to that step.  Otherwise there is a
    single pass, on all training images.
    """

    SINGLE_PASS = "single-pass"
    VALIDATION_PASS = "validation-pass"
    FINAL_PASS = "final-pass"


class FitFailure(StrEnum):
    """Why a run failed."""

    NO_MEMORY = "no-memory"
    NO_DEVICE = "no-device"
    DISK_FULL = "disk-full"
    BAD_JOB = "bad-job"
    BAD_WEIGHTS = "bad-weights"
    NOT_FINITE = "not-finite"
    CANCELLED = "cancelled"
    """Before there was a result to keep."""
    ERROR = "error"

    @property
    def sentence(self) -> str:
        """A general sentence, where there is no more specific message."""
        return _FAILURES[self]

    @staticmethod
    def of(kind: str) -> FitFailure:
        """The failure called ``kind``; ``ERROR`` for one of a newer version."""
        return FitFailure(kind) if kind in tuple(FitFailure) else FitFailure.ERROR


_FAILURES = {
    FitFailure.NO_MEMORY: N_(
        "There is not enough memory for this training. Nothing was changed. Close other programs, "
        "train on the CPU, or choose a smaller backbone."
    ),
    FitFailure.NO_DEVICE: N_("The device is no longer available."),
    FitFailure.DISK_FULL: N_(
        "The disk is full, so the trained prompts could not be saved. Nothing was changed; free "
        "some space and train again."
    ),
    FitFailure.BAD_JOB: N_("The training data could not be read."),
    FitFailure.BAD_WEIGHTS: N_("The backbone's weights could not be read."),
    FitFailure.NOT_FINITE: N_("The training became unstable."),
    FitFailure.CANCELLED: N_("The training was cancelled before it had a result."),
    FitFailure.ERROR: N_("The training stopped unexpectedly."),
}


@dataclass(frozen=True)
class FitStarted(RunEvent):
    protocol: int
    backbone: str
    device: str
    classes: int
    train_images: int
    held_out_images: int
    steps: int

    @property
    def text(self) -> EventText:
        return EventText(
            N_("Training"),
            N_(
                "{classes:count} classes, {train_images:count} photos to learn from, "
                "{held_out_images:count} held out; {backbone:backbone} on {device}"
            ),
        )


@dataclass(frozen=True)
class FitProgress(RunEvent):
    """Losses are means over the steps since the last report; ``seconds_left`` is an estimate.

    ``phase`` is missing in event files of older versions.
    """

    step: int
    steps: int
    loss: float
    loss_classification: float
    loss_embedding: float
    seconds_left: Finite
    phase: FitPhase = FitPhase.SINGLE_PASS

    @property
    def text(self) -> EventText:
        if self.phase is FitPhase.FINAL_PASS:
            detail = N_(
                "Step {step:count} of {steps:count}, {seconds_left:duration} left; second pass, "
                "on all photos"
            )
        else:
            detail = N_("Step {step:count} of {steps:count}, {seconds_left:duration} left")
        return EventText(N_("Training"), detail)


@dataclass(frozen=True)
class BandScores:
    """Mean average precision in [0, 1]; None if no class of the band can be evaluated."""

    total: Finite | None
    head: Finite | None
    medium: Finite | None
    tail: Finite | None


@dataclass(frozen=True)
class FitValidated(RunEvent):
    """Scores on the inner validation, or on the held-out part in a single pass.

    ``phase`` is missing in event files of older versions.
    """

    step: int
    scores: BandScores
    phase: FitPhase = FitPhase.SINGLE_PASS

    @property
    def text(self) -> EventText:
        return EventText(N_("Training"), N_("Validation score {scores.total:percent}"))


@dataclass(frozen=True)
class FitFinished(RunEvent):
    """``prompt_set`` is a folder readable by :func:`trainer.prompt_set.load`."""

    prompt_set: str
    seconds: Finite
    stopped_early: bool
    cancelled: bool = False

    @property
    def text(self) -> EventText:
        if self.cancelled:
            headline = N_("Cancelled")
        elif self.stopped_early:
            headline = N_("Finished early: it no longer got better")
        else:
            headline = N_("Finished")
        return EventText(headline, N_("It took {seconds:duration}."))


@dataclass(frozen=True)
class FitFailed(RunEvent):
    """``kind`` is a :class:`FitFailure`, or one of a newer version; ``message`` is a sentence for
    the user.
    """

    kind: str
    message: str

    @property
    def text(self) -> EventText:
        detail = "{message:sentence}" if self.message else FitFailure.of(self.kind).sentence
        return EventText(N_("The training failed"), detail)


class Away(StrEnum):
    """Where a run on another computer stands, as this one knows."""

    SENDING = "sending"
    RUNNING = "running"
    LOST = "lost"
    """The connection is gone; the run goes on there."""
    FETCHING = "fetching"


_AWAY = {
    Away.SENDING: EventText(N_("Sending"), N_("The training data is sent to {machine}.")),
    Away.RUNNING: EventText(N_("Training"), N_("The training runs on {machine}.")),
    Away.LOST: EventText(
        N_("Connection lost"),
        N_("{reason:sentence} The training on {machine} goes on; trying again."),
    ),
    Away.FETCHING: EventText(
        N_("Fetching the result"), N_("The result is fetched from {machine}.")
    ),
}


@dataclass(frozen=True)
class FitAway(RunEvent):
    """Of a run on another computer, written by this one.  ``reason``: a sentence where the
    connection was lost.
    """

    machine: str
    state: Away
    reason: str = ""

    @property
    def text(self) -> EventText:
        return _AWAY[self.state]


# ---------------------------------------- what another computer says (:mod:`trainer.remote`)


@dataclass(frozen=True)
class FarHello(Message):
    """The first line of every answer.  ``protocol`` is that of :mod:`trainer.remote`, which is
    compared before anything else is read; ``has_job``: it need not be sent.
    """

    protocol: int
    version: str
    has_job: bool = False


@dataclass(frozen=True)
class FarMachine(Message):
    """What is there.  ``device`` as the user reads it; bytes are free for jobs, and of the GPU's
    memory (0: there is none).
    """

    python: str
    device: str
    gpu_bytes: int
    cores: int
    free_bytes: int


@dataclass(frozen=True)
class FarStarted(Message):
    """The job is complete there and its run was started, now or earlier."""


@dataclass(frozen=True)
class FarAlive(Message):
    """Sent every few seconds, so that a connection that is dead is noticed."""


@dataclass(frozen=True)
class FarEnded(Message):
    """The run's process has ended.  ``result``: there is one to fetch; ``full``: the disk there is;
    ``log``: the end of its log.
    """

    result: bool
    full: bool
    log: str


@dataclass(frozen=True)
class FarRefused(Message):
    """``trouble`` is one of :class:`trainer.remote.trouble.Trouble`, or one of a newer version;
    ``detail`` is for the log.
    """

    trouble: str
    detail: str = ""


@dataclass(frozen=True)
class FarInstalling(Message):
    """``step``, one of :class:`trainer.remote.install.Step`, has begun or goes on; ``detail``: what
    pip says about it, "" if nothing.
    """

    step: str
    detail: str = ""


@dataclass(frozen=True)
class FarInstalled(Message):
    """LMPT Desktop is installed there."""


@dataclass(frozen=True)
class FarEncoder(Message):
    """A backbone is loaded there: features of ``dim`` numbers and ``windows`` windows, of photos of
    ``side`` x ``side`` pixels; ``device`` as the user reads it.
    """

    dim: int
    windows: int
    side: int
    device: str


@dataclass(frozen=True)
class FarPhotos(Message):
    """To it: encode photos; as many bytes as ``sizes`` says follow, a lossless WebP each."""

    number: int
    sizes: list[int]


@dataclass(frozen=True)
class FarFiles(Message):
    """To it: decode and encode files of its own, if they are there with these sizes in bytes and
    these times in seconds.
    """

    number: int
    paths: list[str]
    sizes: list[int]
    times: list[Finite]


@dataclass(frozen=True)
class FarFeatures(Message):
    """The answer to either.  ``failures``: which photos have no feature, ``id`` is the position in
    the request; ``missing``: which files are not there.  Of all others follow, in order, the bytes
    of the features, float16 (n, D), and those of the windows, int8 (n, W, D).
    """

    number: int
    failures: list[PhotoFailure] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)


def to_line(message: Message) -> str:
    """One JSON line, newline included; pure ASCII where a name in it is not Unicode."""
    body = {"type": type(message).__name__} | asdict(message)
    line = json.dumps(body, ensure_ascii=False)
    if not line.isascii() and checked_json.readable_text(line) != line:
        line = json.dumps(body)
    return line + "\n"


@dataclass(frozen=True)
class _Type:
    type: str


def parse_line(line: str) -> Message:
    """Read the message on ``line``.

    Unknown fields are ignored, so that a newer version of the same protocol may add fields.

    Raises:
        ProtocolError: if the line is too long or not JSON, its type is unknown, or a field is
            missing or invalid.
    """
    try:
        body = checked_json.parse(line, LIMITS)
        name = checked_json.to_type(body, _Type).type
        kind = Message.registry.get(name)
        if kind is None:
            raise ProtocolError(f"unknown message type {name[:80]!r}")
        return checked_json.to_type(body, kind)
    except JsonError as error:
        raise ProtocolError(f"not a message ({error}): {line[:120]!r}") from error
