"""Side files of a library: previewed, written, taken back, kept up to date."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from class_ids import class_id
from PIL import Image
from xmp_samples import SAMPLES

from lmpt_desktop.catalogue.disk_access import DiskAccess
from lmpt_desktop.catalogue.errors import CatalogueReadOnly
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.catalogue.side_files import SideFileRecord
from lmpt_desktop.domain.records import Source, Verdict
from lmpt_desktop.engine.interchange import side_files
from lmpt_desktop.engine.interchange.side_files import SideFilePreview, SideFileStatus
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.interchange.errors import Cancelled
from lmpt_desktop.interchange.xmp.side_files import Naming, keywords_in

NEW, CHANGE, DELETE = SideFileStatus.NEW, SideFileStatus.CHANGE, SideFileStatus.DELETE
SAME, BLOCKED = SideFileStatus.SAME, SideFileStatus.BLOCKED


def statuses(preview: SideFilePreview) -> dict[str, SideFileStatus]:
    return {item.photo.name: item.status for item in preview.changes}


Say = Callable[[str, str, Verdict], None]


def test_writing_changing_and_taking_back(session: LibrarySession, photos: Path, say: Say) -> None:
    (photos / "b.jpg.xmp").write_bytes(SAMPLES["lightroom"])
    (photos / "b.jpg.xmp").chmod(0o640)
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    say("a.jpg", "dog", Verdict.PRESENT)
    say("a.jpg", "cat", Verdict.ABSENT)
    say("b.jpg", "black/white", Verdict.PRESENT)
    preview = session.side_files.preview()
    assert statuses(preview) == {"a.jpg": NEW, "b.jpg": CHANGE}
    assert preview.changes[0].added == ("dog",)
    assert preview.changes[0].absent_added == ("cat",)
    assert preview.changes[1].foreign and preview.foreign == 1
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before

    report = session.side_files.write(preview)
    assert (report.written, report.copied, report.skipped) == (2, 1, ())
    # The watch need not read photos again for what this app has written beside them.
    assert session.side_files.has_just_written(str(photos / "a.jpg.xmp"))
    assert not session.side_files.has_just_written(str(photos / "c.jpg.xmp"))
    mine = keywords_in((photos / "a.jpg.xmp").read_bytes())
    assert (mine.flat, mine.hierarchical, mine.tags, mine.absent) == (
        ("dog",),
        ("dog",),
        ("dog",),
        ("cat",),
    )
    theirs = keywords_in((photos / "b.jpg.xmp").read_bytes())
    assert theirs.flat == ("animal", "dog", "Frühling", "black/white")
    assert (photos / "b.jpg.xmp").stat().st_mode & 0o777 == 0o640
    copies = [path for path in report.copies.rglob("*") if path.is_file()]
    assert [path.name for path in copies] == ["b.jpg.xmp"]
    assert copies[0].read_bytes() == SAMPLES["lightroom"]
    assert statuses(session.side_files.preview()) == {"a.jpg": SAME, "b.jpg": SAME}

    say("a.jpg", "dog", Verdict.UNKNOWN)
    say("a.jpg", "cat", Verdict.PRESENT)
    preview = session.side_files.preview()
    [change] = [item for item in preview.changes if item.status is CHANGE]
    assert (change.added, change.removed, change.absent_removed) == (("cat",), ("dog",), ("cat",))
    assert not change.foreign
    assert session.side_files.write(preview).copied == 0
    assert keywords_in((photos / "a.jpg.xmp").read_bytes()).flat == ("cat",)

    assert statuses(session.side_files.preview_removal()) == {"a.jpg": DELETE, "b.jpg": CHANGE}
    report = session.side_files.remove()
    assert (report.written, report.deleted) == (1, 1)
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before
    assert session.side_files.remove() == session.side_files.write(
        session.side_files.preview_removal()
    )


def test_the_photos_own_keywords_are_part_of_a_new_side_file(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    packet = SAMPLES["picasa"]
    Image.new("RGB", (30, 20)).save(photos / "a.jpg", xmp=packet)
    content = (photos / "a.jpg").read_bytes()
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    assert keywords_in((photos / "a.jpg.xmp").read_bytes()).tags == ("Frost", "Yard", "dog")
    assert (photos / "a.jpg").read_bytes() == content


def test_a_side_file_that_changed_since_the_preview_is_skipped(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    say("b.jpg", "dog", Verdict.PRESENT)
    preview = session.side_files.preview()
    (photos / "a.jpg.xmp").write_bytes(SAMPLES["bridge"])
    report = session.side_files.write(preview)
    assert report.written == 1
    [(photo, reason)] = report.skipped
    assert photo == photos / "a.jpg"
    assert "has changed since the preview" in reason
    assert (photos / "a.jpg.xmp").read_bytes() == SAMPLES["bridge"]


def test_a_side_file_that_changes_while_the_batch_is_noted_is_skipped(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    say("b.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    ours = (photos / "b.jpg.xmp").read_bytes()
    say("a.jpg", "dog", Verdict.UNKNOWN)
    say("b.jpg", "cat", Verdict.PRESENT)
    say("c.jpg", "dog", Verdict.PRESENT)
    preview = session.side_files.preview()
    assert statuses(preview) == {"a.jpg": DELETE, "b.jpg": CHANGE, "c.jpg": NEW}
    put = session.catalogue.side_files.put

    def noted_slowly(records: list[SideFileRecord]) -> None:
        put(records)
        for name in ("a.jpg.xmp", "b.jpg.xmp", "c.jpg.xmp"):
            (photos / name).write_bytes(SAMPLES["bridge"])

    monkeypatch.setattr(session.catalogue.side_files, "put", noted_slowly)
    report = session.side_files.write(preview)
    assert (report.written, report.deleted) == (0, 0)
    assert [path.name for path, _reason in report.skipped] == ["a.jpg", "b.jpg", "c.jpg"]
    assert all("has changed since the preview" in reason for _path, reason in report.skipped)
    for name in ("a.jpg.xmp", "b.jpg.xmp", "c.jpg.xmp"):
        assert (photos / name).read_bytes() == SAMPLES["bridge"]
    monkeypatch.undo()
    # What we had written is still known.
    (photos / "b.jpg.xmp").write_bytes(ours)
    assert statuses(session.side_files.preview_removal())["b.jpg"] is DELETE


def test_what_another_program_changed_stays_when_ours_is_taken_back(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "a.jpg.xmp").write_bytes(SAMPLES["lightroom"])
    say("a.jpg", "cat", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    path = photos / "a.jpg.xmp"
    path.write_bytes(path.read_bytes().replace(b'xmp:Rating="3"', b'xmp:Rating="5"'))
    session.side_files.remove()
    assert path.read_bytes() == SAMPLES["lightroom"].replace(b'Rating="3"', b'Rating="5"')


def test_what_cannot_be_written_is_skipped_and_the_rest_goes_on(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        say(name, "dog", Verdict.PRESENT)
    (photos / "a.jpg.xmp").symlink_to(photos / "elsewhere")
    (photos / "b.jpg.xmp").write_bytes(b"<!DOCTYPE x><x/>")
    preview = session.side_files.preview()
    assert statuses(preview) == {"a.jpg": BLOCKED, "b.jpg": BLOCKED, "c.jpg": NEW}
    create = side_files.create_bytes

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(side_files, "create_bytes", full)
    report = session.side_files.write(preview)
    assert report.written == 0
    assert [path.name for path, _reason in report.skipped] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [reason[-1] for _path, reason in report.skipped] == [".", ".", "."]
    assert "the disk is full" in report.skipped[2][1]
    monkeypatch.setattr(side_files, "create_bytes", create)
    assert session.side_files.preview_removal().changes == ()
    assert session.side_files.write(session.side_files.preview()).written == 1
    assert (photos / "c.jpg.xmp").exists()


def test_a_process_killed_before_or_after_the_file_was_written(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    path = photos / "a.jpg.xmp"
    path.write_bytes(SAMPLES["bridge"])
    say("a.jpg", "dog", Verdict.PRESENT)
    put = side_files._put

    def before(*_arguments: object) -> None:
        raise Killed

    def after(*arguments: object) -> None:
        put(*arguments)  # type: ignore[arg-type]
        raise Killed

    for verdict, dies in ((Verdict.ABSENT, before), (Verdict.PRESENT, after)):
        monkeypatch.setattr(side_files, "_put", dies)
        with pytest.raises(Killed):
            session.side_files.write(session.side_files.preview())
        monkeypatch.setattr(side_files, "_put", put)
        say("a.jpg", "cat", verdict)
        session.side_files.write(session.side_files.preview())
        assert "dog" in keywords_in(path.read_bytes()).flat
        assert session.side_files.remove().skipped == ()
        assert path.read_bytes() == SAMPLES["bridge"]


def test_two_photos_with_one_stem_get_no_short_name(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "a.cr2").touch()
    say("a.jpg", "dog", Verdict.PRESENT)
    say("b.jpg", "dog", Verdict.PRESENT)
    preview = session.side_files.preview(naming="photo.xmp")
    assert statuses(preview) == {"a.jpg": BLOCKED, "b.jpg": NEW}
    assert "a.xmp would belong to a.cr2 as well" in preview.changes[0].reason
    assert session.side_files.write(preview).written == 1
    assert (photos / "b.xmp").exists()
    # Each naming is remembered on its own.
    assert session.side_files.preview_removal().changes == ()
    assert session.side_files.remove(naming=Naming.WITHOUT_SUFFIX).deleted == 1


def test_a_side_file_hides_no_keywords_of_one_with_the_other_naming(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "a.xmp").write_bytes(SAMPLES["lightroom"])
    say("a.jpg", "cat", Verdict.PRESENT)
    for naming in (Naming.WITH_SUFFIX, Naming.WITHOUT_SUFFIX):
        session.side_files.write(session.side_files.preview(naming=naming))
        say("a.jpg", "black/white", Verdict.PRESENT)
    keywords = keywords_in((photos / "a.jpg.xmp").read_bytes())
    assert keywords.flat == ("animal", "dog", "Frühling", "cat")
    assert keywords.tags == ("animal/dog", "Frühling", "cat")
    # What is ours in the other one is no keyword of another program.
    say("a.jpg", "cat", Verdict.UNKNOWN)
    session.side_files.write(session.side_files.preview())
    keywords = keywords_in((photos / "a.jpg.xmp").read_bytes())
    assert keywords.flat == ("animal", "dog", "Frühling", "black/white")


def test_only_present_classes_and_only_some_photos(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "cat", Verdict.ABSENT)
    say("b.jpg", "dog", Verdict.PRESENT)
    say("b.jpg", "cat", Verdict.ABSENT)
    preview = session.side_files.preview(absent=False)
    assert statuses(preview) == {"b.jpg": NEW}
    assert preview.changes[0].absent_added == ()
    [image] = [item.image_id for item in preview.changes]
    assert statuses(session.side_files.preview([image])) == {"b.jpg": NEW}


def test_equal_lists_of_many_photos_are_kept_once(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    for name in ("a.jpg", "b.jpg"):
        say(name, "cat", Verdict.ABSENT)
        say(name, "dog", Verdict.ABSENT)
    first, second = session.side_files.preview().changes
    assert first.absent == ("dog", "cat")
    assert len({id(item) for item in (first.absent, second.absent, second.absent_added)}) == 1


def test_a_preview_can_be_cancelled_and_writing_stops(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    with pytest.raises(Cancelled):
        session.side_files.preview(cancelled=lambda: True)
    report = session.side_files.write(session.side_files.preview(), cancelled=lambda: True)
    assert report.cancelled and not report.written
    assert not (photos / "a.jpg.xmp").exists()


def test_a_side_file_that_was_copied_with_its_photo_is_known_as_ours(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "a.jpg.xmp").write_bytes(SAMPLES["lightroom"])
    say("a.jpg", "cat", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    for name in ("a.jpg", "a.jpg.xmp"):
        shutil.copy(photos / name, photos / name.replace("a.", "d."))
    session.folders.rescan()
    assert session.wait_until_idle(60)
    say("d.jpg", "black/white", Verdict.PRESENT)
    report = session.side_files.write(session.side_files.preview())
    assert (report.written, report.copied) == (1, 0)
    keywords = keywords_in((photos / "d.jpg.xmp").read_bytes())
    assert keywords.flat == ("animal", "dog", "Frühling", "black/white")
    assert session.side_files.remove().written == 2
    for name in ("a.jpg.xmp", "d.jpg.xmp"):
        assert (photos / name).read_bytes() == SAMPLES["lightroom"]


def test_nothing_is_touched_where_nothing_can_be_noted(
    session: LibrarySession, photos: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    before = (photos / "a.jpg.xmp").read_bytes()
    say("b.jpg", "dog", Verdict.PRESENT)
    store = session.catalogue._store
    monkeypatch.setattr(store, "access", DiskAccess.READING)
    for preview in (session.side_files.preview(), session.side_files.preview_removal()):
        with pytest.raises(CatalogueReadOnly):
            session.side_files.write(preview)
    assert (photos / "a.jpg.xmp").read_bytes() == before
    assert not (photos / "b.jpg.xmp").exists()
    monkeypatch.undo()


def replace_photo(session: LibrarySession, photo: Path) -> None:
    """Put another picture in the place of a photo."""
    Image.new("RGB", (64, 48), (1, 200, 3)).save(photo.with_name("temporary"), "JPEG")
    photo.with_name("temporary").replace(photo)
    session.folders.rescan()
    assert session.wait_until_idle(60)


def test_keywords_do_not_stay_beside_a_picture_that_took_the_photos_place(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "b.jpg.xmp").write_bytes(SAMPLES["bridge"])
    for name in ("a.jpg", "b.jpg"):
        say(name, "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    for name in ("a.jpg", "b.jpg"):
        replace_photo(session, photos / name)
    preview = session.side_files.preview()
    assert [(item.path.name, item.status) for item in preview.changes if item.reason == ""] == [
        ("a.jpg.xmp", DELETE),
        ("b.jpg.xmp", CHANGE),
    ]
    report = session.side_files.write(preview)
    assert (report.written, report.deleted, report.copied) == (1, 1, 0)
    assert not (photos / "a.jpg.xmp").exists()
    assert (photos / "b.jpg.xmp").read_bytes() == SAMPLES["bridge"]
    assert session.catalogue.side_files.places() == []


def test_keywords_of_a_photo_are_not_imported_for_the_picture_in_its_place(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    (photos / "a.jpg.xmp").write_bytes(SAMPLES["bridge"])
    say("a.jpg", "dog", Verdict.PRESENT)
    say("a.jpg", "cat", Verdict.ABSENT)
    session.side_files.write(session.side_files.preview())
    path, bridge = photos / "a.jpg.xmp", keywords_in(SAMPLES["bridge"])
    assert keywords_in(path.read_bytes()).flat == (*bridge.flat, "dog")
    replace_photo(session, photos / "a.jpg")
    survey = session.imports.survey(photos, "xmp", {})
    assert "dog" not in survey.class_names and "cat" not in survey.class_names
    assert set(bridge.flat) <= set(survey.class_names)
    # Of the side file alone as well.
    assert "dog" not in session.imports.survey(path, "xmp", {}).class_names


def test_what_another_program_made_of_it_stays_beside_the_new_picture(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    path = photos / "a.jpg.xmp"
    # With its own side file, that says the same by chance.
    path.write_bytes(SAMPLES["lightroom"])
    replace_photo(session, photos / "a.jpg")
    for preview in (session.side_files.preview(), session.side_files.preview_removal()):
        reasons = [item.reason for item in preview.changes if item.path == path]
        assert len(reasons) == 1 and "was written for another picture" in reasons[0]
        assert session.side_files.write(preview).written == 0
    assert path.read_bytes() == SAMPLES["lightroom"]
    say("a.jpg", "cat", Verdict.PRESENT)
    [change] = [item for item in session.side_files.preview().changes if item.path == path]
    assert change.status is CHANGE and change.removed == ()


def test_a_picture_that_took_a_photos_place_gets_its_own_keywords(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    replace_photo(session, photos / "a.jpg")
    say("a.jpg", "cat", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    assert keywords_in((photos / "a.jpg.xmp").read_bytes()).flat == ("cat",)
    # One side file, one row, though two photos have had it.
    preview = session.side_files.preview_removal()
    assert [(item.path.name, item.status) for item in preview.changes] == [("a.jpg.xmp", DELETE)]
    report = session.side_files.write(preview)
    assert (report.deleted, report.skipped) == (1, ())
    assert session.side_files.preview_removal().changes == ()


@pytest.mark.parametrize("with_side_file", [False, True])
def test_the_side_file_of_a_moved_photo_is_taken_back(
    session: LibrarySession, photos: Path, say: Say, with_side_file: bool
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    session.side_files.write(session.side_files.preview())
    (photos / "a.jpg").rename(photos / "moved.jpg")
    if with_side_file:
        (photos / "a.jpg.xmp").rename(photos / "moved.jpg.xmp")
    session.folders.rescan()
    assert session.wait_until_idle(60)
    assert set(statuses(session.side_files.preview_removal()).values()) == {DELETE}
    say("moved.jpg", "cat", Verdict.PRESENT)
    report = session.side_files.write(session.side_files.preview())
    assert (report.written, report.deleted, report.skipped) == (1, 0 if with_side_file else 1, ())
    assert not (photos / "a.jpg.xmp").exists()
    assert [place.path for place in session.catalogue.side_files.places()] == [
        photos / "moved.jpg.xmp"
    ]
    assert session.side_files.remove().deleted == 1
    assert sorted(path.name for path in photos.iterdir()) == ["b.jpg", "c.jpg", "moved.jpg"]


def test_missing_photos_are_left_alone(session: LibrarySession, photos: Path, say: Say) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    (photos / "a.jpg").unlink()
    session.folders.rescan()
    assert session.wait_until_idle(60)
    [change] = session.side_files.preview().changes
    assert change.status is BLOCKED
    assert change.reason == "The photo is missing."


def test_side_files_change_nothing_of_the_photos(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    images = session.snapshot().images
    session.side_files.write(session.side_files.preview())
    session.folders.rescan()
    assert session.wait_until_idle(60)
    after = session.snapshot().images
    assert after.names == images.names
    assert after.fingerprints == images.fingerprints
    assert not after.edited.any()
    [image] = [i for i in after.ids.tolist() if session.images.path(i).name == "a.jpg"]
    assert session.images.details(image).caption == ""


def test_what_was_imported_from_a_machine_is_not_written(
    session: LibrarySession, photos: Path, say: Say
) -> None:
    say("a.jpg", "dog", Verdict.PRESENT)
    ids = dict(zip(session.snapshot().names, session.snapshot().image_ids.tolist(), strict=True))
    batch = session.catalogue.annotations.apply(
        [
            Change(ids["a.jpg"], class_id(session, "cat"), Verdict.PRESENT),
            Change(ids["a.jpg"], class_id(session, "black/white"), Verdict.ABSENT),
            Change(ids["b.jpg"], class_id(session, "cat"), Verdict.PRESENT),
        ],
        Source.MACHINE,
    )
    session.annotations.show(batch)
    preview = session.side_files.preview()
    assert statuses(preview) == {"a.jpg": NEW, "b.jpg": SAME}
    session.side_files.write(preview)
    found = keywords_in((photos / "a.jpg.xmp").read_bytes())
    assert (found.flat, found.absent) == (("dog",), ())
    assert not (photos / "b.jpg.xmp").exists()
    # What a person says of it then, is written.
    say("b.jpg", "cat", Verdict.PRESENT)
    assert statuses(session.side_files.preview()) == {"a.jpg": SAME, "b.jpg": NEW}
