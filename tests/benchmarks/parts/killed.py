"""What a process of ``kill.py`` does until it is killed, and how its library is examined."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from annotated_library import write
from catalogue_0003 import write_third_catalogue
from import_model import survey_of
from photo_bytes import picture, written

from lmpt_desktop.catalogue import Catalogue, RunState, backups
from lmpt_desktop.catalogue.opening import CATALOGUE_NAME
from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.interchange.exports import ExportChoices
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.interchange.importing.choices import ImportChoices
from lmpt_desktop.interchange.record import ClassRecord, ImageRecord, NotListed
from trainer import prompt_set as prompt_sets

SUPPORT = Path(__file__).parents[2] / "support"
FAKES = Commands(
    encode=(sys.executable, str(SUPPORT / "fake_encoder.py")),
    fit=(sys.executable, str(SUPPORT / "fake_fit.py")),
)
CLASSES = tuple(ClassSpec(name) for name in ("dog", "person", "kite", "cup", "boat"))
NAMES = tuple(f"{name.name}_{number}.jpg" for number in range(12) for name in CLASSES)
WINDOW = "window"
KINDS = (
    "verdict", "batch", "review", "undo", "scan", "migration", "backup", "run", "import", "export",
)  # fmt: skip
EXPORTED = "csv-wide"
SLOW = {"migration": 0.25, "run": 0.6, "scan": 0.2, "import": 0.15, "export": 0.1, WINDOW: 0.05}
"""Seconds that one takes, where it is more than a commit."""


@dataclass(frozen=True)
class Base:
    """A library with photos, features and a few verdicts, and one of an earlier version."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Base:
        """In a process of its own: nobody who forks may have threads."""
        pid = os.fork()
        if not pid:
            code = 1
            try:
                _make_library(folder)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return cls(folder)

    def copy(self, place: Path) -> Path:
        """A copy; the photos' folder is put in its place, as the catalogue has it."""
        shutil.copytree(self.folder, place)
        for name in ("library", "old"):
            with closing(sqlite3.connect(place / name / CATALOGUE_NAME)) as db, db:
                db.execute("UPDATE folders SET path = ?", (str(place / "photos"),))
        return place


def _make_library(folder: Path) -> None:
    photos = folder / "photos"
    paths = [photos / name for name in NAMES]
    for number, path in enumerate(paths):
        write(path, written(picture(number), ".jpg"))
    with LibrarySession.open(folder / "library", commands=FAKES, begin=False) as session:
        session.vocabulary.set_all(CLASSES)
        session.begin()
        session.folders.add(photos)
        assert session.wait_until_idle(120)
        ids = session.snapshot().image_ids
        classes = session.snapshot().class_ids
        for row, image_id in enumerate(ids.tolist()):
            session.annotations.annotate([image_id], [int(classes[row % 5])], Verdict.PRESENT)
            session.annotations.annotate([image_id], [int(classes[(row + 1) % 5])], Verdict.ABSENT)
    write_third_catalogue(folder / "old", photos, paths)


