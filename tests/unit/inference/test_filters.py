from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshots import make_snapshot

from lmpt_desktop.domain.records import NO_DATE, ImageState
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.domain.texts import Texts
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Period,
    Sort,
    SortKey,
    Status,
    cameras,
    has_class,
    select,
    years,
)
from trainer.bands import Band, BandLimits

DOG, CAT, KITE = 10, 20, 30
NAN = float("nan")


@dataclass
class Library:
    """Five images, three classes; the last image has no feature."""

    annotations: np.ndarray = field(
        default_factory=lambda: np.array(
            [[1, -1, -1], [0, -1, -1], [-1, 1, 0], [1, -1, -1], [-1, -1, -1]], np.int8
        )
    )
    scores: np.ndarray = field(
        default_factory=lambda: np.array(
            [[0.9, 0.1, 0.45], [0.6, 0.7, 0.1], [0.2, 0.8, 0.9], [0.1, 0.2, 0.3], [NAN] * 3],
            np.float32,
        )
    )

    limits: BandLimits = field(default_factory=lambda: BandLimits(1, 2))

    @property
    def snapshot(self) -> Snapshot:
        return make_snapshot(
            self.annotations,
            self.scores,
            names=["b/img10.jpg", "b/img2.jpg", "a/Zoo.jpg", "a/x.jpg", "c.jpg"],
            folder_ids=[1, 1, 1, 2, 2],
            states=[0, 0, 1, 2, 0],
            taken=[50, 40, 30, 20, 10],
            reviewed=[1, 0, 0, 0, 0],
            limits=self.limits,
        )


def ids(wanted: Filter, order: Sort | None = None, library: Library | None = None) -> list[int]:
    snapshot = (library or Library()).snapshot
    return snapshot.image_ids[select(snapshot, wanted, order or Sort())].tolist()


def test_the_default_filter_keeps_every_image_in_the_order_added() -> None:
    assert ids(Filter()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(classes=ClassCondition((DOG,))), [1, 4]),  # 2 is predicted, but annotated absent
        (Filter(classes=ClassCondition((DOG,)), status=Status.PREDICTED), [1, 2]),
        (Filter(classes=ClassCondition((DOG,)), status=Status.PRESENT), [1, 4]),
        (Filter(classes=ClassCondition((DOG,)), status=Status.ABSENT), [2]),
        (Filter(classes=ClassCondition((DOG,)), status=Status.UNKNOWN), [3, 5]),
        (Filter(classes=ClassCondition((DOG,)), status=Status.CORRECTED), [2, 4]),
        (Filter(status=Status.CORRECTED), [2, 3, 4]),
        (Filter(classes=ClassCondition((999,))), []),
        (Filter(classes=ClassCondition((DOG, KITE))), [1, 4]),  # kite is annotated absent in 3
        (Filter(classes=ClassCondition((DOG, CAT))), [1, 2, 3, 4]),
        (Filter(classes=ClassCondition((DOG, CAT), Match.ALL)), []),
        (Filter(classes=ClassCondition((DOG, CAT), Match.ALL), status=Status.PREDICTED), [2]),
        (Filter(classes=ClassCondition((CAT, KITE)), status=Status.ABSENT), [3]),
        (Filter(without=(DOG,)), [2, 3, 5]),
        (Filter(without=(DOG, CAT)), [5]),
        (Filter(classes=ClassCondition((DOG, CAT)), without=(DOG,)), [2, 3]),
        # The status is about the classes wanted, not about those that are left out.
        (Filter(classes=ClassCondition((DOG,)), without=(CAT,), status=Status.ABSENT), []),
        (Filter(classes=ClassCondition((DOG, 999))), [1, 4]),
        (Filter(classes=ClassCondition((DOG, 999), Match.ALL)), []),
        (Filter(without=(999,)), []),  # better nothing than what should have been left out
        (Filter(without=(DOG, 999)), []),
        (Filter(unreviewed=True), [2, 3, 4, 5]),
        (Filter(state=ImageState.UNREADABLE), [4]),
        (Filter(folder_id=1), [1, 2, 3]),
        (Filter(folder_id=1, below=PurePosixPath("b")), [1, 2]),
        (Filter(text="zoo"), [3]),
        (Filter(text="b"), []),  # a folder's name is not the file's
        (Filter(image_ids=frozenset({5, 3})), [3, 5]),
        (Filter(classes=ClassCondition((DOG,)), unreviewed=True), [4]),
    ],
)
def test_filters_keep_the_images_that_meet_every_condition(
    wanted: Filter, expected: list[int]
) -> None:
    assert ids(wanted) == expected


