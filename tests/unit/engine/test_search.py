from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, ImageState
from lmpt_desktop.engine import search
from lmpt_desktop.engine.notices import Notice
from lmpt_desktop.engine.search import SearchQuery, SearchReady, SearchResult, SearchState
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.filters import Filter

Until = Callable[[Callable[[], object]], None]
Open = Callable[..., LibrarySession]

NAMES = ["dog_1.jpg", "cat_1.jpg", "dog+cat_1.jpg", "kite_1.jpg", "dog_2.jpg", "bad_1.jpg"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    return folder


@pytest.fixture
def open_session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str]
) -> Iterator[Open]:
    sessions: list[LibrarySession] = []

    def make(**options: object) -> LibrarySession:
        settings: dict = {"commands": Commands(encoder_command, fit_command)} | options
        session = LibrarySession.open(tmp_path / "library", **settings)
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def session(open_session: Open, photos: Path) -> LibrarySession:
    """Five photos with a feature and one that cannot be read."""
    return filled(open_session(), photos)


def filled(session: LibrarySession, photos: Path) -> LibrarySession:
    session.vocabulary.set_all([ClassSpec("kite")])
    session.folders.add(photos)
    assert session.wait_until_idle(60)
    return session


def names(session: LibrarySession, result: SearchResult) -> list[str]:
    return [session.snapshot().names[row] for row in result.ranking.rows.tolist()]


def ids(session: LibrarySession, *wanted: str) -> tuple[int, ...]:
    snapshot = session.snapshot()
    place = {name: int(i) for name, i in zip(snapshot.names, snapshot.image_ids, strict=True)}
    return tuple(place[name] for name in wanted)


def read(session: LibrarySession, text: str, until: Until) -> SearchResult:
    """The answer once the words are read."""
    query = SearchQuery(text)
    until(lambda: session.search.run(query).state is not SearchState.WAITING)
    return session.search.run(query)


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "library" / "encode" / "starts.txt").read_text().splitlines())


def test_words_find_the_photos_they_describe(session: LibrarySession, until: Until) -> None:
    heard: list[Notice] = []
    session.subscribe(heard.append)
    first = session.search.run(SearchQuery("dog"))
    assert first.state is SearchState.WAITING
    assert first.message in (search.LOADING, search.READING)
    assert not len(first.ranking.rows)
    until(lambda: SearchReady("dog") in heard)
    result = session.search.run(SearchQuery("dog"))
    assert result.state is SearchState.READY and not result.message
    assert names(session, result)[:3] == ["dog_1.jpg", "dog_2.jpg", "dog+cat_1.jpg"]
    assert len(result.ranking.rows) == 5
    assert result.ranking.left_out == 1, "the file that is no photo"


def test_the_order_is_that_of_all_products_sorted(session: LibrarySession, until: Until) -> None:
    result = read(session, "kite", until)
    assert session.wait_until_idle(60)
    features = session.catalogue.features.load(session.model.backbone)[1].astype(np.float32)
    direction = next(iter(session.catalogue.features.texts("lite", ["kite"], "search").values()))
    expected = np.sort(features @ direction)[::-1]
    np.testing.assert_allclose(result.ranking.similarities, expected, atol=1e-5)


def test_space_in_words_is_tidied_and_nothing_is_no_query() -> None:
    assert SearchQuery.words("  a dog \n on a  beach ") == SearchQuery("a dog on a beach")
    assert SearchQuery.words(" \t ") is None


def test_filters_narrow_what_is_ranked(session: LibrarySession, until: Until) -> None:
    read(session, "dog", until)
    result = session.search.run(SearchQuery("dog"), Filter(text="cat"))
    assert names(session, result) == ["dog+cat_1.jpg", "cat_1.jpg"]
    assert (result.ranking.candidates, result.ranking.left_out) == (2, 0)
    alone = session.search.run(SearchQuery("dog"), Filter(state=ImageState.UNREADABLE))
    assert alone.state is SearchState.READY
    assert (len(alone.ranking.rows), alone.ranking.left_out) == (0, 1)


def test_more_like_one_image_begins_with_itself(session: LibrarySession) -> None:
    result = session.search.run(SearchQuery(image_ids=ids(session, "kite_1.jpg")))
    assert names(session, result)[0] == "kite_1.jpg"
    assert result.ranking.similarities[0] == pytest.approx(1.0, abs=1e-2)


