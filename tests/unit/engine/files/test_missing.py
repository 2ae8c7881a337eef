"""Missing photos: what waits with them, which photos could be they, and giving it to those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from paper_library import photo_file

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.catalogue.records import Change
from lmpt_desktop.domain.records import TransferReason, Verdict
from lmpt_desktop.engine.encoding.feature_rows import FeatureRows
from lmpt_desktop.engine.files.candidates import Candidate, CandidateKind
from lmpt_desktop.engine.files.missing import MissingList, MissingReason, MoveAct, MoveRefusedError
from lmpt_desktop.engine.notices import AnnotationsChanged, Notice
from lmpt_desktop.engine.session import LibrarySession

DIM = 4
CLASSES = ("dog", "cat", "kite")
Until = Callable[[Callable[[], object]], None]


class Paper:
    """A library that exists only in its catalogue, and its session once it is opened."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "library"
        self.photos = folder / "photos"
        self.catalogue = Catalogue.open(self.library)
        self.folder = self.catalogue.folders.add(self.photos)
        self.photos.mkdir()
        self.classes = [self.catalogue.classes.add(name).id for name in CLASSES]
        self.features: dict[int, list[float]] = {}

    def add(self, name: str, picture: str = "", feature: list[float] | None = None) -> int:
        """An image; ``picture`` stands for its picture hash."""
        file = photo_file(
            name, fingerprint=f"print of {name} {picture}", picture_hash=picture, file_hash=picture
        )
        image_id = self.catalogue.images.upsert(self.folder.id, [file])[0]
        if feature is not None:
            unit = np.array(feature, np.float32) / np.linalg.norm(feature)
            self.features[image_id] = unit.tolist()
        return image_id

    def lose(self, name: str, picture: str = "", feature: list[float] | None = None) -> int:
        """An image that is missing; its first class is present."""
        image_id = self.add(name, picture, feature)
        self.catalogue.annotations.apply([Change(image_id, self.classes[0], Verdict.PRESENT)])
        self.catalogue.images.mark_missing([image_id])
        return image_id

    def open(self) -> LibrarySession:
        self.catalogue.close()
        session = LibrarySession.open(self.library, encode=False, begin=False)
        if self.features:
            matrix = np.array(list(self.features.values()), np.float16)
            rows = FeatureRows.of(np.array(list(self.features), np.int64), matrix)
            session._state.set_features(rows)
        return session


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)


@pytest.fixture
def opened(paper: Paper) -> Iterator[Callable[[], LibrarySession]]:
    sessions: list[LibrarySession] = []

    def open_() -> LibrarySession:
        sessions.append(paper.open())
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


def found(session: LibrarySession, **options: bool) -> dict[int, tuple[Candidate, ...]]:
    """All candidates of all missing photos."""
    listed = session.missing.all()
    result: dict[int, tuple[Candidate, ...]] = {}
    for part in session.missing.candidates(listed, **options):
        result |= part
    return result


def names(listed: MissingList) -> list[str]:
    return [photo.name for photo in listed.photos]