def test_a_name_is_found_whichever_way_its_accents_are_stored() -> None:
    """macOS stores them as characters of their own; both are typed and pasted."""
    snapshot = Library().snapshot
    names = ["b/Gro\u0308ße.jpg", "b/Größe.jpg", *snapshot.images.names[2:]]
    snapshot = replace(snapshot, images=replace(snapshot.images, names=Texts.of(names)))
    for text in ("größe", "GRO\u0308SSE"):
        rows = select(snapshot, Filter(text=text), Sort())
        assert snapshot.image_ids[rows].tolist() == [1, 2]


def test_a_band_filter_looks_at_the_classes_of_that_band() -> None:
    library = Library()
    library.limits = BandLimits(2, 3)  # about two photos have dog and cat, and none has kite
    assert library.snapshot.bands.bands == (Band.MEDIUM, Band.MEDIUM, Band.TAIL)
    assert ids(Filter(band=Band.TAIL), library=library) == []  # predicted, but annotated absent
    assert ids(Filter(band=Band.MEDIUM), library=library) == [1, 2, 3, 4]
    wanted = Filter(classes=ClassCondition((CAT,)), band=Band.MEDIUM, status=Status.PRESENT)
    assert ids(wanted, library=library) == [3]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Sort(SortKey.NAME), [4, 3, 2, 1, 5]),
        (Sort(SortKey.DATE), [5, 4, 3, 2, 1]),
        (Sort(SortKey.ADDED, descending=True), [5, 4, 3, 2, 1]),
        (Sort(SortKey.SCORE, DOG), [1, 2, 3, 4, 5]),
        (Sort(SortKey.SCORE, DOG, descending=True), [4, 3, 2, 1, 5]),
        (Sort(SortKey.SCORE), [1, 3, 2, 4, 5]),
        (Sort(SortKey.UNCERTAINTY, DOG), [2, 3, 1, 4, 5]),
        (Sort(SortKey.UNCERTAINTY), [1, 4, 2, 3, 5]),
    ],
)
def test_sorting_puts_images_without_a_score_last(order: Sort, expected: list[int]) -> None:
    found = ids(Filter(), order)
    if order == Sort(SortKey.UNCERTAINTY):
        # 2 and 4 lie equally far from a threshold
        assert found[0] == 1
        assert set(found[1:4]) == {2, 3, 4}
        assert found[4] == 5
    else:
        assert found == expected


def test_tail_first_shows_photos_with_evidence_for_a_rare_class_before_the_rest() -> None:
    library = Library()
    library.limits = BandLimits(2, 3)
    library.annotations = np.array(
        [[1, 1, -1], [1, 1, -1], [1, -1, -1], [-1, -1, 1], [-1, -1, -1]], np.int8
    )
    found = ids(Filter(), Sort(SortKey.TAIL_FIRST), library)
    assert library.snapshot.bands.bands[2] is Band.MEDIUM
    assert found == [1, 2, 3, 4, 5]  # no tail class: the order stays
    library.annotations[3, 2] = -1
    assert library.snapshot.bands.bands[2] is Band.TAIL
    found = ids(Filter(), Sort(SortKey.TAIL_FIRST), library)
    assert found == [3, 1, 2, 4, 5]


def test_an_empty_library_answers_every_question() -> None:
    snapshot = make_snapshot(np.empty((0, 3)), np.empty((0, 3)))
    for key in SortKey:
        wanted = Filter(text="x", status=Status.PREDICTED, band=Band.TAIL)
        assert len(select(snapshot, wanted, Sort(key))) == 0


def test_a_library_without_classes_can_be_sorted() -> None:
    snapshot = make_snapshot(np.empty((5, 0)), np.empty((5, 0)))
    for key in SortKey:
        assert sorted(select(snapshot, Filter(), Sort(key))) == [0, 1, 2, 3, 4]


# ------------------------------------------------------------------------------------- dates


def dated(*taken: int, mtime: tuple[int, ...] = ()) -> Snapshot:
    """Images taken at these seconds since the epoch, by their cameras' clocks."""
    snapshot = make_snapshot(np.full((len(taken), 1), -1), taken=taken)
    if mtime:
        snapshot.images.mtime[:] = np.array(mtime) * 1_000_000_000
    return snapshot


