"""A library in memory: what the widgets ask of a session, without catalogue or models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lmpt_desktop.domain.records import (
    Batch,
    BatchSummary,
    ClassEntry,
    Folder,
    ImageState,
    ImageTable,
    Source,
    Verdict,
)
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.images import ClassVerdict, ImageDetails
from lmpt_desktop.engine.notices import Activity, ActivityKind, AnnotationsChanged, Notice
from lmpt_desktop.inference import filters
from lmpt_desktop.inference.filters import Filter, Sort
from lmpt_desktop.inference.queues import Queue, QueueItem, QueueRequest, build_queue
from lmpt_desktop.ui.annotations.undo_texts import summary_of
from trainer.bands import BandLimits

CLASS_NAMES = ("dog", "person", "traffic light", "kite", "hair drier", "cup")


@dataclass
class MemorySession:
    """The part of ``LibrarySession`` that the grid, the folder tree and the desk use."""

    folder: Path
    snapshot_: Snapshot
    reasons: dict[int, str]
    library_folder: Path
    backbone: str = "lite"
    device: str = "CPU"

    def __post_init__(self) -> None:
        self.listeners: list[Callable[[Notice], None]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.running: dict[ActivityKind, Activity] = {}
        self.fails: Exception | None = None
        self.batches = 0
        self.questions: tuple[QueueItem, ...] | None = None
        self.made: dict[int, Batch] = {}
        self.undone: set[int] = set()

    # ------------------------------------------------------------------------------ state

    def subscribe(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, notice: Notice) -> None:
        for listener in list(self.listeners):
            listener(notice)

    def snapshot(self) -> Snapshot:
        return self.snapshot_

    def select(self, wanted: Filter, order: Sort) -> np.ndarray:
        self.calls.append(("select", wanted, order))
        names = self.snapshot_.images.names
        rows = [row for row, name in enumerate(names) if wanted.text.lower() in name.lower()]
        if wanted.unreviewed:
            rows = [row for row in rows if not self.snapshot_.reviewed[row]]
        if wanted.class_id is not None:
            column = self.snapshot_.column_of[wanted.class_id]
            rows = [row for row in rows if self.snapshot_.predicted[row, column]]
        if order.key is filters.SortKey.NAME:
            rows.sort(key=lambda row: names[row])
        return np.array(rows[::-1] if order.descending else rows, np.int64)

    def image(self, image_id: int) -> ImageDetails:
        snapshot = self.snapshot_
        row = snapshot.row_of[image_id]
        state = ImageState(int(snapshot.images.states[row]))
        return ImageDetails(
            image_id=image_id,
            path=self.path(image_id),
            size=(320, 240),
            date=None,
            caption="",
            state=state.name.lower(),
            reason=self.reasons.get(image_id, ""),
            reviewed=bool(snapshot.reviewed[row]),
            classes=tuple(
                ClassVerdict(
                    entry.id,
                    entry.name,
                    float(snapshot.scores[row, column]),
                    float(snapshot.thresholds[column]),
                    bool(snapshot.predicted[row, column]),
                    Verdict(int(snapshot.annotations[row, column])),
                    snapshot.bands.bands[column],
                    bool(snapshot.corrected[row, column]),
                )
                for column, entry in enumerate(snapshot.classes)
            ),
        )

    def path(self, image_id: int) -> Path:
        return self.folder / self.snapshot_.images.names[self.snapshot_.row_of[image_id]]

    def paths(self, image_ids: Sequence[int]) -> list[Path]:
        return [self.path(image_id) for image_id in image_ids]

    def queue(self, request: QueueRequest) -> Queue:
        self.calls.append(("queue", request))
        if self.questions is not None:
            return Queue(request, self.questions, len(self.questions))
        return build_queue(self.snapshot_, request)

    def watch_notes(self) -> dict[int, str]:
        return {}

    def activities(self) -> dict[ActivityKind, Activity]:
        return dict(self.running)

    def folders(self) -> list[Folder]:
        return [Folder(1, self.folder)]

    def current_run(self) -> None:
        return None

    def prioritise(self, image_ids: Sequence[int]) -> None:
        self.calls.append(("prioritise", tuple(image_ids)))

    def rescan(self, folder_id: int | None = None) -> None:
        self.calls.append(("rescan", folder_id))

    def close(self) -> None:
        self.calls.append(("close",))

    # ------------------------------------------------------------------------ annotations

    def annotate(
        self, image_ids: Sequence[int], class_ids: Sequence[int], verdict: Verdict
    ) -> Batch:
        if self.fails is not None:
            raise self.fails
        snapshot = self.snapshot_
        rows = [snapshot.row_of[id_] for id_ in image_ids]
        columns = [snapshot.column_of[id_] for id_ in class_ids]
        annotations = snapshot.annotations.copy()
        cells = [(row, column) for row in rows for column in columns]
        before = np.array([annotations[cell] for cell in cells], np.int8)
        for cell in cells:
            annotations[cell] = verdict
        self._set(annotations=annotations)
        return self._batch(cells, before, np.full(len(cells), verdict, np.int8))

    def apply_changes(
        self,
        image_ids: np.ndarray,
        class_ids: np.ndarray,
        verdicts: np.ndarray,
        source: Source = Source.USER,
        label: str = "",
    ) -> Batch:
        if self.fails is not None:
            raise self.fails
        self.calls.append(("apply_changes", label))
        snapshot = self.snapshot_
        annotations = snapshot.annotations.copy()
        cells = [
            (snapshot.row_of[int(image)], snapshot.column_of[int(class_id)])
            for image, class_id in zip(image_ids, class_ids, strict=True)
        ]
        before = np.array([annotations[cell] for cell in cells], np.int8)
        for cell, verdict in zip(cells, verdicts, strict=True):
            annotations[cell] = verdict
        self._set(annotations=annotations)
        return self._batch(cells, before, np.asarray(verdicts, np.int8), label=label)

    def mark_reviewed(self, image_ids: Sequence[int], reviewed: bool = True) -> Batch:
        marks = self.snapshot_.reviewed.copy()
        marks[[self.snapshot_.row_of[id_] for id_ in image_ids]] = reviewed
        self._set(reviewed=marks)
        none = np.empty(0, np.int8)
        return self._batch(
            [],
            none,
            none,
            action="reviewed" if reviewed else "unreviewed",
            reviewed_ids=image_ids,
            reviewed=reviewed,
        )

    def undo(self, batch: Batch | int) -> Batch:
        return self._turn(batch, forward=False)

    def redo(self, batch: Batch | int) -> Batch:
        return self._turn(batch, forward=True)

    def write_timeout(self, seconds: float) -> nullcontext[None]:
        return nullcontext()

    def history(self, limit: int = 100) -> list[BatchSummary]:
        done = [item for item in self.made.values() if item.id not in self.undone]
        undone = [item for item in reversed(self.made.values()) if item.id in self.undone]
        return [
            replace(summary_of(item, self.snapshot_), done=item.id not in self.undone)
            for item in (done + undone)[-limit:]
        ]

    def _turn(self, batch: Batch | int, *, forward: bool) -> Batch:
        if self.fails is not None:
            raise self.fails
        made = self.made[batch if isinstance(batch, int) else batch.id]
        if (made.id in self.undone) is not forward:
            raise AssertionError("undone or done twice")
        (self.undone.discard if forward else self.undone.add)(made.id)
        annotations = self.snapshot_.annotations.copy()
        values = made.after if forward else made.before
        for image_id, class_id, value in zip(made.image_ids, made.class_ids, values, strict=True):
            row = self.snapshot_.row_of[int(image_id)]
            annotations[row, self.snapshot_.column_of[int(class_id)]] = value
        marks = self.snapshot_.reviewed.copy()
        for image_id, mark in zip(made.reviewed_ids, made.reviewed_after, strict=True):
            marks[self.snapshot_.row_of[int(image_id)]] = bool(mark) is forward
        self._set(annotations=annotations, reviewed=marks)
        return replace(made, id=made.id + 1_000_000, undoes=made.id, action="undo")

    def _batch(
        self,
        cells: list[tuple[int, int]],
        before: Any,
        after: Any,
        *,
        action: str = "apply",
        reviewed_ids: Any = (),
        label: str = "",
        reviewed: bool = True,
    ) -> Batch:
        self.batches += 1
        snapshot = self.snapshot_
        batch = Batch(
            self.batches,
            datetime.now(UTC),
            action,
            image_ids=np.array([snapshot.image_ids[row] for row, _c in cells], np.int64),
            class_ids=np.array([snapshot.class_ids[column] for _r, column in cells], np.int64),
            before=before,
            after=after,
            reviewed_ids=np.asarray(reviewed_ids, np.int64),
            reviewed_after=np.full(len(reviewed_ids), reviewed),
            label=label,
        )
        self.made = {key: made for key, made in self.made.items() if key not in self.undone}
        self.undone.clear()
        self.made[batch.id] = batch
        return batch

    def _set(self, **changes: Any) -> None:
        self.snapshot_ = replace(self.snapshot_, version=self.snapshot_.version + 1, **changes)
        self.tell(AnnotationsChanged())


def draw_photo(path: Path, number: int) -> None:
    """A small picture that differs from the next one."""
    image = Image.new("RGB", (320, 240), ((number * 53) % 200 + 30, (number * 97) % 200, 90))
    draw = ImageDraw.Draw(image)
    draw.ellipse((60 + number * 7 % 90, 40, 200, 190), fill=(230, (number * 31) % 255, 60))
    draw.text((20, 20), f"photo {number}", fill="white")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=80)


def make_snapshot(count: int, names: list[str] | None = None, seed: int = 3) -> Snapshot:
    """``count`` images and six classes, of which the last ones are rare."""
    rng = np.random.default_rng(seed)
    scores = rng.random((count, len(CLASS_NAMES)), dtype=np.float32)
    scores *= np.array([1, 0.9, 0.6, 0.55, 0.54, 0.7], np.float32)
    return Snapshot(
        version=1,
        images=ImageTable(
            ids=np.arange(1, count + 1, dtype=np.int64),
            folder_ids=np.ones(count, np.int64),
            states=np.zeros(count, np.int8),
            sizes=np.full(count, 1000, np.int64),
            mtime=np.zeros(count, np.int64),
            taken=np.zeros(count, np.int64),
            widths=np.full(count, 320, np.int32),
            heights=np.full(count, 240, np.int32),
            names=names or [f"photo-{number:06}.jpg" for number in range(count)],
            fingerprints=[f"print-{number}" for number in range(count)],
        ),
        classes=tuple(ClassEntry(10 + i, name, position=i) for i, name in enumerate(CLASS_NAMES)),
        scores=scores,
        thresholds=np.full(len(CLASS_NAMES), 0.5, np.float32),
        trained=np.zeros(len(CLASS_NAMES), np.bool_),
        annotations=np.full((count, len(CLASS_NAMES)), -1, np.int8),
        reviewed=np.zeros(count, np.bool_),
        limits=BandLimits(medium=4, head=8),
    )


@pytest.fixture
def snapshot_of() -> Callable[[int], Snapshot]:
    """Makes a snapshot of as many images as asked for."""
    return make_snapshot


@pytest.fixture
def memory_session(tmp_path: Path) -> MemorySession:
    """Twelve drawn photos in two sub-folders; number 11 missing, number 12 unreadable."""
    folder = tmp_path / "photos"
    names = [f"{'beach' if i % 2 else 'city'}/photo {i}.jpg" for i in range(12)]
    for number, name in enumerate(names):
        if number < 10:
            draw_photo(folder / name, number)
    snapshot = make_snapshot(12, names)
    snapshot.images.states[10] = ImageState.MISSING
    snapshot.images.states[11] = ImageState.UNREADABLE
    snapshot.scores[10:] = np.nan
    reasons = {12: "The file is cut short: it ends after 12 bytes."}
    return MemorySession(folder, snapshot, reasons, tmp_path / "library")


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Window memory and logs of a test stay in its own folder."""
    monkeypatch.setenv("LMPT_DESKTOP_HOME", str(tmp_path / "home"))
    yield
