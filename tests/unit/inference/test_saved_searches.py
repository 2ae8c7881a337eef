from __future__ import annotations

import json
from datetime import date
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmpt_desktop.domain.records import ClassEntry, ImageState
from lmpt_desktop.inference.filters import (
    ClassCondition,
    Dates,
    Filter,
    Match,
    Period,
    Sort,
    SortKey,
    Status,
)
from lmpt_desktop.inference.saved_searches import (
    LONGEST_NAME,
    MOST_SEARCHES,
    SavedSearch,
    all_from_stored,
    can_be_saved,
    from_stored,
    tidy_name,
    to_stored,
)
from trainer.bands import Band

IDS = st.lists(st.integers(0, 2**63 - 1), max_size=4, unique=True).map(tuple)
TEXTS = st.text(max_size=40)
SEARCHES = st.builds(
    SavedSearch,
    name=st.text("abc ä", min_size=1, max_size=20).map(tidy_name).filter(bool),
    filter=st.builds(
        Filter,
        classes=IDS.flatmap(
            lambda ids: st.builds(
                ClassCondition, st.just(ids), st.sampled_from(Match if ids else [Match.ANY])
            )
        ),
        without=IDS,
        band=st.none() | st.sampled_from(Band),
        status=st.none() | st.sampled_from(Status),
        unreviewed=st.booleans(),
        edited=st.booleans(),
        state=st.none() | st.sampled_from(ImageState),
        dates=st.builds(
            Dates,
            st.none() | st.dates(),
            st.none() | st.dates(),
            st.none() | st.sampled_from(Period),
        ),
        folder_id=st.none() | st.integers(1, 5),
        below=st.none() | st.sampled_from([PurePosixPath("a"), PurePosixPath("a/b c")]),
        text=TEXTS,
        camera=st.none() | st.sampled_from(["", "Canon EOS 5D"]),
    ),
    sort=st.builds(Sort, st.sampled_from(SortKey), descending=st.booleans()),
    words=TEXTS,
)


@given(SEARCHES)
def test_a_saved_search_is_read_back_as_it_was_written(search: SavedSearch) -> None:
    assert from_stored(json.loads(json.dumps(to_stored(search)))) == search


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = tuple(
    to_stored(
        SavedSearch(
            "n",
            Filter(
                ClassCondition((1,)), (2,), Band.TAIL, Status.PRESENT, True, True,
                ImageState.MISSING, Dates(date.min, date.max, Period.RECENT), 1,
                PurePosixPath("a"), "t", None, "Canon EOS 5D",
            ),
            Sort(SortKey.NAME, descending=True),
            "w",
            {1: "dog"},
        )
    )
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING) | ANYTHING, max_size=5))
def test_whatever_is_stored_gives_searches_or_none(stored: list[Any]) -> None:
    for search in all_from_stored(stored):
        assert search.name
        assert from_stored(to_stored(search)).filter == search.filter


@pytest.mark.parametrize(
    "stored",
    [
        "herons",
        {},
        {"name": " \n "},
        {"name": 3},
        {"name": "a", "classes": "12"},
        {"name": "a", "classes": [True]},
        {"name": "a", "classes": [1.5]},
        {"name": "a", "classes": [2**70]},
        {"name": "a", "classes": list(range(20_000))},
        {"name": "a", "match": "some"},
        {"name": "a", "band": "DROP TABLE"},
        {"name": "a", "first": "yesterday"},
        {"name": "a", "below": "/etc"},
        {"name": "a", "below": "a/../../b"},
        {"name": "a", "text": "x" * 10_000},
        {"name": "a", "unreviewed": "yes"},
        {"name": "a", "class names": ["dog"]},
        {"name": "a", "state": "GONE"},
        {"name": "a", "camera": ["Canon"]},
        {"name": "a", "camera": "x" * 1000},
        {"name": "a", "camera": "a\u202eb"},
        {"name": "a", "no camera": "yes"},
    ],
)
def test_what_makes_no_sense_is_refused_and_left_out(stored: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_stored(stored)
    good = to_stored(SavedSearch("good"))
    assert [search.name for search in all_from_stored([stored, good])] == ["good"]


def test_there_is_a_limit_and_one_search_to_a_name() -> None:
    many = [to_stored(SavedSearch(f"search {number}")) for number in range(MOST_SEARCHES + 50)]
    assert len(all_from_stored(many)) == MOST_SEARCHES
    twice = [to_stored(SavedSearch(name)) for name in ("Herons", "herons")]
    assert [search.name for search in all_from_stored(twice)] == ["Herons"]


def test_a_name_is_printable_and_short() -> None:
    assert tidy_name("  my\n\tdogs\x00 ") == "my dogs"
    assert tidy_name("👩\u200d🚀 می\u200cخواهم") == "👩\u200d🚀 می\u200cخواهم"
    assert len(tidy_name("x" * 500)) == LONGEST_NAME


def test_a_renamed_class_is_found_by_its_id_and_a_gone_one_by_its_name() -> None:
    search = SavedSearch(
        "a",
        Filter(classes=ClassCondition((1, 2, 3)), without=(4,)),
        class_names={1: "dog", 2: "Egret", 3: "heron", 4: "person"},
    )
    classes = [
        ClassEntry(1, "hound", position=0),  # renamed
        ClassEntry(7, "egret", position=1),  # deleted and made again
        ClassEntry(8, "dog", position=2),  # another class has the old name now
    ]
    found = search.resolved(classes)
    assert found.classes.ids == (1, 7, 3)
    assert found.without == (4,)


def test_photos_that_were_chosen_one_by_one_cannot_be_saved() -> None:
    assert can_be_saved(Filter(unreviewed=True))
    assert not can_be_saved(Filter(image_ids=frozenset({1})))
