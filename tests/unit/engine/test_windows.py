"""Windows in an open library: kept, compared with the classes, encoded later where they lack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from class_ids import class_id
from fake_encoder import BIAS, SCALE, WINDOW_OFFSET, photo_vector, photo_windows, text_vector
from numpy.typing import NDArray
from PIL import Image

from lmpt_desktop.domain.records import ClassSpec, Verdict
from lmpt_desktop.engine.encoding.window_samples import WindowSamples
from lmpt_desktop.engine.notices import Activity, ActivityChanged, Notice
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.inference import window_cosines
from lmpt_desktop.inference.queues import Features
from lmpt_desktop.ui.shell.status_bar import activity_text
from trainer import job as jobs
from trainer.windows import BOXES, joint_cosines, largest_cosines, quantise

NAMES = ["dog_1.jpg", "dog+cat_1.jpg", "cat+kite+dog_1.jpg", "kite_1.jpg", "kite_2.jpg"]
CLASSES = ["dog", "cat", "kite"]
Open = Callable[..., LibrarySession]


def draw(folder: Path, names: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", (40 + len(name), 30), (len(name) * 9, ord(name[0]), 20)).save(
            folder / name
        )
    return folder


@pytest.fixture
def open_with(
    tmp_path: Path,
    encoder_command: list[str],
    fit_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Open]:
    """Open the library with an encoder that has these options; closes the one opened before."""
    sessions: list[LibrarySession] = []

    def make(**options: object) -> LibrarySession:
        while sessions:
            sessions.pop().close()
        monkeypatch.setenv("FAKE_ENCODER", json.dumps(options))
        sessions.append(
            LibrarySession.open(
                tmp_path / "library", commands=Commands(encoder_command, fit_command)
            )
        )
        return sessions[0]

    yield make
    while sessions:
        sessions.pop().close()


def filled(session: LibrarySession, folder: Path, classes: list[str] = CLASSES) -> LibrarySession:
    session.vocabulary.set_all([ClassSpec(name) for name in classes])
    session.folders.add(folder)
    assert session.wait_until_idle(60)
    return session


def expected(
    names: list[str],
    classes: list[str],
    *,
    windows: bool = True,
    offset: float = WINDOW_OFFSET,
    bias: float | NDArray[np.float32] = BIAS,
) -> NDArray[np.float64]:
    """(n, c) by the formula of zero-shot predictions."""
    texts = np.array([text_vector(name) for name in classes])
    whole = np.array([photo_vector(Path(name)) for name in names]) @ texts.T
    if windows:
        parts = np.array([photo_windows(Path(name)) for name in names])
        whole = joint_cosines(whole, largest_cosines(parts, texts), offset)
    return 1 / (1 + np.exp(-(SCALE * whole.astype(np.float64) + bias)))


def check(session: LibrarySession, classes: list[str] = CLASSES, **how: object) -> None:
    snapshot = session.snapshot()
    assert [entry.name for entry in snapshot.classes] == classes
    wanted = expected(list(snapshot.names), classes, **how)  # type: ignore[arg-type]
    np.testing.assert_allclose(snapshot.scores, wanted, atol=3e-3)


def test_arriving_photos_are_scored_with_their_windows_and_again_after_a_restart(
    open_with: Open, tmp_path: Path
) -> None:
    session = filled(open_with(windows=True), draw(tmp_path / "photos", NAMES))
    check(session)
    # Other ways to say the same: the preview of a class and the comparison of versions.
    weights = session._state.weights
    assert weights is not None
    has, (scores,) = session._state.scores_with(session.snapshot().image_ids, weights[1])
    assert has.all()
    np.testing.assert_array_equal(scores, session.snapshot().scores)
    session = open_with(windows=True)
    assert session.wait_until_idle(60)
    check(session)
    facts = session.model.facts()
    assert facts is not None
    assert (facts.windows, facts.window_offset) == (len(BOXES), WINDOW_OFFSET)


def test_a_class_added_later_is_compared_with_windows_and_nothing_else_is(
    open_with: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(open_with(windows=True), draw(tmp_path / "photos", NAMES))
    asked: list[int] = []
    arithmetic = largest_cosines

    def watched(windows: NDArray[np.int8], embeddings: NDArray[np.float32]):
        asked.append(len(embeddings))
        return arithmetic(windows, embeddings)

    monkeypatch.setattr(window_cosines, "largest_cosines", watched)
    session.vocabulary.set_all([ClassSpec(name) for name in ["kite", "dog", "bird", "cat"]])
    assert session.wait_until_idle(60)
    check(session, ["kite", "dog", "bird", "cat"])
    assert set(asked) == {1}
    asked.clear()
    session.vocabulary.set_all([ClassSpec("cat"), ClassSpec("bird")])
    assert session.wait_until_idle(60)
    check(session, ["cat", "bird"])
    assert asked == []


def test_a_library_of_before_is_encoded_again_behind_new_photos(
    open_with: Open, tmp_path: Path
) -> None:
    photos = draw(tmp_path / "photos", NAMES)
    session = filled(open_with(windows=False), photos)
    check(session, windows=False)
    facts = session.catalogue.settings.get("model facts lite")
    old = {k: v for k, v in facts.items() if not k.startswith(("window", "frequency", "crops"))}
    session.catalogue.settings.set("model facts lite", old)
    ids = session.snapshot().image_ids
    assert session.catalogue.features.without_windows("lite", len(BOXES)).tolist() == ids.tolist()
    session = open_with(windows=True, seconds_per_photo=0.02)
    activities: list[Activity] = []

    def follow(notice: Notice) -> None:
        if isinstance(notice, ActivityChanged):
            activities.append(notice.activity)

    session.subscribe(follow)
    assert session.wait_until_idle(60)
    check(session)
    assert not len(session.catalogue.features.without_windows("lite", len(BOXES)))
    again = [activity for activity in activities if activity.again]
    assert again
    assert {activity.total for activity in again} == {len(NAMES)}
    assert activity_text(again[0]).startswith("Looking at photos again, in more detail")


def test_photos_with_and_without_windows_are_scored_side_by_side(
    open_with: Open, tmp_path: Path
) -> None:
    photos = draw(tmp_path / "photos", NAMES[:3])
    session = filled(open_with(windows=False), photos)
    session = open_with(windows=True)
    draw(photos, NAMES[3:])
    session.model.pause()
    session.catalogue.features.append(
        "lite",
        [int(session.snapshot().image_ids[0])],
        photo_vector(Path(session.snapshot().names[0]))[None],
        photo_windows(Path(session.snapshot().names[0]))[None],
    )
    session.model.reload_features()
    # The encoder may have begun before it was paused.
    assert int(session.snapshot().image_ids[0]) in session._state.windowed().tolist()
    session.model.resume()
    for folder in session.folders.all():
        session.folders.rescan(folder.id)
    assert session.wait_until_idle(60)
    check(session)


def test_offset_and_bias_of_a_backbone_without_them_come_from_the_library(
    open_with: Open, tmp_path: Path
) -> None:
    options = {"windows": True, "bias": None, "window_offset": None}
    session = filled(open_with(**options), draw(tmp_path / "photos", NAMES))
    session = open_with(**options)
    assert session.wait_until_idle(60)
    weights = session._state.weights
    assert weights is not None
    names = [Path(name) for name in session.snapshot().names]
    texts = np.array([text_vector(name) for name in CLASSES])
    whole = np.array([photo_vector(name) for name in names]) @ texts.T
    parts = largest_cosines(np.array([photo_windows(name) for name in names]), texts)
    assert weights[1].window_offset == pytest.approx(float((parts - whole).mean()), abs=1e-3)
    check(session, offset=weights[1].window_offset, bias=weights[1].biases)


def test_weights_are_the_same_after_a_restart(open_with: Open, tmp_path: Path) -> None:
    options = {"windows": True, "bias": None}
    photos = draw(tmp_path / "photos", NAMES[:3])
    session = filled(open_with(**options), photos)
    # Fewer than twice as many: calibrated when the encoder has come to its end, not before.
    draw(photos, NAMES[3:])
    session.folders.rescan()
    assert session.wait_until_idle(60)
    before = session._state.weights
    session = open_with(**options)
    assert session.wait_until_idle(60)
    after = session._state.weights
    assert before is not None and after is not None
    np.testing.assert_array_equal(after[1].biases, before[1].biases)
    np.testing.assert_array_equal(after[1].thresholds, before[1].thresholds)


def test_a_sample_that_was_drawn_before_the_features_were_read_is_drawn_again(
    open_with: Open, tmp_path: Path
) -> None:
    options = {"windows": True, "bias": None}
    session = filled(open_with(**options), draw(tmp_path / "photos", NAMES))
    facts, backbone = session.model.facts(), session.model.backbone
    assert facts is not None
    samples = WindowSamples(session.catalogue.features)
    whole = session._state.features()
    none = Features(whole.ids[:0], whole.matrix[:0])
    early = samples.of(backbone, facts, none, 0)
    assert early is not None and len(early) == 0
    drawn = samples.of(backbone, facts, whole, len(NAMES))
    assert drawn is not None and len(drawn) == len(NAMES)
    assert samples.complete(len(NAMES))


def test_a_retraining_gets_the_windows_of_the_annotated_photos(
    open_with: Open, tmp_path: Path, until: Callable[..., None]
) -> None:
    session = filled(open_with(windows=True), draw(tmp_path / "photos", NAMES))
    snapshot = session.snapshot()
    for name, image in zip(snapshot.names, snapshot.image_ids.tolist(), strict=True):
        for word in name.split("_")[0].split("+"):
            session.annotations.annotate([image], [class_id(session, word)], Verdict.PRESENT)
    # One of them was encoded by an earlier version.
    last = snapshot.names[-1]
    session.catalogue.features.append(
        "lite", [int(snapshot.image_ids[-1])], photo_vector(Path(last))[None]
    )
    run = session.training.start()
    job = jobs.load(session.catalogue.runs.get(run).folder)
    assert job.windows is not None
    assert job.baseline_window_embeddings is not None
    wanted = [photo_windows(Path(name)) for name in snapshot.names[:-1]]
    assert np.array_equal(job.windows[:-1], wanted)
    own = quantise(job.features[-1].astype(np.float32)[None, None])[0]
    assert np.array_equal(job.windows[-1], np.repeat(own, len(BOXES), axis=0))
    assert job.window_offset == WINDOW_OFFSET
    np.testing.assert_allclose(job.baseline_window_embeddings, job.baseline_embeddings)
    cosines = joint_cosines(
        job.features.astype(np.float32) @ job.baseline_embeddings.T,
        largest_cosines(job.windows, job.baseline_window_embeddings),
        job.window_offset,
    )
    found = 1 / (1 + np.exp(-(job.baseline_scale * cosines + job.baseline_biases)))
    np.testing.assert_allclose(found[:-1], snapshot.scores[:-1], atol=3e-3)
    until(lambda: any(item.run_id == run for item in session.versions.all()))
    version = next(item.version_id for item in session.versions.all() if item.run_id == run)
    session.versions.promote(version)
    assert session.wait_until_idle(60)
    weights = session._state.weights
    assert weights is not None
    assert weights[1].trained.all()
    assert weights[1].window_embeddings is not None
    assert np.isfinite(weights[1].window_embeddings).all()