class _Reporter:
    """Writes to the parent, a line at once."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def say(self, **what: object) -> None:
        os.write(self._pipe, (json.dumps(what) + "\n").encode())


def verdicts_digest(session: LibrarySession) -> str:
    """Names all verdicts and marks of a session, by image and class."""
    snapshot = session.snapshot()
    row, column = np.nonzero(snapshot.annotations >= 0)
    cells = np.stack(
        [
            snapshot.image_ids[row],
            snapshot.class_ids[column],
            snapshot.annotations[row, column].astype(np.int64),
        ],
        axis=1,
    )
    return _digest(set(map(tuple, cells.tolist())), set(snapshot.image_ids[snapshot.reviewed]))


def _digest(cells: set[Any], marks: set[Any]) -> str:
    text = json.dumps([sorted(map(list, cells)), sorted(map(int, marks))])
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# ------------------------------------------------------------------------------------- working


def work(place: Path, kind: str, seed: int, pipe: int) -> None:
    """Until killed."""
    chance, reporter = random.Random(seed), _Reporter(pipe)
    if kind == "migration":
        reporter.say(begin=kind)
        # Later ones find it migrated, and are killed while it is opened.
        for _ in range(50):
            Catalogue.open(place / "old", exclusive=True).close()
            reporter.say(kind=kind)
            reporter.say(begin=kind)
        return
    if kind == WINDOW:
        _work_in_window(place, chance, reporter)
        return
    with LibrarySession.open(place / "library", commands=FAKES, encode=False) as session:
        session.wait_until_idle(60)
        worker = _Worker(session, place, chance, reporter)
        while True:
            # Every other act is of the kind that is looked at.
            worker.act(kind if chance.random() < 0.5 else chance.choice(("verdict", "undo", kind)))


class _Worker:
    def __init__(
        self, session: LibrarySession, place: Path, chance: random.Random, reporter: _Reporter
    ) -> None:
        self._session, self._place = session, place
        self._chance, self._reporter = chance, reporter
        self._random = np.random.default_rng(chance.randrange(1 << 30))
        self._number = 0
        self._acts: dict[str, Callable[[], dict[str, object]]] = {
            "verdict": self._verdict,
            "batch": self._batch,
            "review": self._review,
            "undo": self._undo,
            "scan": self._scan,
            "backup": self._backup,
            "run": self._run,
            "import": self._import,
            "export": self._export,
        }

    def act(self, kind: str) -> None:
        self._number += 1
        self._reporter.say(begin=kind)
        made = self._acts[kind]()
        self._reporter.say(kind=kind, **made)

    def _committed(self, batch_id: int) -> dict[str, object]:
        return {"batch": batch_id, "digest": verdicts_digest(self._session)}

    def _verdict(self) -> dict[str, object]:
        snapshot = self._session.snapshot()
        image, klass = (
            self._chance.choice(snapshot.image_ids),
            self._chance.choice(snapshot.class_ids),
        )
        verdict = Verdict(self._chance.choice((-1, 0, 1)))
        made = self._session.annotations.annotate([int(image)], [int(klass)], verdict)
        return self._committed(made.id)

    def _batch(self) -> dict[str, object]:
        snapshot = self._session.snapshot()
        count = self._chance.randrange(20, 400)
        made = self._session.annotations.apply(
            self._random.choice(snapshot.image_ids, count),
            self._random.choice(snapshot.class_ids, count),
            self._random.integers(-1, 2, count).astype(np.int8),
        )
        return self._committed(made.id)

    def _review(self) -> dict[str, object]:
        ids = self._session.snapshot().image_ids.tolist()
        some = self._chance.sample(ids, self._chance.randrange(1, len(ids)))
        made = self._session.annotations.mark_reviewed(some, self._chance.random() < 0.6)
        return self._committed(made.id)

    def _undo(self) -> dict[str, object]:
        annotations = self._session.annotations
        history = annotations.history()
        done = [item for item in history if item.done]
        undone = [item for item in history if not item.done]
        if undone and self._chance.random() < 0.5:
            return self._committed(annotations.redo(undone[0].id).id)
        if not done:
            return self._verdict()
        return self._committed(annotations.undo(done[-1].id).id)

    def _scan(self) -> dict[str, object]:
        """A new photo, and one with another name."""
        new = self._place / "photos" / f"new_{self._number}.jpg"
        write(new, written(picture(1000 + self._number), ".jpg"))
        old = self._chance.choice(sorted((self._place / "photos").glob("*.jpg")))
        renamed = old.with_name(f"r{self._number}_{old.name}")
        old.rename(renamed)
        self._session.folders.rescan()
        if not self._session.wait_until_idle(60):
            raise RuntimeError("the scan did not end")
        return {"photos": sorted(path.name for path in (self._place / "photos").glob("*.jpg"))}

    def _backup(self) -> dict[str, object]:
        copy = backups.back_up(self._session.library_folder / CATALOGUE_NAME, "daily")
        kept = backups.existing(self._session.library_folder, "daily")
        return {"copies": [path.name for path in kept], "newest": copy.name}

    def _run(self) -> dict[str, object]:
        training = self._session.training
        run_id = training.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            stored = self._session.catalogue.prompt_sets.all()
            now = training.current_run()
            if (
                any(item.run_id == run_id for item in stored)
                and now
                and now.state is not RunState.RUNNING
            ):
                break
            time.sleep(0.01)
        else:
            raise RuntimeError("the run did not end")
        return {"run": run_id, "versions": [item.id for item in stored]}

    def _import(self) -> dict[str, object]:
        session = self._session
        names = session.snapshot().names
        listed = (ClassRecord(f"class {self._number}", Verdict.PRESENT),)
        file = [ImageRecord(name, listed if i < 9 else ()) for i, name in enumerate(names)]
        choices = ImportChoices(add_classes=True, not_listed=NotListed.ABSENT_IN_FILE)
        session.imports.apply(session.imports.preview(survey_of(file), choices))
        return self._committed(_newest_batch(session)) | {"class": f"class {self._number}"}

    def _export(self) -> dict[str, object]:
        out = self._place / f"export {self._number % 3}.csv"
        self._session.exports.write(ExportChoices(EXPORTED), out, replace=True)
        return {"out": out.name, "rows": len(self._session.snapshot().images)}


def _newest_batch(session: LibrarySession) -> int:
    with closing(sqlite3.connect(session.library_folder / CATALOGUE_NAME)) as db:
        return int(db.execute("SELECT max(id) FROM batches").fetchone()[0])


def _work_in_window(place: Path, chance: random.Random, reporter: _Reporter) -> None:
    """Keys in the grid of the real window: present, absent, unknown, undo."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from lmpt_desktop import app
    from lmpt_desktop.engine import network
    from lmpt_desktop.ui.shell.settings import ComputerSettings
    from lmpt_desktop.ui.window.library_opening import LibraryOpener

    network.may_be_online = lambda: False
    application = app.make_application()
    opener = LibraryOpener(lambda path: app.open_session(path, commands=FAKES, classes=CLASSES))
    window = app.make_window(ComputerSettings(place / "window.ini"), opener)
    window.resize(1280, 800)
    window.show()
    app.start(window, argparse.Namespace(folders=[], library=place / "library"))
    deadline = time.monotonic() + 60
    present = window.commands.action("image.present")
    while time.monotonic() < deadline:
        application.processEvents()
        page = window.page
        if page is not None and page.panel.model.rowCount() and present.isEnabled():
            break
    page = window.page
    if page is None:
        raise RuntimeError("the library was not opened")
    committed: list[object] = []
    stack = page.undo_stack
    stack.committed.connect(committed.append)
    stack.undone.connect(committed.append)
    classes = [int(i) for i in page.session.snapshot().class_ids]
    keys = (Qt.Key.Key_P, Qt.Key.Key_A, Qt.Key.Key_P, Qt.Key.Key_A, Qt.Key.Key_U)
    while True:
        image_id = page.panel.model.image_id(chance.randrange(page.panel.model.rowCount()))
        page.grid.select_ids([image_id], image_id)
        application.processEvents()
        page.inspector.focus_class(chance.choice(classes))
        application.processEvents()
        reporter.say(begin=WINDOW)
        if chance.random() < 0.15 and stack.can_undo:
            stack.undo()
        else:
            QTest.keyClick(page.grid, chance.choice(keys))
        deadline = time.monotonic() + 2
        while stack.busy and time.monotonic() < deadline:
            application.processEvents()
        if committed:
            batch = _newest_batch(page.session)
            reporter.say(kind=WINDOW, batch=batch, digest=verdicts_digest(page.session))
            committed.clear()


