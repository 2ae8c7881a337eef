"""Sequences in which the user takes something back, or says something, between the app's steps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from annotated_library import AnnotatedLibrary
from photo_bytes import picture, written

from lmpt_desktop.catalogue import Change
from lmpt_desktop.domain.records import Verdict

OpenLibrary = Callable[..., AnnotatedLibrary]

A = written(picture(1), ".jpg")
EDITED = written(picture(1, 3), ".jpg")
B = written(picture(2), ".jpg")
C = written(picture(3), ".jpg")


@pytest.fixture
def path(photos: Path) -> Path:
    made = photos / "a.jpg"
    made.write_bytes(A)
    return made


def say(library: AnnotatedLibrary, image_id: int, name: str, verdict: Verdict) -> int:
    """Returns the change."""
    found = [entry.id for entry in library.catalogue.classes.all() if entry.name == name]
    class_id = found[0] if found else library.catalogue.classes.add(name).id
    return library.catalogue.annotations.apply([Change(image_id, class_id, verdict)]).id


def forget(library: AnnotatedLibrary, image_id: int) -> None:
    """Take back everything the user has said of an image."""
    for name in library.verdicts([image_id])[0]:
        say(library, image_id, name, Verdict.UNKNOWN)
    library.catalogue.images.set_caption(image_id, "")


def forget_captions(library: AnnotatedLibrary) -> None:
    for image_id in library.catalogue.images.table().ids.tolist():
        library.catalogue.images.set_caption(image_id, "")


def test_an_edit_undone_on_disk_returns_the_verdicts(path: Path, open_library: OpenLibrary) -> None:
    library = open_library()
    library.begin()
    for data in (EDITED, A, EDITED, A):
        path.write_bytes(data)
        library.settle()
        library.assert_in_view({path: "a.jpg"})


def test_an_old_edit_hands_nothing_to_another_photo(path: Path, open_library: OpenLibrary) -> None:
    """The image of the edited version has become another photo's since."""
    library = open_library()
    library.begin()
    path.write_bytes(EDITED)
    library.settle()
    library.assert_in_view({path: "a.jpg"})
    forget(library, library.shown()[path])
    path.write_bytes(C)
    library.settle()
    library.assert_in_view({path: ""})
    say(library, library.shown()[path], "c", Verdict.PRESENT)
    path.write_bytes(A)
    library.settle()
    library.assert_in_view({path: ""})
    library.assert_waiting("c")


def test_what_was_unlike_once_is_compared_again_when_it_has_changed(
    path: Path, open_library: OpenLibrary
) -> None:
    library = open_library()
    library.begin()
    path.write_bytes(B)
    library.settle()
    library.assert_in_view({path: ""})
    path.write_bytes(EDITED)
    library.settle()
    library.assert_in_view({path: "a.jpg"})


@pytest.mark.parametrize("scan_between", [False, True])
def test_a_verdict_done_again_after_the_photo_moved_is_on_the_photo(
    path: Path, photos: Path, open_library: OpenLibrary, scan_between: bool
) -> None:
    library = open_library()
    image_id = library.begin()["a.jpg"]
    forget(library, image_id)
    change = say(library, image_id, "d", Verdict.PRESENT)
    library.catalogue.annotations.toggle_undo(change)
    moved = photos / "b.jpg"
    shutil.copyfile(path, moved)
    if scan_between:
        library.settle()
    path.unlink()
    library.settle()
    library.catalogue.annotations.toggle_undo(change)
    library.settle()
    library.assert_in_view({moved: "d"})