def test_only_missing_images_of_which_something_was_said_are_listed(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    paper.lose("b/said 10.jpg")
    paper.lose("b/said 2.jpg")
    silent, there = paper.add("silent.jpg"), paper.add("there.jpg")
    captioned, marked = paper.add("captioned.jpg"), paper.add("marked.jpg")
    annotations = paper.catalogue.annotations
    annotations.apply([Change(there, paper.classes[0], Verdict.PRESENT)])
    annotations.set_reviewed([marked], True)
    annotations.apply([Change(marked, paper.classes[1], Verdict.PRESENT)])
    paper.catalogue.images.set_caption(captioned, "a dog at sea")
    paper.catalogue.images.mark_missing([silent, captioned, marked])
    session = opened()
    listed = session.missing.all()
    assert names(listed) == ["captioned.jpg", "marked.jpg", "b/said 2.jpg", "b/said 10.jpg"]
    assert session.missing.count_gone() == 4
    first, second = listed.photos[:2]
    assert (first.caption, first.present, first.absent, first.reviewed) == (
        "a dog at sea",
        0,
        0,
        False,
    )
    # The two classes that the review declared absent are no annotations of their own.
    assert (second.present, second.absent, second.reviewed) == (1, 0, True)
    assert listed.annotations == 3
    assert listed.location(listed.photos[2]) == paper.photos / "b"


def test_a_review_that_was_undone_and_redone_still_counts_as_one(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    image = paper.add("a.jpg")
    annotations = paper.catalogue.annotations
    annotations.set_reviewed([image], True)
    batch = annotations.apply([Change(image, paper.classes[1], Verdict.PRESENT)])
    annotations.undo(batch)
    paper.catalogue.images.mark_missing([image])
    photo = opened().missing.all().photos[0]
    assert (photo.present, photo.absent, photo.reviewed) == (0, 0, True)


def test_why_a_photo_is_missing(paper: Paper, opened: Callable[[], LibrarySession]) -> None:
    gone = paper.lose("gone.jpg")
    replaced = paper.add("replaced.jpg", "old")
    paper.catalogue.annotations.apply([Change(replaced, paper.classes[0], Verdict.PRESENT)])
    new = photo_file("replaced.jpg", fingerprint="new", picture_hash="new", file_hash="new")
    paper.catalogue.images.upsert(paper.folder.id, [new], {}, {"replaced.jpg"})
    session = opened()
    listed = session.missing.all()
    reasons = {photo.id: listed.reason(photo) for photo in listed.photos}
    assert reasons == {gone: MissingReason.GONE, replaced: MissingReason.REPLACED}
    session.catalogue.folders.set_device(paper.folder.id, 2**40)  # of no file system here
    paper.photos.rmdir()
    listed = session.missing.all()
    assert [listed.reason(photo) for photo in listed.photos] == [
        MissingReason.DISCONNECTED,
        MissingReason.REPLACED,
    ]


def test_candidates_are_ranked_by_why_they_are_candidates(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    hashed = paper.lose("trip/one.jpg", "one", [1, 0, 0, 0])
    named = paper.lose("trip/two.jpg", "two", [0, 1, 0, 0])
    unknown = paper.lose("trip/three.jpg", "three")
    copy = paper.add("copy.jpg", "one", [1, 0, 0, 0])
    same_name = paper.add("other/TWO.jpg", "else", [0, 1, 0.5, 0])
    unlike = paper.add("third/two.jpg", "else2", [0, 0, 0, 1])
    alike = paper.add("alike.jpg", "else3", [0, 1, 0.1, 0])
    result = found(opened())
    assert result[hashed] == (Candidate(copy, CandidateKind.PICTURE, 1.0),)
    kinds = [(item.image_id, item.kind) for item in result[named]]
    assert kinds == [
        (same_name, CandidateKind.NAME), (alike, CandidateKind.ALIKE), (unlike, CandidateKind.NAME),
    ]  # fmt: skip
    likeness = [item.likeness for item in result[named]]
    assert likeness == pytest.approx([0.894, 0.995, 0.0], abs=0.002)
    assert result[unknown] == ()


def test_the_photo_now_at_its_place_is_a_candidate(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    old = paper.add("a.jpg", "old")
    paper.catalogue.annotations.apply([Change(old, paper.classes[0], Verdict.PRESENT)])
    new = photo_file("a.jpg", fingerprint="new", picture_hash="new", file_hash="new")
    (now,) = paper.catalogue.images.upsert(paper.folder.id, [new], {}, {"a.jpg"})
    assert now != old
    assert found(opened())[old] == (Candidate(now, CandidateKind.PLACE, None),)


def test_many_missing_photos_are_compared_with_many_others(
    paper: Paper, opened: Callable[[], LibrarySession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmpt_desktop.engine.files.missing.PHOTOS_AT_ONCE", 3)
    monkeypatch.setattr("lmpt_desktop.inference.search.NEIGHBOUR_ROWS", 2)
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(9, DIM))
    lost = [paper.lose(f"lost {i}.jpg", f"l{i}", list(v)) for i, v in enumerate(directions)]
    near = [
        paper.add(f"there {i}.jpg", f"t{i}", list(v + 0.02 * rng.normal(size=DIM)))
        for i, v in enumerate(directions)
    ]
    result = found(opened())
    assert list(result) == lost
    assert [result[image_id][0].image_id for image_id in lost] == near


def test_annotations_are_given_in_one_step_that_undo_takes_back(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    lost = [paper.lose("one.jpg", "1"), paper.lose("two.jpg", "2")]
    there = [paper.add("one b.jpg", "3"), paper.add("two b.jpg", "4")]
    session = opened()
    notices: list[Notice] = []
    session.subscribe(notices.append)
    batch = session.missing.give(list(zip(lost, there, strict=True)))
    assert batch.label == "Annotations of 2 photos given to the photos found"
    assert AnnotationsChanged(tuple(sorted(lost + there))) in notices
    snapshot = session.snapshot()
    assert [snapshot.annotations[snapshot.row_of[i], 0] for i in there] == [1, 1]
    assert session.missing.all().photos == ()
    assert session.annotations.history()[-1].label == batch.label
    session.annotations.undo(batch)
    assert [photo.id for photo in session.missing.all().photos] == lost
    # Undone is not declined: the user may still choose the same photos.
    assert session.catalogue.missing.declined(lost) == set()


def test_what_contradicts_stays_and_is_told_before(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    dog, cat, kite = paper.classes
    lost, there = paper.lose("one.jpg", "1"), paper.add("one b.jpg", "2")
    annotations, images = paper.catalogue.annotations, paper.catalogue.images
    annotations.apply([Change(lost, cat, Verdict.PRESENT)])
    annotations.set_reviewed([lost], True)
    annotations.apply([Change(there, cat, Verdict.ABSENT), Change(there, dog, Verdict.PRESENT)])
    images.set_caption(lost, "mine")
    session = opened()
    told = session.missing.preview([(lost, there)])
    assert (told.photos, told.annotations, told.contradictions, told.kept) == (1, 1, 1, 1)
    assert (told.reviewed, told.captions) == (1, 1)
    session.missing.give([(lost, there)])
    matrix = session.catalogue.annotations.matrix([lost, there], [dog, cat, kite])
    assert matrix.tolist() == [[-1, 1, -1], [1, 0, 0]]
    assert session.catalogue.images.captions([lost, there]) == {there: "mine"}
    left = session.missing.all().photos
    assert [(photo.id, photo.present) for photo in left] == [(lost, 1)]


def test_only_missing_photos_give_and_only_photos_that_are_there_get(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    lost, other = paper.lose("one.jpg", "1"), paper.lose("two.jpg", "2")
    there = paper.add("three.jpg", "3")
    session = opened()
    assert not len(session.missing.give([(lost, other), (there, lost), (lost, 999)]))
    assert [photo.id for photo in session.missing.all().photos] == [lost, other]


def test_a_declined_candidate_is_offered_on_request_only(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    lost = paper.lose("trip/one.jpg", "1")
    there = paper.add("other/one.jpg", "2")
    session = opened()
    assert found(session)[lost] == (Candidate(there, CandidateKind.NAME, None),)
    session.missing.decline([(lost, there)])
    assert found(session)[lost] == ()
    assert found(session, declined=True)[lost] == (
        Candidate(there, CandidateKind.NAME, None, declined=True),
    )
    # The user may have been wrong.
    assert len(session.missing.give([(lost, there)]))
    assert session.missing.count_gone() == 0


# -------------------------------------------------------------------------- moved folders


def put(folder: Path, *names: str, size: int = 1000) -> Path:
    """Files of the size that :func:`photo_file` gives."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    return folder


def test_a_folder_of_the_library_that_was_moved_is_relocated(
    paper: Paper, opened: Callable[[], LibrarySession], tmp_path: Path
) -> None:
    paper.lose("a/one.jpg")
    paper.lose("a/two.jpg")
    paper.lose("three.jpg")
    session = opened()
    listed = session.missing.all()
    folders = session.missing.folders_around(listed, listed.photos[-1])
    assert [(item.relative, item.photos, item.exists) for item in folders] == [
        ("a", 2, False), ("", 3, True),
    ]  # fmt: skip
    new = put(tmp_path / "disk" / "photos", "a/one.jpg", "three.jpg")
    put(new, "a/two.jpg", size=7)
    plan = session.missing.plan_move(listed, folders[1], new)
    assert (plan.act, plan.found, plan.looked) == (MoveAct.RELOCATE, 2, 3)
    # The folder that it was moved into is understood, too.
    assert session.missing.plan_move(listed, folders[1], new.parent) == plan
    session.missing.move(plan)
    assert [item.path for item in session.folders.all()] == [new]


def test_a_folder_inside_the_library_is_scanned_where_it_is_now(
    paper: Paper, opened: Callable[[], LibrarySession], tmp_path: Path
) -> None:
    lost = paper.lose("trip/day 1/one.jpg")
    paper.add("there.jpg")
    now = paper.add("archive/trip/day 1/one.jpg", "edited")
    session = opened()
    listed = session.missing.all()
    trip = session.missing.folders_around(listed, listed.photos[0])[1]
    assert trip.relative == "trip"
    put(paper.photos / "archive", "trip/day 1/one.jpg")
    plan = session.missing.plan_move(listed, trip, paper.photos / "archive" / "trip")
    assert (plan.act, plan.target_id, plan.found) == (MoveAct.SCAN, paper.folder.id, 1)
    session.missing.move(plan)
    # What the scan does not recognise by its picture is offered because of its place.
    assert found(session)[lost][0].kind is CandidateKind.FOLDER
    assert found(session)[lost][0].image_id == now


def test_a_folder_elsewhere_is_added(
    paper: Paper, opened: Callable[[], LibrarySession], tmp_path: Path
) -> None:
    paper.lose("trip/one.jpg")
    paper.add("there.jpg")
    session = opened()
    listed = session.missing.all()
    trip, whole = session.missing.folders_around(listed, listed.photos[0])
    new = put(tmp_path / "disk", "one.jpg")
    plan = session.missing.plan_move(listed, trip, new)
    assert (plan.act, plan.found) == (MoveAct.ADD, 1)
    # A photo is still in the library's folder: that one has not been moved as a whole.
    assert session.missing.plan_move(listed, whole, new).act is MoveAct.ADD
    session.missing.move(plan)
    assert new in [item.path for item in session.folders.all()]


def test_places_where_the_folder_cannot_be_are_refused(
    paper: Paper, opened: Callable[[], LibrarySession], tmp_path: Path
) -> None:
    paper.lose("one.jpg")
    session = opened()
    listed = session.missing.all()
    (whole,) = session.missing.folders_around(listed, listed.photos[0])
    with pytest.raises(MoveRefusedError, match="where the photos were"):
        session.missing.plan_move(listed, whole, paper.photos)
    with pytest.raises(MoveRefusedError, match="no such folder"):
        session.missing.plan_move(listed, whole, tmp_path / "nowhere")


def test_looking_for_files_ends_in_time(
    paper: Paper,
    opened: Callable[[], LibrarySession],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lmpt_desktop.engine.files.missing.LOOK_SECONDS", -1.0)
    paper.lose("one.jpg")
    session = opened()
    listed = session.missing.all()
    (whole,) = session.missing.folders_around(listed, listed.photos[0])
    plan = session.missing.plan_move(listed, whole, put(tmp_path / "disk", "one.jpg"))
    assert (plan.found, plan.looked) == (0, 0)


def test_a_candidate_whose_annotations_followed_by_itself_was_undone_is_offered(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    lost, copy = paper.lose("one.jpg", "1"), paper.add("copy.jpg", "1")
    transfers = paper.catalogue.transfers
    batch = transfers.follow([(lost, copy)], TransferReason.COPY, "followed")
    paper.catalogue.annotations.undo(batch)
    assert found(opened())[lost] == (Candidate(copy, CandidateKind.PICTURE, 1.0),)


def test_several_missing_photos_may_be_one(
    paper: Paper, opened: Callable[[], LibrarySession]
) -> None:
    """Copies that are gone, of which one is left: none overwrites what another has brought."""
    dog, cat, _kite = paper.classes
    lost = [paper.lose(f"{i}/one.jpg", "1") for i in range(3)]
    there = paper.add("one.jpg", "1")
    annotations = paper.catalogue.annotations
    annotations.apply([Change(lost[1], cat, Verdict.PRESENT)])
    annotations.set_reviewed(lost, True)
    annotations.apply([Change(lost[2], dog, Verdict.ABSENT)])
    session = opened()
    before = annotations_of(session, [*lost, there])
    batch = session.missing.give([(image_id, there) for image_id in lost])
    after = annotations_of(session, [*lost, there])
    # The first says that there is a dog and no cat; what the others say against that stays.
    assert after.tolist() == [[-1, -1, -1], [-1, 1, -1], [0, -1, -1], [1, 0, 0]]
    assert session.catalogue.annotations.reviewed() == {there}
    session.annotations.undo(batch)
    assert np.array_equal(annotations_of(session, [*lost, there]), before)
    assert session.catalogue.annotations.reviewed() == set(lost)
    session.annotations.redo(batch)
    assert np.array_equal(annotations_of(session, [*lost, there]), after)


def annotations_of(session: LibrarySession, image_ids: list[int]) -> np.ndarray:
    classes = [entry.id for entry in session.catalogue.classes.all()]
    return session.catalogue.annotations.matrix(image_ids, classes)