# ----------------------------------------------------------------------------------- examining


def examine(place: Path, lines: list[Any], pipe: int) -> None:
    """Open the library that was killed and say what is missing of what was acknowledged."""
    reporter = _Reporter(pipe)
    done = [line for line in lines if "kind" in line]
    migrating = any(line.get("begin") == "migration" for line in lines)
    library = place / ("old" if migrating else "library")
    began = time.perf_counter()
    session = LibrarySession.open(library, commands=FAKES, encode=False, begin=False)
    seconds = time.perf_counter() - began
    lost: list[str] = []
    faults: list[str] = []
    try:
        soundness = session.catalogue.check_soundness()
        if not soundness.sound:
            faults.append(f"not sound: {soundness}")
        if migrating:
            snapshot = session.snapshot()
            kept = int((snapshot.annotations == 1).sum())
            if kept != len(NAMES):
                lost.append("migration")
                faults.append(f"{kept} of {len(NAMES)} annotations after the migration")
        _examine_changes(library, done, lost, faults)
        newest = {line["kind"]: line for line in done}
        for line in newest.values():
            _examine_files(place, session, line, (lost, faults))
    finally:
        session.close()
    reporter.say(seconds=seconds, lost=lost, faults=faults)


def _examine_changes(library: Path, done: list[Any], lost: list[str], faults: list[str]) -> None:
    changes = [line for line in done if "digest" in line]
    if not changes:
        return
    last = changes[-1]
    with closing(sqlite3.connect(library / CATALOGUE_NAME)) as db:
        newest = db.execute("SELECT max(id) FROM batches").fetchone()[0]
        names = {row[0] for row in db.execute("SELECT name FROM classes")}
        cells, marks = _state_after(db, last["batch"])
    if newest < last["batch"] or _digest(cells, marks) != last["digest"]:
        lost.append(last["kind"])
        faults.append(f"batch {last['batch']} is not as acknowledged (newest {newest})")
    for line in changes:
        if "class" in line and line["class"] not in names:
            lost.append("import")
            faults.append(f"{line['class']} is gone")


