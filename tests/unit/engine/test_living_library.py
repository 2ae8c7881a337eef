"""A library that changes while it is open: on disk, by other processes, and by being killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ClassSpec, ImageState
from lmpt_desktop.engine import external_changes as outside
from lmpt_desktop.engine import folders
from lmpt_desktop.engine.model_service import _ServiceSink
from lmpt_desktop.engine.notices import AnnotationsChanged, FoldersChanged, Notice
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.ingest.watch import FolderWatch
from lmpt_desktop.settings import PACE, Pace
from trainer.events import PhotoFailure

Until = Callable[..., None]
VOCABULARY = [ClassSpec("dog"), ClassSpec("cat")]


def draw(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        seed = sum(name.encode())
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def commands(encoder_command: list[str], fit_command: list[str]) -> Commands:
    return Commands(encoder_command, fit_command)


@pytest.fixture
def open_session(tmp_path: Path, commands: Commands) -> Iterator[Callable[..., LibrarySession]]:
    sessions: list[LibrarySession] = []

    def make() -> LibrarySession:
        session = LibrarySession.open(tmp_path / "library", commands=commands)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watches tell of changes after 0.2 s."""
    monkeypatch.setattr(folders, "FolderWatch", partial(FolderWatch, quiet_seconds=0.2))


def opened(session: LibrarySession, photos: Path, until: Until) -> dict[str, int]:
    """The session with these photos encoded and watched; image ids by name."""
    session.vocabulary.set_all(VOCABULARY)
    session.folders.add(photos)
    assert session.wait_until_idle(60)
    watch = session.folders._watch
    assert watch is not None
    until(lambda: watch.settled)
    if session.folders.watch_notes():
        pytest.skip("folders cannot be watched here")
    return ids(session)


def ids(session: LibrarySession) -> dict[str, int]:
    snapshot = session.snapshot()
    return dict(zip(snapshot.names, snapshot.image_ids.tolist(), strict=True))


def scored(session: LibrarySession) -> set[str]:
    snapshot = session.snapshot()
    there = ~np.atleast_1d(np.isnan(snapshot.scores).any(axis=1))
    return {name for name, has in zip(snapshot.names, there, strict=True) if has}


@pytest.mark.usefixtures("quick_watch")
def test_photos_put_into_a_folder_are_found_encoded_and_predicted_by_themselves(
    open_session: Callable[..., LibrarySession], tmp_path: Path, until: Until
) -> None:
    photos = draw(tmp_path / "photos", "dog_1.png")
    session = open_session()
    opened(session, photos, until)
    draw(photos, "cat_1.png")
    draw(photos / "new" / "deep", "cat_2.png")
    until(lambda: scored(session) == {"dog_1.png", "cat_1.png", "new/deep/cat_2.png"})


@pytest.mark.usefixtures("quick_watch")
def test_a_photo_moved_while_the_library_is_open_keeps_verdicts_and_feature(
    open_session: Callable[..., LibrarySession], tmp_path: Path, until: Until
) -> None:
    photos = draw(tmp_path / "photos", "dog_1.png", "cat_1.png")
    session = open_session()
    before = opened(session, photos, until)
    dog = session.snapshot().classes[0].id
    session.annotations.annotate([before["dog_1.png"]], [dog], 1)  # type: ignore[arg-type]
    (photos / "sub").mkdir()
    (photos / "dog_1.png").rename(photos / "sub" / "cat_9.png")
    until(lambda: "sub/cat_9.png" in ids(session))
    assert ids(session)["sub/cat_9.png"] == before["dog_1.png"]
    assert session.wait_until_idle(60)
    snapshot = session.snapshot()
    cell = snapshot.row_of[before["dog_1.png"]], snapshot.column_of[dog]
    assert snapshot.annotations[cell] == 1
    assert len(session.catalogue.features.missing("lite")) == 0
    shutil.rmtree(photos / "sub")
    image_id = before["dog_1.png"]
    until(lambda: session.images.details(image_id).state is ImageState.MISSING)
    assert len(ids(session)) == 2


_OTHER = """
import sys
from pathlib import Path
from lmpt_desktop.engine.session import Commands, LibrarySession
with LibrarySession.open(
    Path(sys.argv[1]), exclusive=False, folders=[Path(sys.argv[2])],
    commands=Commands([sys.executable, sys.argv[3]]),
) as session:
    assert session.wait_until_idle(60)
"""


def test_photos_added_by_another_process_appear_with_predictions_and_are_not_encoded_again(
    open_session: Callable[..., LibrarySession],
    tmp_path: Path,
    until: Until,
    encoder_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outside, "CHECK_SECONDS", 0.1)
    session = open_session()
    notices: list[Notice] = []
    session.subscribe(notices.append)
    opened(session, draw(tmp_path / "photos", "dog_1.png"), until)
    notices.clear()
    other = draw(tmp_path / "other", "cat_1.png", "cat_2.png")
    encoded: list[int] = []
    keep = session.catalogue.features.append
    monkeypatch.setattr(
        session.catalogue.features,
        "append",
        lambda b, i, f, w=None: (encoded.extend(i.tolist()), keep(b, i, f, w)),
    )
    arguments = [str(tmp_path / "library"), str(other), encoder_command[1]]
    subprocess.run([sys.executable, "-c", _OTHER, *arguments], check=True)
    until(lambda: scored(session) == {"dog_1.png", "cat_1.png", "cat_2.png"})
    assert any(isinstance(notice, FoldersChanged) for notice in notices)
    assert encoded == []
    cat = session.snapshot().column_of[session.snapshot().classes[1].id]
    row = session.snapshot().row_of[ids(session)["cat_1.png"]]
    assert session.snapshot().scores[row, cat] > 0.5


