"""Records that only the catalogue makes; those all packages share are in ``domain.records``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.domain.records import CaptionSource, ImageState


@dataclass(frozen=True)
class Image:
    """Everything the catalogue knows of one image.

    ``width`` and ``height`` are pixels as shown (EXIF orientation applied).
    """

    id: int
    folder_id: int
    path: Path
    relative_path: str
    size: int
    mtime_ns: int
    fingerprint: str
    width: int | None
    height: int | None
    taken: datetime | None
    state: ImageState
    reason: str
    caption: str
    caption_source: CaptionSource
    reviewed: bool


class Change(NamedTuple):
    """Set one class of one image to ``verdict``."""

    image_id: int
    class_id: int
    verdict: int


def distinct(*ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids in any of the arrays, ascending.  A table is far faster than sorting millions, and
    ids are small: they count up from 1."""
    largest = max((int(part.max()) for part in ids if len(part)), default=0)
    there = np.zeros(largest + 1, np.bool_)
    for part in ids:
        there[part] = True
    return np.flatnonzero(there)


def uniform(values: NDArray[np.integer]) -> int | None:
    """The value that all of ``values`` have, or None."""
    return int(values[0]) if len(values) and (values == values[0]).all() else None


@dataclass(frozen=True)
class AnnotationCount:
    """How often a class was annotated, over images of folders that are not hidden."""

    present: int = 0
    absent: int = 0


class RunState(StrEnum):
    """The state of a run.  ``LOST``: its process ended without reporting a result."""

    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True)
class RunRecord:
    """A run of the trainer.

    ``folder`` is the job folder; ``pid`` with ``pid_created`` (seconds since the epoch, as
    psutil reports them) identify its process, even after the number was reused.
    """

    id: int
    folder: Path
    backbone: str
    state: RunState
    created: datetime
    finished: datetime | None = None
    pid: int | None = None
    pid_created: float | None = None
    message: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptSetRecord:
    """A prompt set on disk (:mod:`trainer.prompt_set` reads ``folder``).

    ``name`` and ``note`` are the user's; ``data`` says what it was learned from (counts);
    ``class_ids`` the class of this library behind each of its names, whatever its name is today;
    {} for prompt sets made before this was recorded.
    """

    id: int
    folder: Path
    backbone: str
    created: datetime
    run_id: int | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    active: bool = False
    promoted: bool = False
    discarded: bool = False
    name: str = ""
    note: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    class_ids: dict[str, int] = field(default_factory=dict)


ImageIds = Sequence[int] | NDArray[np.int64]