def _state_after(db: sqlite3.Connection, batch: int) -> tuple[set[Any], set[Any]]:
    """Verdicts (image, class, verdict) and marked images by the journal up to a batch, of what is
    in view.  Read without the code under test."""
    sets = {
        key: [int(i) for i in classes.split(",")]
        for key, classes in db.execute("SELECT id, classes FROM class_sets")
    }
    stored: dict[tuple[int, int], int | None] = {}
    marks: dict[int, Any] = {}
    for row in db.execute(
        "SELECT image_id, class_id, before_verdict, after_verdict, after_source, class_set_id, "
        "besides FROM journal WHERE batch_id <= ? ORDER BY id",
        (batch,),
    ):
        image, klass, before, after, source, set_id, besides = row
        if klass is not None:
            stored[image, klass] = after
            continue
        if before != after:
            marks[image] = after
        if set_id is not None:
            left_out = {int(i) for i in besides.split(",") if i}
            for member in sets[set_id]:
                if member not in left_out:
                    stored[image, member] = 0 if source else None
    cells = {(*cell, verdict) for cell, verdict in stored.items() if verdict is not None}
    return cells, {image for image, mark in marks.items() if mark is not None}


def _examine_files(
    place: Path, session: LibrarySession, line: Any, found: tuple[list[str], list[str]]
) -> None:
    """What the newest acknowledged act of a kind has left on the disk."""
    lost, faults = found
    if line["kind"] == "scan":
        paths = session.catalogue.images.paths(session.snapshot().image_ids)
        missing = set(line["photos"]) - {path.name for path in paths}
        # Those that a later scan, which was killed, has renamed since.
        missing = {name for name in missing if (place / "photos" / name).exists()}
        if missing:
            lost.append("scan")
            faults.append(f"scanned, but not in the library: {sorted(missing)[:3]}")
    if line["kind"] == "backup":
        copy = session.library_folder / backups.FOLDER / line["newest"]
        with closing(sqlite3.connect(copy)) as db:
            if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                lost.append("backup")
                faults.append(f"{copy.name} is damaged")
    if line["kind"] == "run":
        state = session.catalogue.runs.get(line["run"]).state
        stored = {item.id: item.folder for item in session.catalogue.prompt_sets.all()}
        for number in line["versions"]:
            if number not in stored:
                lost.append("run")
                faults.append(f"version {number} of a run that is {state} is gone")
            else:
                prompt_sets.load(stored[number])
    if line["kind"] == "export":
        # A later one, which was killed, replaces it by a whole file or not at all.
        rows = (place / line["out"]).read_text(encoding="utf-8").splitlines()
        if len(rows) != 1 + line["rows"]:
            lost.append("export")
            faults.append(f"{line['out']} has {len(rows)} lines")
