"""The memory session with a vocabulary to edit, runs, versions and backbones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmpt_desktop.catalogue.records import RunState
from lmpt_desktop.domain.records import ClassEntry, ClassSpec
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine import views
from lmpt_desktop.engine.notices import ActivityKind, ClassesChanged, RunChanged, VersionsChanged
from lmpt_desktop.engine.versions.versions import ImportedVersion
from lmpt_desktop.ui.kit.bridge import SessionBridge
from trainer.bands import Band
from trainer.events import BandScores, FitProgress, FitStarted, FitValidated
from trainer.prompt_set import ClassResult, Evaluation


class NameTakenError(Exception):
    """As the catalogue says it."""


class DialogSession:
    """Adds the part of ``LibrarySession`` that the dialogs use to the memory session."""

    def __init__(self, memory: Any, folder: Path) -> None:
        self._memory = memory
        self._folder = folder
        self.archive: dict[str, tuple[ClassEntry, np.ndarray | None]] = {}
        self.settings: dict[str, Any] = {}
        self.refused: Exception | None = None
        self.started: list[views.RetrainOptions] = []
        self.preflight = good_preflight()
        self.run: views.RunStatus | None = None
        self.versions_ = [version(2, active=False), version(1, active=True), version(0)]
        self.comparison_ = make_comparison(memory.snapshot())

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        return self._memory.subscribe(listener)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    # ------------------------------------------------------------------------- vocabulary

    def add_class(self, name: str, description: str = "") -> ClassEntry:
        names = {entry.name.casefold() for entry in self.snapshot().classes}
        if name.casefold() in names:
            raise NameTakenError(f"There is already a class called {name}.")
        entry, said = self.archive.pop(name, (ClassEntry(self._free_id(), name), None))
        entry = replace(entry, description=description)
        self._set([*self._columns(), (entry, said)])
        return entry

    def rename_class(self, class_id: int, name: str) -> None:
        if any(entry.name == name for entry in self.snapshot().classes):
            raise NameTakenError(f"There is already a class called {name}.")
        self._edit(class_id, name=name)

    def describe_class(self, class_id: int, description: str) -> None:
        self._edit(class_id, description=description)

    def archive_class(self, class_id: int) -> None:
        kept = []
        for entry, said in self._columns():
            if entry.id == class_id:
                self.archive[entry.name] = (entry, said)
            else:
                kept.append((entry, said))
        self._set(kept)

    def set_vocabulary(self, specs: list[ClassSpec]) -> None:
        if self.refused is not None:
            raise self.refused
        here = {entry.name: (entry, said) for entry, said in self._columns()}
        wanted = []
        for place, spec in enumerate(specs):
            known = here.pop(spec.name, None) or self.archive.pop(spec.name, None)
            entry, said = known or (ClassEntry(self._free_id() + place, spec.name), None)
            wanted.append((replace(entry, description=spec.description), said))
        self.archive.update(here)
        self._set(wanted)

    def _edit(self, class_id: int, **changes: Any) -> None:
        self._set(
            [
                (replace(entry, **changes) if entry.id == class_id else entry, said)
                for entry, said in self._columns()
            ]
        )

    def _columns(self) -> list[tuple[ClassEntry, np.ndarray | None]]:
        snapshot = self.snapshot()
        return [(entry, snapshot.annotations[:, i]) for i, entry in enumerate(snapshot.classes)]

    def _free_id(self) -> int:
        return 1000 + len(self.snapshot().classes) + len(self.archive)

    def _set(self, columns: list[tuple[ClassEntry, np.ndarray | None]]) -> None:
        old = self.snapshot()
        count = len(old.images)
        unknown = np.full(count, -1, np.int8)
        said = [unknown if column is None else column for _entry, column in columns]
        self._memory.snapshot_ = replace(
            old,
            version=old.version + 1,
            classes=tuple(entry for entry, _said in columns),
            annotations=np.stack(said, 1) if said else np.empty((count, 0), np.int8),
            scores=np.full((count, len(columns)), 0.5, np.float32),
            thresholds=np.full(len(columns), 0.5, np.float32),
            trained=np.zeros(len(columns), np.bool_),
        )
        self._memory.tell(ClassesChanged())

    # ------------------------------------------------------------------------------- model

    def retrain_preflight(self) -> views.Preflight:
        return self.preflight

    def start_retrain(self, options: views.RetrainOptions) -> int:
        if self.refused is not None:
            raise self.refused
        self.started.append(options)
        return 7

    def cancel_retrain(self, run_id: int) -> None:
        self._memory.calls.append(("cancel_retrain", run_id))

    def current_run(self) -> views.RunStatus | None:
        return self.run

    def set_run(self, status: views.RunStatus) -> None:
        self.run = status
        self._memory.tell(RunChanged(status.run_id))

    def comparison(self, run_id: int) -> views.Comparison:
        if run_id != self.comparison_.run_id:
            raise KeyError(run_id)
        return self.comparison_

    def compare_versions(self, old_id: int, new_id: int) -> views.Comparison:
        if self.refused is not None:
            raise self.refused
        return replace(self.comparison_, run_id=None, version_id=new_id, old_version_id=old_id)

    def rename_version(self, version_id: int, name: str) -> None:
        self._change_version(version_id, name=name)

    def note_version(self, version_id: int, note: str) -> None:
        self._change_version(version_id, note=note)

    def _change_version(self, version_id: int, **changes: str) -> None:
        self.versions_ = [
            replace(item, **changes) if item.version_id == version_id else item
            for item in self.versions_
        ]
        self._memory.tell(VersionsChanged())

    def export_version(self, version_id: int, target: Path) -> None:
        if self.refused is not None:
            raise self.refused
        self._memory.calls.append(("export", version_id, target))

    def import_version(self, source: Path) -> ImportedVersion:
        if self.refused is not None:
            raise self.refused
        taken = replace(version(3), name=source.stem, run_id=None)
        self.versions_.insert(0, taken)
        return ImportedVersion(taken, ("owl", "fox"))

    def versions(self) -> list[views.VersionInfo]:
        return list(self.versions_)

    def promote(self, version_id: int) -> None:
        if self.refused is not None:
            raise self.refused
        self._activate(version_id)

    def roll_back(self) -> None:
        self._activate(0)

    def discard(self, version_id: int) -> None:
        found = next(item for item in self.versions_ if item.version_id == version_id)
        if found.active:
            raise ValueError("This version is in use. Choose another one first.")
        self.versions_.remove(found)
        self._memory.tell(VersionsChanged())

    def _activate(self, version_id: int) -> None:
        self.versions_ = [
            replace(item, active=item.version_id == version_id) for item in self.versions_
        ]
        self._memory.tell(VersionsChanged())

    def backbones(self) -> list[views.BackboneInfo]:
        return [
            views.BackboneInfo("lite", "Lite", "Works with no network.", 0, True),
            views.BackboneInfo(
                "ViT-B-16/openai", "CLIP ViT-B/16 (OpenAI)", "The paper's.", 598_600_000, False
            ),
        ]

    def set_backbone(self, name: str) -> None:
        self._memory.backbone = name

    def set_device(self, device: str) -> None:
        self._memory.calls.append(("set_device", device))

    def cancel(self, kind: ActivityKind) -> None:
        self._memory.calls.append(("cancel", kind))

    def setting(self, name: str, default: Any = None) -> Any:
        return self.settings.get(name, default)


def good_preflight() -> views.Preflight:
    return views.Preflight(
        ok=True,
        refusals=(),
        warnings=("3 annotated photos have not been encoded yet and are left out.",),
        annotations=1240,
        images=204,
        present_per_band={Band.HEAD: 220, Band.MEDIUM: 160, Band.TAIL: 48},
        classes_per_band={Band.HEAD: 1, Band.MEDIUM: 4, Band.TAIL: 9},
        classes_without_present=("hair drier", "toothbrush"),
        backbone="lite",
        device="CPU",
        expected_seconds=72.0,
    )


def evaluation(names: list[str], gain: float) -> Evaluation:
    results = [
        ClassResult(name, 30 - 5 * i, 8 - i, 40, None if i >= 4 else 0.7 - 0.1 * i + gain)
        for i, name in enumerate(names)
    ]
    return Evaluation(BandScores(0.55 + gain, 0.7 + gain, 0.5 + gain, None), results)


def version(version_id: int, *, active: bool = False) -> views.VersionInfo:
    if version_id == 0:
        return views.VersionInfo(0, "", "lite", active, False, 6, None, None)
    return views.VersionInfo(
        version_id,
        f"2026-11-2{version_id}T09:30:00+00:00",
        "lite",
        active,
        active,
        6,
        evaluation(["dog", "person"], 0.02 * version_id),
        5 + version_id,
    )


def make_comparison(snapshot: Snapshot) -> views.Comparison:
    names = [entry.name for entry in snapshot.classes]
    changed = tuple(
        views.ChangedPrediction(
            int(snapshot.image_ids[i]), int(snapshot.class_ids[i % 3]), 0.3, 0.8, i % 2 == 0
        )
        for i in range(6)
    )
    return views.Comparison(
        run_id=7,
        version_id=2,
        old=evaluation(names, 0.0),
        new=evaluation(names, 0.06),
        bands={name: list(Band)[i % 3] for i, name in enumerate(names)},
        changed=changed,
        changed_count=40,
        changed_images=9,
        gained=25,
        lost=15,
    )


def run_status(state: RunState, steps: int = 0, **more: Any) -> views.RunStatus:
    """A run of 100 steps that has reported ``steps`` times, ten steps apart."""
    events: list[Any] = []
    if steps:
        events.append(FitStarted(1, "lite", "CPU", 6, 80, 20, 100))
    for i in range(1, steps + 1):
        events.append(FitProgress(10 * i, 100, 2.0 / i, 1.5 / i, 2.5 / i, 10.0 * (10 - i)))
        tail = None if i < 3 else 0.2 + 0.01 * i
        scores = BandScores(0.4 + 0.01 * i, 0.5 + 0.01 * i, 0.4, tail)
        events.append(FitValidated(10 * i, scores))
    known: dict[str, Any] = {
        "version_id": None,
        "message": "",
        "log": Path("/nowhere/log.txt"),
        "started": "2026-11-23T09:30:00+00:00",
    }
    return views.RunStatus(run_id=7, state=state, events=tuple(events), **known | more)


@pytest.fixture
def session(memory_session: Any, tmp_path: Path) -> DialogSession:
    return DialogSession(memory_session, tmp_path)


@pytest.fixture
def bridge(session: DialogSession, qtbot: Any) -> SessionBridge:
    return SessionBridge(session)


@pytest.fixture
def make_run() -> Any:
    """:func:`run_status`, for tests."""
    return run_status