def test_what_the_user_declined_stays_declined_when_the_file_is_renamed(
    path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    library = open_library()
    library.begin()
    copy = photos / "b.jpg"
    shutil.copyfile(path, copy)
    library.settle()
    path.unlink()
    library.settle()
    followed = library.catalogue.annotations.history()[-1]
    library.catalogue.annotations.toggle_undo(followed.id)
    library.settle()
    library.assert_in_view({copy: ""})
    renamed = copy.rename(photos / "c.jpg")
    library.settle()
    library.assert_in_view({renamed: ""})
    library.assert_waiting("a.jpg")


def test_a_verdict_done_again_after_another_photo_took_the_place_waits(
    path: Path, open_library: OpenLibrary
) -> None:
    """Nothing was known of the photo when it was replaced; it is still not the other photo's."""
    library = open_library()
    image_id = library.begin()["a.jpg"]
    forget(library, image_id)
    change = say(library, image_id, "d", Verdict.PRESENT)
    library.catalogue.annotations.toggle_undo(change)
    path.write_bytes(B)
    library.settle()
    assert library.missing() == []
    library.catalogue.annotations.toggle_undo(change)
    library.assert_in_view({path: ""})
    library.assert_waiting("d")
    path.write_bytes(A)
    library.settle()
    library.assert_in_view({path: "d"})


def test_a_transfer_done_again_after_another_photo_took_the_place_of_the_copy(
    path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    library = open_library()
    library.begin()
    copy = photos / "b.jpg"
    shutil.copyfile(path, copy)
    library.settle()
    path.unlink()
    library.settle()
    followed = library.catalogue.annotations.history()[-1]
    library.catalogue.annotations.toggle_undo(followed.id)
    forget_captions(library)
    copy.write_bytes(B)
    library.settle()
    library.catalogue.annotations.toggle_undo(followed.id)
    library.settle()
    library.assert_in_view({copy: ""})
    library.assert_waiting("a.jpg")


def test_an_edit_that_the_user_declined_is_not_followed_again(
    path: Path, open_library: OpenLibrary
) -> None:
    library = open_library()
    library.begin()
    path.write_bytes(EDITED)
    library.settle()
    followed = library.catalogue.annotations.history()[-1]
    library.catalogue.annotations.toggle_undo(followed.id)
    library.assert_in_view({path: ""})
    library.settle()
    library.assert_in_view({path: ""})
    library.assert_waiting("a.jpg")
    assert not library.catalogue.images.table().edited.any()
    library.catalogue.annotations.toggle_undo(followed.id)
    library.assert_in_view({path: "a.jpg"})


def test_an_older_change_undone_after_the_verdicts_followed(
    path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    """What has been changed since is left alone, and nothing is on both images."""
    library = open_library()
    image_id = library.begin()["a.jpg"]
    change = say(library, image_id, "d", Verdict.PRESENT)
    copy = photos / "b.jpg"
    shutil.copyfile(path, copy)
    library.settle()
    path.unlink()
    library.settle()
    assert library.verdicts_in_view() == {copy: {"a.jpg", "d"}}
    library.catalogue.annotations.toggle_undo(change)
    library.settle()
    assert "a.jpg" in library.verdicts_in_view()[copy]
    assert library.missing() == []


def test_a_contradiction_between_copies_is_left_to_the_user(
    path: Path, photos: Path, open_library: OpenLibrary
) -> None:
    """What agrees follows; what contradicts waits on the missing image, and no verdict is lost."""
    library = open_library()
    image_id = library.begin()["a.jpg"]
    say(library, image_id, "d", Verdict.PRESENT)
    copy = photos / "b.jpg"
    shutil.copyfile(path, copy)
    library.settle()
    say(library, library.shown()[copy], "d", Verdict.ABSENT)
    path.unlink()
    library.settle()
    assert library.verdicts_in_view() == {copy: {"a.jpg"}}
    library.assert_waiting("d")


def test_two_photos_that_took_one_place_one_after_the_other(
    path: Path, open_library: OpenLibrary
) -> None:
    """Each with verdicts; each gets its own back."""
    library = open_library()
    library.begin()
    for name, data in (("b", B), ("c", C)):
        path.write_bytes(data)
        library.settle()
        say(library, library.shown()[path], name, Verdict.PRESENT)
    for own, data in (("a.jpg", A), ("b", B), ("c", C), ("a.jpg", A)):
        path.write_bytes(data)
        library.settle()
        library.assert_in_view({path: own})
    path.unlink()
    library.settle()
    library.assert_waiting("a.jpg", "b", "c")
    path.write_bytes(EDITED)
    library.settle()
    library.assert_in_view({path: "a.jpg"})
    library.assert_waiting("b", "c")
