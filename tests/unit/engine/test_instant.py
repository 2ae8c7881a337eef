"""Instant learning in a real session: what verdicts do to predictions, and what they must not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id
from fake_encoder import DIM
from numpy.typing import NDArray
from PIL import Image

from lmpt_desktop.catalogue import Catalogue
from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.engine import model_service
from lmpt_desktop.engine.notices import Notice, PredictionsTaught
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.settings import INSTANT

NAMES = [f"{word}_{n}.jpg" for word in ("dog", "cat", "dog+cat", "kite") for n in range(6)]


@pytest.fixture
def session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str]
) -> Iterator[LibrarySession]:
    """A library without a verdict."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 9, 90, 20)).save(folder / name)
    commands = Commands(encoder_command, fit_command)
    with LibrarySession.open(tmp_path / "library", commands=commands) as made:
        made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat"), ClassSpec("kite")])
        made.folders.add(folder)
        assert made.wait_until_idle(60)
        yield made


def scores(session: LibrarySession) -> NDArray[np.float32]:
    assert session.wait_until_idle(60)
    return session.snapshot().scores


def pure(session: LibrarySession) -> NDArray[np.float32]:
    """What the version in use predicts by itself."""
    base = session.model.base_weights()
    assert base is not None
    features = session._state.features()
    has, matrix = features.lookup(session.snapshot().image_ids)
    assert has.all()
    return predict(matrix, base)


def image(session: LibrarySession, name: str) -> int:
    snapshot = session.snapshot()
    return int(snapshot.image_ids[list(snapshot.names).index(name)])


def column(session: LibrarySession, name: str) -> int:
    return session.snapshot().column_of[class_id(session, name)]


def say(session: LibrarySession, name: str, word: str, verdict: Verdict) -> None:
    session.annotations.annotate([image(session, name)], [class_id(session, word)], verdict)


def test_a_verdict_moves_its_class_and_photos_like_the_photo(session: LibrarySession) -> None:
    before = scores(session)
    told: list[Notice] = []
    session.subscribe(told.append)
    say(session, "cat_0.jpg", "cat", Verdict.PRESENT)
    after = scores(session)
    cat = column(session, "cat")
    rows = session.snapshot().rows([image(session, f"cat_{n}.jpg") for n in range(6)])
    assert (1 - after[rows, cat] < 0.6 * (1 - before[rows, cat])).all()
    others = [n for n in range(3) if n != cat]
    np.testing.assert_array_equal(after[:, others], before[:, others])
    assert sum(isinstance(notice, PredictionsTaught) for notice in told) == 1


def test_the_mean_score_and_the_threshold_stay(session: LibrarySession) -> None:
    before, thresholds = scores(session), session.snapshot().thresholds
    say(session, "cat_0.jpg", "cat", Verdict.PRESENT)
    say(session, "dog_0.jpg", "cat", Verdict.ABSENT)
    after, cat = scores(session), column(session, "cat")
    assert after[:, cat].mean() == pytest.approx(before[:, cat].mean(), abs=1e-4)
    np.testing.assert_array_equal(session.snapshot().thresholds, thresholds)


def test_undo_is_as_if_never_said(session: LibrarySession) -> None:
    before = scores(session)
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    one = scores(session)
    batch = session.annotations.mark_reviewed([image(session, "kite_1.jpg")])
    assert not np.allclose(scores(session), one)
    session.annotations.undo(batch)
    np.testing.assert_allclose(scores(session), one, atol=1e-5)
    session.annotations.annotate(
        [image(session, "dog_1.jpg")], [class_id(session, "dog")], Verdict.UNKNOWN
    )
    np.testing.assert_array_equal(scores(session), before)


def test_it_is_the_same_after_a_restart(
    session: LibrarySession, tmp_path: Path, encoder_command: list[str]
) -> None:
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    say(session, "cat_1.jpg", "dog", Verdict.ABSENT)
    session.annotations.mark_reviewed([image(session, "kite_1.jpg")])
    before = scores(session)
    session.close()
    with LibrarySession.open(tmp_path / "library", commands=Commands(encoder_command)) as again:
        np.testing.assert_allclose(scores(again), before, atol=1e-5)