def test_more_like_several_finds_what_they_share(session: LibrarySession) -> None:
    pair = ids(session, "dog_1.jpg", "cat_1.jpg")
    result = session.search.run(SearchQuery(image_ids=pair))
    assert names(session, result)[0] == "dog+cat_1.jpg"
    assert names(session, result)[-1] == "kite_1.jpg"


def test_an_example_without_a_feature_is_reported_alone_and_ignored_among_others(
    session: LibrarySession,
) -> None:
    bad = session.search.run(SearchQuery(image_ids=ids(session, "bad_1.jpg")))
    assert bad.state is SearchState.NOTHING
    assert bad.message.startswith("The chosen photo has not been encoded")
    gone = session.search.run(SearchQuery(image_ids=(998, 999)))
    assert gone.message.startswith("None of the chosen photos has been encoded")
    both = session.search.run(SearchQuery(image_ids=ids(session, "bad_1.jpg", "kite_1.jpg")))
    assert names(session, both)[0] == "kite_1.jpg"


def test_before_anything_is_encoded_no_model_is_started(open_session: Open, tmp_path: Path) -> None:
    session = open_session()
    assert session.wait_until_idle(60)
    before = starts(tmp_path) if (tmp_path / "library" / "encode" / "starts.txt").exists() else 0
    result = session.search.run(SearchQuery("dog"))
    assert (result.state, result.message) == (SearchState.NOTHING, search.NOTHING_ENCODED)
    assert session.wait_until_idle(60)
    after = starts(tmp_path) if (tmp_path / "library" / "encode" / "starts.txt").exists() else 0
    assert after == before


def test_words_read_once_need_no_model_after_a_restart(
    open_session: Open, photos: Path, until: Until
) -> None:
    first = filled(open_session(), photos)
    expected = names(first, read(first, "dog", until))
    assert first.wait_until_idle(60)
    first.close()
    again = open_session(encode=False)
    assert again.wait_until_idle(60)
    result = again.search.run(SearchQuery("dog"))
    assert result.state is SearchState.READY
    assert names(again, result) == expected
    other = again.search.run(SearchQuery("something new"))
    assert (other.state, other.message) == (SearchState.FAILED, search.NO_ENCODER)
    examples = SearchQuery(image_ids=ids(again, "kite_1.jpg"))
    assert again.search.run(examples).state is SearchState.READY


def test_words_that_were_read_are_not_class_names_and_the_other_way_round(
    session: LibrarySession, until: Until
) -> None:
    """Class names are embedded within templates, words as they are: two cache entries."""
    assert session.search.run(SearchQuery("kite")).state is SearchState.WAITING
    read(session, "kite", until)
    assert session.wait_until_idle(60)
    assert "kite" in session.catalogue.features.texts("lite", ["kite"], search.VARIANT)


def test_a_crash_while_reading_words_is_reported_and_can_be_retried(
    open_session: Open, photos: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(open_session(), photos).close()
    monkeypatch.setenv("FAKE_ENCODER", json.dumps({"crash_on_texts": True}))
    session = open_session()
    assert session.wait_until_idle(60)
    result = read(session, "dog", until)
    assert result.state is SearchState.FAILED
    assert result.message.startswith("Your search text could not be encoded.")
    monkeypatch.setenv("FAKE_ENCODER", "{}")
    session.search.retry(SearchQuery("dog"))
    assert read(session, "dog", until).state is SearchState.READY


def test_another_device_meanwhile_reads_the_words_instead(
    open_session: Open, photos: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(open_session(), photos)
    session.search.run(SearchQuery("dog"))
    session.model.set_device("cpu")
    assert read(session, "dog", until).state is SearchState.READY


def test_only_the_newest_words_stay_in_memory(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr(search, "RECENT", 2)
    for text in ("dog", "cat", "kite"):
        read(session, text, until)
    assert session.wait_until_idle(60)
    assert len(session.search._read) == 2
    assert session.search.run(SearchQuery("dog")).state is SearchState.READY, "from the catalogue"


def test_features_that_arrive_are_found_by_the_next_run(
    session: LibrarySession, photos: Path, until: Until
) -> None:
    assert len(read(session, "dog", until).ranking.rows) == 5
    Image.new("RGB", (64, 64), (1, 2, 3)).save(photos / "dog_9.jpg")
    session.folders.rescan()
    until(lambda: len(session.search.run(SearchQuery("dog")).ranking.rows) == 6)
    assert "dog_9.jpg" in names(session, session.search.run(SearchQuery("dog")))[:3]