_ANNOTATE = """
import sys
from pathlib import Path
from lmpt_desktop.catalogue import Catalogue, Change
from lmpt_desktop.domain.records import Source
with Catalogue.open(Path(sys.argv[1])) as catalogue:
    change = Change(int(sys.argv[2]), int(sys.argv[3]), 1)
    catalogue.annotations.apply([change], Source.USER)
"""


def test_verdicts_of_another_process_are_shown(
    open_session: Callable[..., LibrarySession],
    tmp_path: Path,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outside, "CHECK_SECONDS", 0.1)
    session = open_session()
    notices: list[Notice] = []
    session.subscribe(notices.append)
    image_id = opened(session, draw(tmp_path / "photos", "dog_1.png"), until)["dog_1.png"]
    arguments = [str(tmp_path / "library"), str(image_id), str(session.snapshot().classes[1].id)]
    subprocess.run([sys.executable, "-c", _ANNOTATE, *arguments], check=True)
    until(lambda: session.snapshot().annotations.tolist() == [[-1, 1]])
    until(lambda: any(isinstance(notice, AnnotationsChanged) for notice in notices))


_ENCODING = """
import sys
from pathlib import Path
from lmpt_desktop.engine.session import Commands, LibrarySession
session = LibrarySession.open(
    Path(sys.argv[1]), commands=Commands([sys.executable, sys.argv[3]])
)
session.folders.add(Path(sys.argv[2]))
session.wait_until_idle(120)
"""


def test_a_killed_app_loses_at_most_the_chunks_on_their_way_and_goes_on_by_itself(
    open_session: Callable[..., LibrarySession],
    tmp_path: Path,
    until: Until,
    encoder_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos = draw(tmp_path / "photos", *(f"dog_{i}.png" for i in range(80)))
    library = tmp_path / "library"
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"seconds_per_photo": 0.05}))
    arguments = [str(library), str(photos), encoder_command[1]]
    app = subprocess.Popen([sys.executable, "-c", _ENCODING, *arguments])
    with Catalogue.open(library) as catalogue:
        until(lambda: len(catalogue.features.ids("lite")) >= 16, 120)
        app.send_signal(signal.SIGKILL)
        app.wait()
        kept = catalogue.features.ids("lite")
    assert 16 <= len(kept) < 80
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    starts = library / "encode" / "starts.txt"
    starts.unlink(missing_ok=True)
    encoded: list[int] = []
    session = open_session()
    keep = session.catalogue.features.append
    monkeypatch.setattr(
        session.catalogue.features,
        "append",
        lambda b, i, f, w=None: (encoded.extend(i.tolist()), keep(b, i, f, w)),
    )
    assert session.wait_until_idle(60)
    assert session.catalogue.features.ids("lite") == set(ids(session).values())
    assert not kept & set(encoded)


def test_the_pace_is_remembered_and_the_first_encoder_keeps_to_it(
    open_session: Callable[..., LibrarySession], tmp_path: Path
) -> None:
    first = open_session()
    first.settings.set(PACE, Pace.GENTLE)
    first.close()
    starts = tmp_path / "library" / "encode" / "starts.txt"
    starts.unlink(missing_ok=True)
    session = open_session()
    session.folders.add(draw(tmp_path / "photos", "dog_1.png"))
    assert session.wait_until_idle(60)
    assert starts.read_text().splitlines() == ["lite gently"]


def test_what_was_encoded_before_the_picture_changed_is_not_kept(
    open_session: Callable[..., LibrarySession], tmp_path: Path, until: Until
) -> None:
    """It is the feature of another picture, and would decide whose the annotations are."""
    photos = draw(tmp_path / "photos", "a.png", "b.png")
    session = open_session()
    session.vocabulary.set_all(VOCABULARY)
    folder = session.folders.add(photos)
    assert session.wait_until_idle(60)
    sink = _ServiceSink(session.model, session.model.backbone)
    ids = session.snapshot().image_ids
    _, before = session.catalogue.features.load(session.model.backbone)
    assert sink.photo_paths(ids.tolist()) == [photos / "a.png", photos / "b.png"]
    draw(tmp_path / "other", "c.png")
    shutil.copyfile(tmp_path / "other" / "c.png", photos / "a.png")
    session.folders.rescan(folder.id)
    assert session.wait_until_idle(60)
    sink.photos_encoded(ids, -before, None)
    _, kept = session.catalogue.features.load(session.model.backbone)
    np.testing.assert_array_equal(kept[0], before[0])
    np.testing.assert_array_equal(kept[1], -before[1])
    sink.photo_paths(ids.tolist())
    shutil.copyfile(photos / "b.png", photos / "a.png")
    session.folders.rescan(folder.id)
    assert session.wait_until_idle(60)
    sink.photos_failed([PhotoFailure(int(image_id), "It was damaged.") for image_id in ids])
    until(lambda: session.snapshot().states.tolist() == [ImageState.OK, ImageState.UNREADABLE])