def test_it_learns_what_another_process_has_annotated(
    session: LibrarySession, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    before, dog = scores(session), column(session, "dog")
    with Catalogue.open(tmp_path / "library") as other:
        other.annotations.apply_arrays(
            np.array([image(session, "dog_1.jpg")]),
            np.array([class_id(session, "dog")]),
            np.array([1], np.int8),
        )

    def moved() -> bool:
        return bool((session.snapshot().scores[:, dog] != before[:, dog]).any())

    until(moved)


def test_held_out_photos_teach_nothing(session: LibrarySession) -> None:
    before = scores(session)
    session.catalogue.runs.add_held_out([image(session, "dog_1.jpg")])
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    np.testing.assert_array_equal(scores(session), before)


def test_a_photo_that_is_held_out_later_no_longer_teaches(session: LibrarySession) -> None:
    say(session, "cat_2.jpg", "cat", Verdict.PRESENT)
    without = scores(session)
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    scores(session)
    session.catalogue.runs.add_held_out([image(session, "dog_1.jpg")])
    say(session, "kite_1.jpg", "kite", Verdict.PRESENT)
    dog = column(session, "dog")
    np.testing.assert_allclose(scores(session)[:, dog], without[:, dog], atol=1e-6)


def test_what_the_version_has_learned_is_not_counted_twice(
    reviewed_session: LibrarySession, trained_version: int
) -> None:
    session = reviewed_session
    assert trained_version
    np.testing.assert_array_equal(scores(session), pure(session))
    # The photo that the run held out judges; another that it learned from is corrected.
    kite = column(session, "kite")
    say(session, "cat_2.jpg", "kite", Verdict.PRESENT)
    moved = scores(session)
    assert (moved[:, kite] != pure(session)[:, kite]).any()
    say(session, "cat_2.jpg", "kite", Verdict.ABSENT)
    np.testing.assert_array_equal(scores(session), pure(session))


def test_it_can_be_switched_off_and_on(session: LibrarySession) -> None:
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    taught = scores(session)
    session.settings.set(INSTANT, False)
    np.testing.assert_array_equal(scores(session), pure(session))
    say(session, "cat_1.jpg", "dog", Verdict.ABSENT)
    np.testing.assert_array_equal(scores(session), pure(session))
    session.annotations.annotate(
        [image(session, "cat_1.jpg")], [class_id(session, "dog")], Verdict.UNKNOWN
    )
    session.settings.set(INSTANT, True)
    np.testing.assert_allclose(scores(session), taught, atol=1e-6)


def test_a_confirmed_prediction_teaches_less_than_a_verdict(session: LibrarySession) -> None:
    before, dog = scores(session), column(session, "dog")
    row = int(session.snapshot().rows([image(session, "dog_1.jpg")])[0])
    found = confirmation(session.snapshot(), np.array([image(session, "dog_1.jpg")]))
    assert found.present[0, dog], "the photo is predicted to show a dog"
    session.annotations.confirm(found)
    confirmed = scores(session)[row, dog] - before[row, dog]
    # The user's own verdict on the same class takes the confirmed one's place.
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    own = scores(session)[row, dog] - before[row, dog]
    assert own > confirmed


@pytest.mark.parametrize("source", [Source.USER, Source.CONFIRMED])
def test_many_at_once_teach_what_they_teach_one_by_one(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    scores(session)
    ids = session.snapshot().image_ids
    dog = class_id(session, "dog")
    names = [name.rpartition("/")[2] for name in session.snapshot().names]
    verdicts = np.array(["dog" in name for name in names], np.int8)
    for place in range(len(ids)):
        session.annotations.apply(ids[[place]], np.array([dog]), verdicts[[place]], source=source)
    one_by_one = scores(session)
    batch = session.annotations.apply(ids, np.full(len(ids), dog), np.full(len(ids), -1, np.int8))
    assert batch
    scores(session)
    monkeypatch.setattr("lmpt_desktop.engine.instant._MANY", 3)
    monkeypatch.setattr("lmpt_desktop.engine.instant._SHARE_AGAIN", len(ids))
    session.annotations.apply(ids, np.full(len(ids), dog), verdicts, source=source)
    np.testing.assert_allclose(scores(session), one_by_one, atol=1e-5)


def test_a_new_class_and_a_renamed_one_keep_what_was_learned(session: LibrarySession) -> None:
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    before = scores(session)[:, :2]
    session.vocabulary.rename(class_id(session, "kite"), "stunt kite")
    session.vocabulary.add("boat")
    after = scores(session)
    np.testing.assert_allclose(after[:, :2], before, atol=1e-6)
    assert np.isfinite(after).all()


def test_versions_and_retrainings_start_from_what_was_not_taught(session: LibrarySession) -> None:
    say(session, "dog_1.jpg", "dog", Verdict.PRESENT)
    scores(session)
    base, used = session.model.base_weights(), session._state.weights
    plain = session.model.weights_with(None)
    assert base is not None and used is not None and plain is not None
    np.testing.assert_array_equal(base.embeddings, plain.embeddings)
    assert (used[1].embeddings != plain.embeddings).any()


def test_a_mistake_is_found_although_it_was_learned(session: LibrarySession) -> None:
    say(session, "dog_1.jpg", "dog", Verdict.ABSENT)
    after = scores(session)
    wrong = image(session, "dog_1.jpg")
    row = int(session.snapshot().rows([wrong])[0])
    assert after[row, column(session, "dog")] < pure(session)[row, column(session, "dog")]
    queue = session.queues.build(QueueRequest(QueueKind.DISAGREEMENTS))
    assert [item.image_id for item in queue.items] == [wrong]


def test_names_that_were_read_meanwhile_are_learned_with_at_once(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, learned, held = session.model, [], threading.Event()
    refresh = model._refresh_weights

    def refreshed() -> None:
        learned.append(1)
        refresh()

    def wait() -> None:
        held.wait()

    def read(texts: Sequence[str], *, ensemble: bool) -> Future[NDArray[np.float32]]:
        assert ensemble
        done = Future[NDArray[np.float32]]()
        done.set_result(np.ones((len(texts), DIM), np.float32) / np.float32(np.sqrt(DIM)))
        return done

    monkeypatch.setattr(model, "_refresh_weights", refreshed)
    monkeypatch.setattr(model_service, "TEXTS_PER_REQUEST", 1)
    monkeypatch.setattr(model._client, "encode_texts", read)
    session._worker.post("held up", wait)
    model._encode_texts(["a boat", "a tree", "a house"])
    held.set()
    assert session.wait_until_idle(60)
    assert len(learned) == 1


def test_a_batch_on_a_small_part_of_the_photos_does_not_read_all_verdicts(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, dog = session.snapshot().image_ids, class_id(session, "dog")
    session.annotations.annotate(ids.tolist(), [dog], Verdict.ABSENT)
    for on in (False, True):  # so that all of these are learned at once
        session.settings.set(INSTANT, on)
        scores(session)
    before = scores(session)
    monkeypatch.setattr("lmpt_desktop.engine.instant._MANY", 1)
    annotations = session.catalogue.annotations
    read: list[Source] = []
    of_source = annotations.of_source
    monkeypatch.setattr(annotations, "of_source", lambda of: (read.append(of), of_source(of))[1])
    few = ids[: len(ids) // 8].tolist()
    session.annotations.annotate(few, [dog], Verdict.PRESENT)
    assert (scores(session) != before).any() and not read
    session.annotations.annotate(ids.tolist(), [dog], Verdict.PRESENT)
    scores(session)
    assert read
