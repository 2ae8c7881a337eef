"""The ignore list of an open library, and what is said of what scans leave out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lmpt_desktop.domain.ignore_list import DEFAULT, DEFAULT_PATTERNS, IgnoreList
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.left_out import IgnorePreview
from lmpt_desktop.engine.notices import FilesLeftOut, Notice
from lmpt_desktop.engine.session import LibrarySession

WAIT = 60
PHOTOS = ("a.jpg", "@eaDir/b.jpg", "cache/c.jpg", "quiet/deep/d.jpg")
OTHERS = ("film.mov", "film2.mov", "drawing.eps", "notes.txt")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, name in enumerate(PHOTOS):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), (number * 50, 90, 20)).save(path)
    for name in OTHERS:
        (folder / name).write_bytes(b"x")
    return folder


def settle(session: LibrarySession) -> list[str]:
    assert session.wait_until_idle(WAIT)
    return sorted(session.snapshot().images.names)


def test_a_list_is_previewed_and_then_in_force_and_annotations_are_kept(
    tmp_path: Path, photos: Path
) -> None:
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        folder_id = session.folders.add(photos).id
        assert settle(session) == ["a.jpg", "cache/c.jpg", "quiet/deep/d.jpg"]
        row = session.snapshot().images.names.index("cache/c.jpg")
        image_id = int(session.snapshot().image_ids[row])
        dog = session.catalogue.classes.add("dog")
        session.vocabulary.show()
        session.annotations.annotate([image_id], [dog.id], Verdict.PRESENT)
        (photos / "quiet" / ".nomedia").touch()
        wider = IgnoreList((*DEFAULT_PATTERNS, "cache/"))
        assert session.left_out.preview(wider) == IgnorePreview(2, 1, 0)
        assert session.left_out.preview(IgnoreList((), nomedia=False)) == IgnorePreview(0, 0, 0)
        session.left_out.set_ignore_list(wider)
        assert settle(session) == ["a.jpg"]
        assert session.left_out.count() == 2
        assert session.left_out.preview(DEFAULT) == IgnorePreview(0, 0, 1)
        assert "leaves out 3 folders or photos" in session.left_out.sentences([folder_id])
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        assert session.left_out.ignore_list() == wider
        session.left_out.set_ignore_list(IgnoreList((), nomedia=False))
        assert settle(session) == sorted(PHOTOS)
        row = session.snapshot().row_of[image_id]
        assert session.snapshot().images.names[row] == "cache/c.jpg"
        assert session.snapshot().annotations[row].tolist() == [1]


def test_files_that_are_no_photos_are_told_once_and_kept(tmp_path: Path, photos: Path) -> None:
    sentence = "3 files were left out: 2 .mov, 1 .eps."
    with LibrarySession.open(tmp_path / "library", encode=False) as session:
        folder_id = session.folders.add(photos).id
        settle(session)
        assert session.left_out.take_news() == sentence
        assert session.left_out.take_news() == ""
        assert session.left_out.others([folder_id]).text() == sentence
    heard: list[Notice] = []
    with LibrarySession.open(tmp_path / "library", encode=False, listener=heard.append) as session:
        settle(session)
        (photos / "more.mov").write_bytes(b"x")
        session.folders.rescan()
        settle(session)
        assert session.left_out.take_news() == ""  # more of a kind that was told
        assert session.left_out.others([folder_id]).total == 4
        assert FilesLeftOut() in heard
        (photos / "a.blend").write_bytes(b"x")
        session.folders.rescan()
        settle(session)
        news = "5 files were left out: 3 .mov, 1 .blend, 1 .eps."
        assert session.left_out.take_news() == news
