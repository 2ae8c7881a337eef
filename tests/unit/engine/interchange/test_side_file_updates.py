"""Side files are kept up to date while photos are annotated, and caught up with later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from class_ids import class_id
from xmp_samples import SAMPLES

from lmpt_desktop.catalogue.errors import CatalogueReadOnly
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.interchange import side_file_updates, side_files
from lmpt_desktop.engine.interchange.side_files import SideFileStatus
from lmpt_desktop.engine.notices import Problem
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.xmp.side_files import keywords_in
from lmpt_desktop.settings import KEEP_SIDE_FILES, SIDE_FILE_NAMING

NEW, CHANGE, DELETE = SideFileStatus.NEW, SideFileStatus.CHANGE, SideFileStatus.DELETE
SAME, BLOCKED = SideFileStatus.SAME, SideFileStatus.BLOCKED


Say = Callable[[str, str, Verdict], None]


def test_keeping_side_files_up_to_date(
    session: LibrarySession,
    photos: Path,
    say: Say,
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    say("a.jpg", "dog", Verdict.PRESENT)
    assert session.wait_until_idle(60)
    assert not (photos / "a.jpg.xmp").exists()
    session.settings.set(KEEP_SIDE_FILES, True)
    (photos / "b.jpg.xmp").write_bytes(SAMPLES["lightroom"])
    say("a.jpg", "cat", Verdict.ABSENT)
    say("b.jpg", "cat", Verdict.PRESENT)
    until((photos / "a.jpg.xmp").exists)
    assert session.wait_until_idle(60)
    assert keywords_in((photos / "a.jpg.xmp").read_bytes()).absent == ("cat",)
    # Another program's is only touched after a preview.
    assert (photos / "b.jpg.xmp").read_bytes() == SAMPLES["lightroom"]
    session.side_files.write(session.side_files.preview())
    say("b.jpg", "cat", Verdict.UNKNOWN)
    until(lambda: (photos / "b.jpg.xmp").read_bytes() == SAMPLES["lightroom"])
    # A class that gets another name is another keyword.
    session.vocabulary.rename(class_id(session, "dog"), "hound")
    until(lambda: keywords_in((photos / "a.jpg.xmp").read_bytes()).flat == ("hound",))
    session.settings.set(KEEP_SIDE_FILES, False)
    say("a.jpg", "hound", Verdict.UNKNOWN)
    assert session.wait_until_idle(60)
    assert keywords_in((photos / "a.jpg.xmp").read_bytes()).flat == ("hound",)


def test_what_another_program_wrote_into_ours_is_copied_and_not_updated_unseen(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    problems: list[Problem] = []
    session.subscribe(
        lambda notice: problems.append(notice) if isinstance(notice, Problem) else None
    )
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    path = photos / "a.jpg.xmp"
    theirs = path.read_bytes().replace(b"</rdf:RDF>", b"<!-- history --></rdf:RDF>")
    path.write_bytes(theirs)
    session.settings.set(KEEP_SIDE_FILES, True)
    say("a.jpg", "cat", Verdict.PRESENT)
    assert session.wait_until_idle(60)
    assert path.read_bytes() == theirs
    assert "Another program has written to" in problems[0].message
    session.settings.set(KEEP_SIDE_FILES, False)

    report = session.side_files.write(session.side_files.preview())
    assert (report.written, report.copied) == (1, 1)
    [copy] = [path for path in report.copies.rglob("*") if path.is_file()]
    assert copy.read_bytes() == theirs
    assert keywords_in(path.read_bytes()).flat == ("dog", "cat")
    assert b"<!-- history -->" in path.read_bytes()


def test_only_photos_with_other_verdicts_than_were_written_are_looked_at(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    say("a.jpg", "dog", Verdict.PRESENT)
    say("b.jpg", "cat", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    looked_at: list[Path] = []
    read = side_files.read_side_file

    def noted(path: Path) -> tuple[bytes, int] | None:
        looked_at.append(path)
        return read(path)

    monkeypatch.setattr(side_files, "read_side_file", noted)
    session.settings.set(KEEP_SIDE_FILES, True)
    session.vocabulary.add("kite")
    assert session.wait_until_idle(60)
    assert looked_at == []
    session.vocabulary.rename(class_id(session, "cat"), "kitten")
    assert session.wait_until_idle(60)
    assert set(looked_at) == {photos / "b.jpg.xmp"}


def test_what_cannot_be_kept_up_to_date_is_said_once(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    problems: list[Problem] = []
    session.subscribe(
        lambda notice: problems.append(notice) if isinstance(notice, Problem) else None
    )
    session.settings.set(KEEP_SIDE_FILES, True)
    say("a.jpg", "dog", Verdict.PRESENT)
    assert session.wait_until_idle(60)
    path = photos / "a.jpg.xmp"
    path.write_bytes(b"no XMP")
    for verdict in (Verdict.ABSENT, Verdict.PRESENT):
        say("a.jpg", "dog", verdict)
        assert session.wait_until_idle(60)
    assert [item.title for item in problems] == ["A side file could not be kept up to date"]
    assert path.read_bytes() == b"no XMP"


def test_what_was_missed_is_caught_up_with_on_opening(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.settings.set(KEEP_SIDE_FILES, True)
    assert session.wait_until_idle(60)
    monkeypatch.setattr(side_file_updates, "UPDATE_IMAGES", 1)
    # The worker is slow, and drops what waits when the library is closed.
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 3600.0)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        say(name, "dog", Verdict.PRESENT)
    session.close()
    assert not list(photos.glob("*.xmp"))
    with LibrarySession.open(session.library_folder, encode=False) as again:
        assert again.wait_until_idle(60)
        assert len(list(photos.glob("*.xmp"))) == 3


def test_photos_wait_on_after_an_error(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    session.settings.set(KEEP_SIDE_FILES, True)
    assert session.wait_until_idle(60)

    def locked(*_arguments: object) -> None:
        raise CatalogueReadOnly("locked")

    for name in ("of", "places"):
        monkeypatch.setattr(session.catalogue.side_files, name, locked)
    say("a.jpg", "dog", Verdict.PRESENT)
    session.vocabulary.add("kite")
    assert session.wait_until_idle(60)
    assert not (photos / "a.jpg.xmp").exists()
    monkeypatch.undo()
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    say("b.jpg", "dog", Verdict.PRESENT)
    assert session.wait_until_idle(60)
    assert (photos / "a.jpg.xmp").exists()
    assert (photos / "b.jpg.xmp").exists()


def test_side_files_of_the_former_naming_are_kept_up_to_date(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_file_updates, "UPDATE_SECONDS", 0.01)
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    session.settings.set(KEEP_SIDE_FILES, True)
    session.settings.set(SIDE_FILE_NAMING, "photo.xmp")
    say("a.jpg", "cat", Verdict.PRESENT)
    say("b.jpg", "cat", Verdict.PRESENT)
    assert session.wait_until_idle(60)
    for name in ("a.jpg.xmp", "a.xmp"):
        assert keywords_in((photos / name).read_bytes()).flat == ("dog", "cat")
    assert sorted(path.name for path in photos.glob("b*")) == ["b.jpg", "b.xmp"]