def seconds(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


def test_a_range_of_days_includes_both_of_them() -> None:
    snapshot = dated(
        seconds(2024, 3, 1) - 1,
        seconds(2024, 3, 1),
        seconds(2024, 3, 31, 23),
        seconds(2024, 4, 1),
    )

    def rows(dates: Dates, today: date | None = None) -> list[int]:
        return select(snapshot, Filter(dates=dates), Sort(), today).tolist()

    assert rows(Dates(date(2024, 3, 1), date(2024, 3, 31))) == [1, 2]
    assert rows(Dates(date(2024, 3, 1))) == [1, 2, 3]
    assert rows(Dates(last=date(2024, 3, 1))) == [0, 1]
    assert rows(Dates(date(2024, 3, 2), date(2024, 3, 1))) == []
    assert rows(Dates(date.min, date.max)) == [0, 1, 2, 3]
    assert rows(Dates(period=Period.RECENT), date(2024, 4, 1)) == [2, 3]
    assert rows(Dates(period=Period.RECENT), date(2024, 3, 30)) == [1]
    assert rows(Dates(period=Period.THIS_YEAR), date(2024, 1, 1)) == [0, 1, 2, 3]
    assert rows(Dates(period=Period.LAST_YEAR), date(2024, 1, 1)) == []
    assert rows(Dates(period=Period.LAST_YEAR), date(2025, 12, 31)) == [0, 1, 2, 3]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone cannot be set here")
def test_a_camera_shows_its_own_day_and_a_file_changed_on_the_day_it_was_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        # 02:00 UTC is the evening before in New York.
        instant = seconds(2024, 7, 2, 2)
        snapshot = dated(instant, NO_DATE, mtime=(0, instant))
        first = Filter(dates=Dates(date(2024, 7, 1), date(2024, 7, 1)))
        second = Filter(dates=Dates(date(2024, 7, 2), date(2024, 7, 2)))
        assert select(snapshot, first, Sort()).tolist() == [1]
        assert select(snapshot, second, Sort()).tolist() == [0]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_years_of_a_library_are_listed_the_last_one_first() -> None:
    assert years(dated(seconds(1998, 5, 5), seconds(2024, 1, 1), seconds(1998, 1, 1))) == (
        2024,
        1998,
    )
    assert years(make_snapshot(np.empty((0, 1)))) == ()


def test_cameras_are_listed_and_sorted_by_name() -> None:
    names = ["b", "", "A", "b", "c"]
    snapshot = make_snapshot(np.full((5, 1), -1), cameras=names)
    assert cameras(snapshot) == (("A", 1), ("b", 2), ("c", 1), ("", 1))
    order = Sort(SortKey.CAMERA)
    assert [names[row] for row in select(snapshot, Filter(), order)] == ["A", "b", "b", "c", ""]
    rows = select(snapshot, Filter(), Sort(SortKey.CAMERA, descending=True))
    assert [names[row] for row in rows] == ["c", "b", "b", "A", ""]


# ---------------------------------------------------------------------------- a plain model

CELL: dict[Status | None, Callable[[int, bool], bool]] = {
    None: lambda verdict, predicted: verdict == 1 or (predicted and verdict != 0),
    Status.PREDICTED: lambda verdict, predicted: predicted,
    Status.PRESENT: lambda verdict, predicted: verdict == 1,
    Status.ABSENT: lambda verdict, predicted: verdict == 0,
    Status.UNKNOWN: lambda verdict, predicted: verdict == -1,
    Status.CORRECTED: lambda verdict, predicted: verdict >= 0 and (verdict == 1) != predicted,
}
CLASS_IDS = (10, 20, 30, 40)


@st.composite
def libraries(draw: st.DrawFn) -> Snapshot:
    n = draw(st.integers(0, 12))
    cells = st.lists(st.sampled_from([-1, 0, 1]), min_size=4, max_size=4)
    values = st.lists(st.sampled_from([0.1, 0.5, 0.9]), min_size=4, max_size=4)
    days = st.integers(-40_000, 40_000).map(lambda day: day * 86_400 + 43_200)
    verdicts = draw(st.lists(cells, min_size=n, max_size=n))
    scores = np.array(draw(st.lists(values, min_size=n, max_size=n)), np.float32).reshape(n, 4)
    scores[draw(st.lists(st.integers(0, n - 1), max_size=3)) if n else []] = np.nan
    return make_snapshot(
        np.array(verdicts, np.int8).reshape(n, 4),
        scores,
        names=draw(
            st.lists(st.sampled_from(["a/B.jpg", "b/a.jpg", "ab.jpg"]), min_size=n, max_size=n)
        ),
        folder_ids=draw(st.lists(st.integers(1, 2), min_size=n, max_size=n)),
        states=draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)),
        reviewed=draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        taken=draw(st.lists(days, min_size=n, max_size=n)),
        limits=BandLimits(2, 4),
        cameras=draw(st.lists(st.sampled_from(["", "X1", "M5"]), min_size=n, max_size=n)),
    )


