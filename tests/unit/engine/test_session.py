from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id
from PIL import Image

from lmpt_desktop.catalogue import CatalogueLocked, CatalogueReadOnly
from lmpt_desktop.domain.records import ClassSpec, ImageState, Verdict
from lmpt_desktop.engine import instant
from lmpt_desktop.engine.encoding.place import EncodingPlace
from lmpt_desktop.engine.notices import (
    ActivityKind,
    AnnotationsChanged,
    ClassesChanged,
    EncoderChanged,
    ImagesChanged,
    Notice,
    PredictionsChanged,
    Problem,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.filters import ClassCondition, Filter, Sort, SortKey, select
from lmpt_desktop.settings import INSTANT
from trainer.bands import Band
from trainer.photo import UnreadablePhoto

Until = Callable[[Callable[[], object]], None]

NAMES = ["dog_1.jpg", "cat_1.jpg", "dog+cat_1.jpg", "kite_1.jpg", "bad_1.jpg"]
VOCABULARY = [ClassSpec("dog"), ClassSpec("cat"), ClassSpec("kite")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def commands(encoder_command: list[str], fit_command: list[str]) -> Commands:
    return Commands(encoder_command, fit_command)


@pytest.fixture
def open_session(tmp_path: Path, commands: Commands) -> Iterator[Callable[..., LibrarySession]]:
    sessions: list[LibrarySession] = []

    def make(**options: object) -> LibrarySession:
        settings: dict = {"commands": commands} | options
        session = LibrarySession.open(tmp_path / "library", **settings)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


def filled(session: LibrarySession, photos: Path) -> dict[str, int]:
    """A session with predictions; image ids by file name."""
    session.vocabulary.set_all(VOCABULARY)
    session.folders.add(photos)
    assert session.wait_until_idle(60)
    return ids_by_name(session)


def ids_by_name(session: LibrarySession) -> dict[str, int]:
    snapshot = session.snapshot()
    return dict(zip(snapshot.names, snapshot.image_ids.tolist(), strict=True))


def predicted(session: LibrarySession, image_id: int) -> set[str]:
    snapshot = session.snapshot()
    predicted = snapshot.predicted[snapshot.row_of[image_id]]
    return {entry.name for entry, on in zip(snapshot.classes, predicted, strict=True) if on}


def test_a_folder_is_scanned_encoded_and_predicted(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    notices: list[Notice] = []
    session.subscribe(notices.append)
    ids = filled(session, photos)
    assert predicted(session, ids["dog+cat_1.jpg"]) == {"dog", "cat"}
    assert predicted(session, ids["kite_1.jpg"]) == {"kite"}
    kinds = {type(notice) for notice in notices}
    assert {ImagesChanged, PredictionsChanged, ClassesChanged, EncoderChanged} <= kinds
    assert session.model.device == "CPU"
    assert session.snapshot().bands.bands == (Band.TAIL,) * 3


def test_nobody_misses_a_snapshot_of_which_no_notice_told(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    filled(session, photos)
    before = session.snapshot()
    session._reloader.reload_soon(spaced=False)
    assert session.wait_until_idle(60)
    assert session.snapshot() is before


@pytest.mark.parametrize("estimated", [True, False])
def test_weights_are_those_of_all_photos_in_whatever_order_they_came(
    open_session: Callable[..., LibrarySession],
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    estimated: bool,
) -> None:
    if estimated:
        monkeypatch.setenv("FAKE_ENCODER", json.dumps({"bias": None}))
    session = open_session()
    filled(session, photos)
    model, encoded = session.model, len(NAMES) - 1
    if estimated:
        assert model._calibrated_with == encoded
    model._calibrated_with = encoded - 1  # as if names had been read before the last photo
    before = session.snapshot()
    model.calibrate()
    assert session.wait_until_idle(60)
    # Nothing is computed where nothing is estimated from the photos.
    assert model._calibrated_with == (encoded if estimated else encoded - 1)
    between = session.snapshot()
    assert (between is before) is not estimated
    model.calibrate()
    assert session.wait_until_idle(60)
    assert session.snapshot() is between


def test_a_photo_that_cannot_be_encoded_is_listed_with_its_reason(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    details = session.images.details(ids["bad_1.jpg"])
    assert (details.state, details.reason) == (ImageState.UNREADABLE, "This file is not a photo.")
    snapshot = session.snapshot()
    row = snapshot.row_of[ids["bad_1.jpg"]]
    assert np.isnan(snapshot.scores[row]).all() and not snapshot.predicted[row].any()
    rows = select(session.snapshot(), Filter(state=ImageState.UNREADABLE), Sort())
    assert session.snapshot().image_ids[rows].tolist() == [ids["bad_1.jpg"]]


def test_a_second_start_predicts_without_starting_a_model(
    open_session: Callable[..., LibrarySession], photos: Path, tmp_path: Path
) -> None:
    first = open_session()
    filled(first, photos)
    scores = first.snapshot().scores
    first.close()
    starts = tmp_path / "library" / "encode" / "starts.txt"
    before = starts.read_text()
    second = open_session()
    assert second.wait_until_idle(60)
    assert np.array_equal(second.snapshot().scores, scores, equal_nan=True)
    assert starts.read_text() == before


def test_annotations_are_committed_before_the_call_returns_and_shown_at_once(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    session.settings.set(INSTANT, False)  # what it learns may soon predict what is annotated
    notices: list[Notice] = []
    session.subscribe(notices.append)
    image, dog = ids["kite_1.jpg"], class_id(session, "dog")
    session.annotations.annotate([image], [dog], Verdict.PRESENT)
    assert session.catalogue.annotations.matrix([image], [dog]).tolist() == [[1]]
    snapshot = session.snapshot()
    cell = snapshot.row_of[image], snapshot.column_of[dog]
    assert snapshot.annotations[cell] == Verdict.PRESENT
    assert snapshot.corrected[cell]
    assert AnnotationsChanged((image,)) in notices
    assert session.snapshot().bands.present.tolist() == [1, 0, 0]


def test_undo_and_redo_go_back_and_forth_any_number_of_times(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    image, dog = ids["kite_1.jpg"], class_id(session, "dog")
    session.annotations.annotate([image], [dog], Verdict.ABSENT)
    batch = session.annotations.annotate([image], [dog], Verdict.PRESENT)
    row, column = session.snapshot().row_of[image], session.snapshot().column_of[dog]
    for _ in range(3):
        session.annotations.undo(batch)
        assert session.snapshot().annotations[row, column] == 0
        session.annotations.redo(batch)
        assert session.snapshot().annotations[row, column] == 1


def test_marking_reviewed_declares_the_rest_absent_and_can_be_undone(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    image = ids["dog_1.jpg"]
    row = session.snapshot().row_of[image]
    session.annotations.annotate([image], [class_id(session, "dog")], Verdict.PRESENT)
    batch = session.annotations.mark_reviewed([image], True)
    assert session.snapshot().annotations[row].tolist() == [1, 0, 0]
    assert session.snapshot().reviewed[row]
    session.annotations.undo(batch)
    assert session.snapshot().annotations[row].tolist() == [1, -1, -1]
    assert not session.snapshot().reviewed[row]


def test_a_new_class_is_predicted_as_soon_as_its_name_is_read(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    (photos / "boat_1.jpg").write_bytes((photos / "dog_1.jpg").read_bytes()[:-2] + b"\xff\xd9")
    (entry,) = session.vocabulary.add("boat").after
    assert [item.name for item in session.snapshot().classes] == ["dog", "cat", "kite", "boat"]
    assert session.wait_until_idle(60)
    assert not np.isnan(
        session.snapshot().scores[session.snapshot().row_of[ids["dog_1.jpg"]]]
    ).any()
    session.vocabulary.rename(entry.id, "cat and dog")
    session.vocabulary.describe(entry.id, "kite")
    assert session.wait_until_idle(60)
    assert "cat and dog" in predicted(session, ids["kite_1.jpg"])
    session.vocabulary.archive([entry.id])
    assert len(session.snapshot().classes) == 3


def test_another_vocabulary_keeps_annotations_of_classes_of_the_same_name(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    session.annotations.annotate([ids["dog_1.jpg"]], [class_id(session, "dog")], Verdict.PRESENT)
    session.vocabulary.set_all([ClassSpec("boat"), ClassSpec("Dog")])
    row = session.snapshot().row_of[ids["dog_1.jpg"]]
    assert session.snapshot().annotations[row].tolist() == [-1, 1]


def test_sorting_by_score_puts_the_surest_photo_first(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    kite = class_id(session, "kite")
    wanted = Filter(classes=ClassCondition((kite,)))
    rows = select(session.snapshot(), wanted, Sort(SortKey.SCORE, kite))
    assert session.snapshot().image_ids[rows].tolist() == [ids["kite_1.jpg"]]


def test_removing_a_folder_hides_its_photos_and_adding_it_again_brings_all_back(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    dog = class_id(session, "dog")
    session.annotations.annotate([ids["dog_1.jpg"]], [dog], Verdict.PRESENT)
    (folder,) = session.folders.all()
    session.folders.remove(folder.id)
    assert session.wait_until_idle(60)
    assert len(session.snapshot().images) == 0
    session.folders.add(photos)
    assert session.wait_until_idle(60)
    row = session.snapshot().row_of[ids["dog_1.jpg"]]
    assert session.snapshot().annotations[row, 0] == 1
    assert not np.isnan(session.snapshot().scores[row]).any()


def test_a_moved_folder_is_relocated_with_everything(
    open_session: Callable[..., LibrarySession], photos: Path, tmp_path: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    session.annotations.annotate([ids["dog_1.jpg"]], [class_id(session, "dog")], Verdict.PRESENT)
    photos.rename(tmp_path / "elsewhere")
    (folder,) = session.folders.all()
    session.folders.relocate(folder.id, tmp_path / "elsewhere")
    assert session.wait_until_idle(60)
    assert session.images.path(ids["dog_1.jpg"]) == tmp_path / "elsewhere" / "dog_1.jpg"
    assert session.snapshot().annotations[session.snapshot().row_of[ids["dog_1.jpg"]], 0] == 1
    assert session.images.details(ids["dog_1.jpg"]).state is ImageState.OK


def test_a_photo_is_shown_while_its_place_has_the_picture_that_was_scanned(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    session.activities.pause(ActivityKind.SCAN)
    commented, replaced, gone = (photos / f"{name}_1.jpg" for name in ("dog", "cat", "kite"))
    data = commented.read_bytes()
    commented.write_bytes(data[:2] + b"\xff\xfe\0\x07hello" + data[2:])
    assert session.images.path_of_picture(ids[commented.name]) == commented
    replaced.write_bytes(data)
    with pytest.raises(UnreadablePhoto, match="has changed"):
        session.images.path_of_picture(ids[replaced.name])
    session.catalogue.images.mark_missing([ids[gone.name]])
    with pytest.raises(UnreadablePhoto, match="missing"):
        session.images.path_of_picture(ids[gone.name])


def test_photos_that_appear_and_vanish_are_found_by_a_rescan(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    (photos / "cat_1.jpg").unlink()
    Image.new("RGB", (50, 50), "red").save(photos / "kite_2.jpg")
    session.folders.rescan()
    assert session.wait_until_idle(60)
    assert session.images.details(ids["cat_1.jpg"]).state is ImageState.MISSING
    assert predicted(session, ids_by_name(session)["kite_2.jpg"]) == {"kite"}


def test_a_folder_that_is_gone_is_reported_and_its_photos_are_missing(
    open_session: Callable[..., LibrarySession], photos: Path, tmp_path: Path
) -> None:
    session = open_session()
    ids = filled(session, photos)
    heard: list[Notice] = []
    session.subscribe(heard.append)
    photos.rename(tmp_path / "elsewhere")
    session.folders.rescan()
    assert session.wait_until_idle(60)
    assert session.images.details(ids["dog_1.jpg"]).state is ImageState.MISSING
    (problem,) = [notice for notice in heard if isinstance(notice, Problem)]
    assert str(photos) in problem.title
    assert "missing" in problem.message
    assert not np.isnan(
        session.snapshot().scores[session.snapshot().row_of[ids["dog_1.jpg"]]]
    ).any()


def test_a_scan_can_be_paused_resumed_and_cancelled(
    open_session: Callable[..., LibrarySession], photos: Path, until: Until
) -> None:
    session = open_session(encode=False)
    session.activities.pause(ActivityKind.SCAN)
    session.folders.add(photos)
    assert not session.wait_until_idle(0.3)
    assert len(session.snapshot().images) == 0
    session.activities.resume(ActivityKind.SCAN)
    until(lambda: len(session.snapshot().images) == len(NAMES))
    session.activities.pause(ActivityKind.SCAN)
    Image.new("RGB", (50, 50), "red").save(photos / "kite_2.jpg")
    session.folders.rescan()
    session.activities.cancel(ActivityKind.SCAN)
    assert session.wait_until_idle(30)


def test_a_paused_encoder_waits_and_a_resumed_one_finishes(
    open_session: Callable[..., LibrarySession], photos: Path, until: Until
) -> None:
    session = open_session()
    session.vocabulary.set_all(VOCABULARY)
    session.activities.pause(ActivityKind.ENCODE)
    session.folders.add(photos)
    until(lambda: len(session.snapshot().images) == len(NAMES))
    assert not session.wait_until_idle(0.5)
    assert np.isnan(session.snapshot().scores).all()
    session.activities.resume(ActivityKind.ENCODE)
    assert session.wait_until_idle(60)
    assert not np.isnan(session.snapshot().scores).all()


def test_a_cancelled_encoder_stays_quiet_until_asked_again(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    session.vocabulary.set_all(VOCABULARY)
    session.activities.pause(ActivityKind.ENCODE)
    session.folders.add(photos)
    session.activities.cancel(ActivityKind.ENCODE)
    session.folders.rescan()
    assert session.wait_until_idle(60)
    assert np.isnan(session.snapshot().scores).all()
    session.activities.resume(ActivityKind.ENCODE)
    assert session.wait_until_idle(60)
    assert not np.isnan(session.snapshot().scores).all()


def test_a_backbone_named_when_opening_is_used_but_not_remembered(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session(backbone="other")
    filled(session, photos)
    assert session.model.backbone == "other"
    session.close()
    assert open_session().model.backbone == "lite"


def test_without_an_encoder_the_library_still_opens_and_takes_annotations(
    open_session: Callable[..., LibrarySession], photos: Path, tmp_path: Path
) -> None:
    session = open_session(encode=False)
    ids = filled(session, photos)
    assert np.isnan(session.snapshot().scores).all()
    session.annotations.annotate([ids["dog_1.jpg"]], [class_id(session, "dog")], Verdict.PRESENT)
    assert not (tmp_path / "library" / "encode" / "starts.txt").exists()


def test_a_backbone_that_cannot_be_had_leaves_the_old_one_in_use(
    open_session: Callable[..., LibrarySession],
    photos: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"fail": {"ViT-B-16/openai": "no-network"}}))
    session = open_session()
    ids = filled(session, photos)
    problems: list[Problem] = []
    session.subscribe(lambda n: problems.append(n) if isinstance(n, Problem) else None)
    session.model.set_backbone("ViT-B-16/openai")
    until(lambda: problems)
    assert "Lite stays in use" in problems[0].message
    assert session.model.backbone == "lite"
    assert predicted(session, ids["kite_1.jpg"]) == {"kite"}


def test_another_backbone_encodes_again_and_going_back_does_not(
    open_session: Callable[..., LibrarySession], photos: Path, until: Until
) -> None:
    session = open_session()
    ids = filled(session, photos)
    session.model.set_backbone("other")
    until(lambda: session.model.backbone == "other")
    assert session.wait_until_idle(60)
    assert predicted(session, ids["kite_1.jpg"]) == {"kite"}
    assert session.catalogue.features.backbones().keys() == {"lite", "other"}
    session.model.set_backbone("lite")
    until(lambda: session.model.backbone == "lite")
    assert session.wait_until_idle(60)
    assert predicted(session, ids["kite_1.jpg"]) == {"kite"}


def test_the_backbone_in_use_is_remembered(
    open_session: Callable[..., LibrarySession], photos: Path, until: Until
) -> None:
    session = open_session()
    filled(session, photos)
    session.model.set_backbone("other")
    until(lambda: session.model.backbone == "other")
    session.close()
    assert open_session().model.backbone == "other"


def test_a_backbone_without_a_bias_is_calibrated_on_the_library(
    open_session: Callable[..., LibrarySession], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"bias": None}))
    session = open_session()
    ids = filled(session, photos)
    assert predicted(session, ids["dog+cat_1.jpg"]) >= {"dog", "cat"}


def test_annotations_survive_a_kill_right_after_the_call(
    open_session: Callable[..., LibrarySession], photos: Path, tmp_path: Path
) -> None:
    first = open_session(encode=False)
    ids = filled(first, photos)
    dog = class_id(first, "dog")
    first.close()
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from lmpt_desktop.engine.session import LibrarySession\n"
        "session = LibrarySession.open(Path(sys.argv[1]), encode=False)\n"
        f"session.annotations.annotate({list(ids.values())!r}, [{dog}], 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "library")], check=False)
    again = open_session(encode=False)
    assert (again.snapshot().annotations[:, again.snapshot().column_of[dog]] == 1).all()


def test_two_windows_cannot_have_one_library_open(
    open_session: Callable[..., LibrarySession],
) -> None:
    open_session()
    with pytest.raises(CatalogueLocked):
        open_session()


def test_a_listener_that_fails_does_not_stop_the_others(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session()
    heard: list[Notice] = []

    def broken(_: Notice) -> None:
        raise RuntimeError

    session.subscribe(broken)
    unsubscribe = session.subscribe(heard.append)
    session.vocabulary.set_all(VOCABULARY)
    assert any(isinstance(notice, ClassesChanged) for notice in heard)
    unsubscribe()
    count = len(heard)
    session.vocabulary.add("boat")
    assert len(heard) == count


def test_where_photos_are_encoded_is_said_and_a_refusal_is_a_problem(
    open_session: Callable[..., LibrarySession], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session()
    heard: list[Notice] = []
    session.subscribe(heard.append)
    session.model.set_place(EncodingPlace("other"))
    filled(session, photos)
    assert session.model.device == "H200 · other"
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"place": "refused"}))
    session.model.set_place(EncodingPlace("third"))
    assert session.model.encode_words(["a dog"]) is not None
    assert session.wait_until_idle(60)
    assert session.model.device == "CPU"
    [problem] = [notice for notice in heard if isinstance(notice, Problem)]
    assert problem.message == "third cannot be used for it: So it is."


def test_the_session_imports_neither_torch_nor_qt() -> None:
    code = (
        "import sys, lmpt_desktop.engine.session\n"
        "heavy = {'torch', 'open_clip', 'timm', 'PySide6', 'torchvision'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_around_one_that_waits_to_be_scanned_takes_its_place_without_a_problem(
    open_session: Callable[..., LibrarySession], photos: Path
) -> None:
    session = open_session(encode=False)
    heard: list[Notice] = []
    session.subscribe(heard.append)
    session.activities.pause(ActivityKind.SCAN)
    session.folders.add(photos)
    around = session.folders.add(photos.parent)
    session.activities.resume(ActivityKind.SCAN)
    assert session.wait_until_idle(60)
    assert not [notice for notice in heard if isinstance(notice, Problem)]
    assert set(session.snapshot().images.folder_ids.tolist()) == {around.id}
    assert {name.rpartition("/")[2] for name in session.snapshot().names} == set(NAMES)


def test_a_library_on_a_disk_without_locks_is_shown_and_not_changed(
    open_session: Callable[..., LibrarySession], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session() as session:
        session.vocabulary.set_all(VOCABULARY)
        session.folders.add(photos)
        assert session.wait_until_idle(60)
        scores = session.snapshot().scores.copy()

    def no_lock(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("lmpt_desktop.catalogue.locks.try_lock", no_lock)
    monkeypatch.setattr("lmpt_desktop.catalogue.locks.locks_work", lambda _folder: False)
    Image.new("RGB", (30, 30)).save(photos / "kite_2.jpg")
    notices: list[Notice] = []
    with open_session(listener=notices.append) as session:
        assert session.wait_until_idle(60)
        snapshot = session.snapshot()
        assert sorted(snapshot.names) == sorted(NAMES)
        np.testing.assert_array_equal(snapshot.scores, scores)
        image = int(snapshot.image_ids[0])
        with pytest.raises(CatalogueReadOnly, match="open for reading only"):
            session.annotations.annotate([image], [class_id(session, "dog")], Verdict.PRESENT)
        assert session.folders.add(photos).path == photos
        assert not session.catalogue.annotations.counts()
    problems = [notice for notice in notices if isinstance(notice, Problem)]
    assert [problem.title for problem in problems] == ["The library is open for reading only"]
    assert "does not support file locks" in problems[0].message


def test_nobody_waits_for_instant_learning_where_nothing_is_annotated(
    open_session: Callable[..., LibrarySession], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "FEATURES_SECONDS", 3600.0)
    filled(open_session(), photos)
