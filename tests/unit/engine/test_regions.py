from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_encoder import MAP_BOX
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, ImageState
from lmpt_desktop.engine import regions
from lmpt_desktop.engine.session import Commands, LibrarySession
from trainer.box import Box

Until = Callable[[Callable[[], object]], None]
Open = Callable[..., LibrarySession]

NAMES = ["dog+cat_1.jpg", "cat+dog_2.jpg", "dog+kite_3.jpg"]
CLASSES = ["dog", "cat", "kite", "cup"]
LEFT = Box(MAP_BOX.left, 0.0, 0.5, 1.0)
RIGHT = Box(0.5, 0.0, MAP_BOX.right, 1.0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def open_session(
    tmp_path: Path,
    photos: Path,
    encoder_command: list[str],
    fit_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Open]:
    sessions: list[LibrarySession] = []

    def make(*, windows: bool = True) -> LibrarySession:
        monkeypatch.setenv("FAKE_ENCODER", json.dumps({"windows": windows}))
        session = LibrarySession.open(
            tmp_path / "library", commands=Commands(encoder_command, fit_command)
        )
        sessions.append(session)
        if not session.snapshot().classes:
            session.vocabulary.set_all([ClassSpec(name) for name in CLASSES])
            session.folders.add(photos)
        assert session.wait_until_idle(60)
        return session

    yield make
    for session in sessions:
        session.close()


class Answers:
    """Asks, and remembers what is answered."""

    def __init__(self, session: LibrarySession) -> None:
        self.session = session
        self.given: list[tuple[str, str, Box | None]] = []

    def ask(self, photo: str, name: str, *, load: bool = True) -> None:
        snapshot = self.session.snapshot()
        image_id = int(snapshot.image_ids[list(snapshot.names).index(photo)])
        class_id = next(entry.id for entry in snapshot.classes if entry.name == name)

        def answer(box: Box | None) -> None:
            self.given.append((photo, name, box))

        self.session.regions.ask(image_id, class_id, answer, load=load)


def asked_maps(tmp_path: Path) -> list[str]:
    path = tmp_path / "library" / "encode" / "maps.txt"
    return [Path(line).name for line in path.read_text().splitlines()] if path.exists() else []


def starts(tmp_path: Path) -> int:
    path = tmp_path / "library" / "encode" / "starts.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_class_is_seen_where_it_is_and_the_map_is_asked_for_once(
    open_session: Open, until: Until, tmp_path: Path
) -> None:
    session = open_session()
    assert session.regions.unavailable == ""
    answers = Answers(session)
    for name, box in (("dog", LEFT), ("cat", RIGHT)):
        answers.ask(NAMES[0], name)
        until(lambda name=name: answers.given and answers.given[-1][1] == name)
        assert answers.given[-1] == (NAMES[0], name, box)
    assert asked_maps(tmp_path) == [NAMES[0]]


def test_only_the_latest_question_is_answered(
    open_session: Open, until: Until, tmp_path: Path
) -> None:
    session = open_session()
    answers = Answers(session)
    for _round in range(5):
        for photo in NAMES:
            answers.ask(photo, "dog")
    until(lambda: answers.given)
    assert session.wait_until_idle(30)
    assert answers.given == [(NAMES[2], "dog", LEFT)]
    assert len(asked_maps(tmp_path)) <= len(NAMES)


def test_a_question_that_was_dropped_is_not_answered(open_session: Open) -> None:
    session = open_session()
    answers = Answers(session)
    answers.ask(NAMES[0], "dog")
    session.regions.drop()
    assert session.wait_until_idle(30)
    assert answers.given == []


def test_going_through_photos_starts_no_encoder_and_asking_for_one_does(
    open_session: Open, until: Until, tmp_path: Path
) -> None:
    open_session().close()
    before = starts(tmp_path)
    session = open_session()
    assert session.regions.unavailable == ""  # known without loading anything
    answers = Answers(session)
    answers.ask(NAMES[0], "dog", load=False)
    until(lambda: answers.given)
    assert answers.given == [(NAMES[0], "dog", None)]
    assert starts(tmp_path) == before
    answers.ask(NAMES[0], "dog", load=True)
    until(lambda: len(answers.given) == 2)
    assert answers.given[-1] == (NAMES[0], "dog", LEFT)
    assert starts(tmp_path) == before + 1


def test_a_backbone_without_windows_says_so_and_is_not_asked(
    open_session: Open, tmp_path: Path
) -> None:
    session = open_session(windows=False)
    assert session.regions.unavailable == regions.NO_MAPS
    answers = Answers(session)
    answers.ask(NAMES[0], "dog")
    assert session.wait_until_idle(30)
    assert answers.given == []
    assert asked_maps(tmp_path) == []


def test_a_photo_whose_file_is_gone_has_no_region(
    open_session: Open, until: Until, photos: Path, tmp_path: Path
) -> None:
    session = open_session()
    answers = Answers(session)
    (photos / NAMES[0]).unlink()
    session.folders.rescan()
    until(lambda: ImageState.MISSING in session.snapshot().images.states)
    answers.ask(NAMES[0], "dog")
    until(lambda: answers.given)
    assert answers.given == [(NAMES[0], "dog", None)]
    assert asked_maps(tmp_path) == []


def test_no_more_than_a_few_maps_are_kept(
    open_session: Open, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "KEPT_MAPS", 2)
    answers = Answers(open_session())
    for number, photo in enumerate((*NAMES, NAMES[2], NAMES[0]), start=1):
        answers.ask(photo, "dog")
        until(lambda number=number: len(answers.given) == number)
    assert asked_maps(tmp_path) == [*NAMES, NAMES[0]]