FILTERS = st.builds(
    Filter,
    classes=st.builds(
        ClassCondition,
        st.lists(st.sampled_from([*CLASS_IDS, 99]), max_size=3, unique=True).map(tuple),
        st.sampled_from(Match),
    ),
    without=st.lists(st.sampled_from([*CLASS_IDS, 99]), max_size=2, unique=True).map(tuple),
    band=st.none() | st.sampled_from(Band),
    status=st.sampled_from([None, *Status]),
    unreviewed=st.booleans(),
    state=st.none() | st.sampled_from(ImageState),
    dates=st.builds(Dates, st.none() | st.dates(), st.none() | st.dates()),
    folder_id=st.none() | st.integers(1, 3),
    text=st.sampled_from(["", "a", "B.J"]),
    image_ids=st.none() | st.frozensets(st.integers(1, 12), max_size=8),
    camera=st.none() | st.sampled_from(["", "X1", "gone"]),
)


def camera_of(snapshot: Snapshot, row: int) -> str:
    return snapshot.images.camera_names.get(int(snapshot.images.cameras[row]), "")


def passes(snapshot: Snapshot, row: int, wanted: Filter) -> bool:
    """Whether an image passes, said in plain Python."""

    def meets(class_id: int, status: Status | None) -> bool:
        if class_id not in CLASS_IDS:
            return False
        column = CLASS_IDS.index(class_id)
        score = snapshot.scores[row, column]
        verdict, predicted = int(snapshot.annotations[row, column]), bool(score >= 0.5)
        if status is Status.CORRECTED and np.isnan(score):
            return False
        return CELL[status](verdict, predicted)

    of_band = [
        id_ for id_, band in zip(CLASS_IDS, snapshot.bands.bands, strict=True)
        if band is wanted.band
    ]  # fmt: skip
    every = all if wanted.classes.match is Match.ALL else any
    day = date(1970, 1, 1) + timedelta(days=int(snapshot.dates[row]) // 86_400)
    first, last = wanted.dates.first or date.min, wanted.dates.last or date.max
    name = snapshot.names[row].split("/")[-1].lower()
    conditions = (
        not wanted.classes or every(meets(id_, wanted.status) for id_ in wanted.classes.ids),
        all(id_ in CLASS_IDS and not meets(id_, None) for id_ in wanted.without),
        wanted.band is None or any(meets(id_, wanted.status) for id_ in of_band),
        wanted.status is None
        or bool(wanted.classes)
        or wanted.band is not None
        or any(meets(id_, wanted.status) for id_ in CLASS_IDS),
        not wanted.unreviewed or not snapshot.reviewed[row],
        wanted.state is None or snapshot.states[row] == wanted.state,
        first <= day <= last,
        wanted.folder_id is None or snapshot.folder_ids[row] == wanted.folder_id,
        wanted.text.lower() in name,
        wanted.camera in (None, camera_of(snapshot, row)),
        wanted.image_ids is None or int(snapshot.image_ids[row]) in wanted.image_ids,
    )
    return all(conditions)


@settings(max_examples=examples(150), deadline=None)
@given(libraries(), FILTERS)
def test_every_filter_keeps_what_a_plain_reading_of_it_keeps(
    snapshot: Snapshot, wanted: Filter
) -> None:
    kept = [row for row in range(len(snapshot.image_ids)) if passes(snapshot, row, wanted)]
    assert select(snapshot, wanted, Sort()).tolist() == kept


@given(libraries())
def test_the_count_of_a_class_is_what_a_filter_on_it_shows(snapshot: Snapshot) -> None:
    counts = [
        len(select(snapshot, Filter(classes=ClassCondition((id_,))), Sort())) for id_ in CLASS_IDS
    ]
    assert has_class(snapshot).tolist() == counts


def test_blocks_of_rows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    snapshot = make_snapshot(
        rng.integers(-1, 2, (97, 4)), rng.random((97, 4), np.float32), reviewed=rng.random(97) < 0.3
    )
    wanted = [
        Filter(classes=ClassCondition((10, 30), match), without=(20,), unreviewed=unreviewed)
        for match in Match
        for unreviewed in (False, True)
    ]
    whole = [select(snapshot, it, Sort()).tolist() for it in wanted]
    monkeypatch.setattr("lmpt_desktop.inference.filters.BLOCK_ROWS", 10)
    assert [select(snapshot, it, Sort()).tolist() for it in wanted] == whole
    assert all(whole)
