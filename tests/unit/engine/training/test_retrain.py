from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from lmpt_desktop.catalogue import RunState
from lmpt_desktop.catalogue.errors import CatalogueDiskFull
from lmpt_desktop.domain.records import ClassSpec, Source, Verdict
from lmpt_desktop.engine.notices import (
    ActivityChanged,
    ActivityKind,
    ActivityState,
    Notice,
    Problem,
)
from lmpt_desktop.engine.session import Commands, LibrarySession
from lmpt_desktop.engine.training import fit_process, retrain
from lmpt_desktop.engine.training.fit_process import FitFollower
from lmpt_desktop.engine.training.retrain import RetrainController, RetrainRefusedError, RunStatus
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.inference.predict import predict
from lmpt_desktop.settings import BAND_LIMITS, INSTANT
from trainer import job as jobs
from trainer.bands import Band, BandLimits
from trainer.events import FitFinished, FitProgress

Until = Callable[[Callable[[], object]], None]

NAMES = ["dog_1.jpg", "dog_2.jpg", "cat_1.jpg", "cat_2.jpg", "dog+cat_1.jpg", "kite_1.jpg"]
SLOW = {"steps": 2000, "seconds_per_step": 0.02}


@pytest.fixture
def open_session(
    tmp_path: Path, encoder_command: list[str], fit_command: list[str]
) -> Iterator[Callable[..., LibrarySession]]:
    sessions: list[LibrarySession] = []

    def make() -> LibrarySession:
        session = LibrarySession.open(
            tmp_path / "library", commands=Commands(encoder_command, fit_command)
        )
        sessions.append(session)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def session(open_session: Callable[..., LibrarySession], tmp_path: Path) -> LibrarySession:
    """A library with predictions and no annotation."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40 + number, 30), (number * 40, 90, 20)).save(folder / name)
    made = open_session()
    made.vocabulary.set_all([ClassSpec("dog"), ClassSpec("cat", "a cat"), ClassSpec("kite")])
    made.folders.add(folder)
    assert made.wait_until_idle(60)
    return made


def ids(session: LibrarySession) -> dict[str, int]:
    snapshot = session.snapshot()
    return dict(zip(snapshot.names, snapshot.image_ids.tolist(), strict=True))


def class_ids(session: LibrarySession) -> dict[str, int]:
    return {entry.name: entry.id for entry in session.snapshot().classes}


def annotate(session: LibrarySession) -> None:
    """Say what the file names say, for all but the last photo."""
    images, classes = ids(session), class_ids(session)
    for name in NAMES[:-1]:
        for word in name.split("_")[0].split("+"):
            session.annotations.annotate([images[name]], [classes[word]], Verdict.PRESENT)
    session.annotations.mark_reviewed([images[name] for name in NAMES[:-1]])


def ended(session: LibrarySession) -> RunStatus | None:
    status = session.training.current_run()
    over = status is not None and status.state not in (RunState.PREPARING, RunState.RUNNING)
    return status if over else None


def test_nothing_to_learn_from_is_refused_with_the_reason(session: LibrarySession) -> None:
    found = session.training.preflight()
    assert not found.ok
    assert "Nothing is annotated" in found.refusals[0]
    with pytest.raises(RetrainRefusedError, match="Nothing is annotated"):
        session.training.start()


def test_only_absent_verdicts_or_a_single_class_are_refused(session: LibrarySession) -> None:
    images, classes = ids(session), class_ids(session)
    session.annotations.annotate([images["dog_1.jpg"]], [classes["kite"]], Verdict.ABSENT)
    assert "No class is marked present" in session.training.preflight().refusals[0]
    everything = [images[name] for name in NAMES]
    session.annotations.annotate(everything, [classes["dog"]], Verdict.PRESENT)
    assert "Only one class (dog)" in session.training.preflight().refusals[0]


def test_a_vocabulary_of_one_class_is_refused(session: LibrarySession) -> None:
    session.vocabulary.set_all([ClassSpec("dog")])
    assert "only one class" in session.training.preflight().refusals[0]


def test_the_preflight_counts_what_would_be_learned_from(session: LibrarySession) -> None:
    session.settings.set(BAND_LIMITS, BandLimits(20, 100))
    annotate(session)
    found = session.training.preflight()
    assert found.ok, found.refusals
    assert found.images == 5
    assert found.annotations == 15
    assert found.present_per_band == {Band.HEAD: 0, Band.MEDIUM: 0, Band.TAIL: 6}
    assert found.classes_per_band[Band.TAIL] == 2
    assert found.classes_without_present == ("kite",)
    assert found.backbone == "lite"
    assert found.device == "CPU"


def test_the_job_holds_annotated_photos_and_taught_classes_only(
    session: LibrarySession, until: Until, tmp_path: Path
) -> None:
    annotate(session)
    images = ids(session)
    session.images.set_caption(images["dog_1.jpg"], "a dog on a lawn")
    run = session.training.start()
    until(lambda: ended(session))
    job = jobs.load(tmp_path / "library" / "jobs" / str(run))
    assert [item.name for item in job.classes] == ["dog", "cat"]
    assert job.classes[1].prompt_text == "a cat"
    assert set(job.image_ids.tolist()) == {images[name] for name in NAMES[:-1]}
    row = job.image_ids.tolist().index(images["dog+cat_1.jpg"])
    assert job.targets[row].tolist() == [1, 1]
    assert "a dog on a lawn" in job.captions
    assert np.allclose(np.linalg.norm(job.features.astype(np.float32), axis=1), 1, atol=1e-2)
    # the baseline predicts what the version in use does, without instant learning
    weights = session.model.base_weights()
    assert weights is not None
    logits = job.baseline_scale * job.features.astype(np.float32) @ job.baseline_embeddings.T
    scores = 1 / (1 + np.exp(-(logits + job.baseline_biases)))
    assert np.allclose(scores, predict(job.features, weights)[:, :2], atol=1e-3)


def test_neither_adopting_a_result_nor_the_next_run_reads_the_features_of_a_job(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which are the bulk of a job, and are not needed for its classes and image ids."""

    def refuse(folder: Path) -> None:
        raise AssertionError(f"all of {folder} was read")

    monkeypatch.setattr(jobs, "load", refuse)
    annotate(session)
    session.training.start()
    until(lambda: ended(session))
    first = session.training.current_run()
    assert first is not None
    assert first.version_id is not None
    session.versions.promote(first.version_id)
    session.training.start()
    until(lambda: ended(session))
    second = session.training.current_run()
    assert second is not None
    assert second.state is RunState.FINISHED
    assert second.version_id not in (None, first.version_id)


def test_a_finished_run_is_compared_promoted_and_rolled_back(
    session: LibrarySession, until: Until
) -> None:
    session.settings.set(INSTANT, False)  # scores are then those of the version alone
    annotate(session)
    assert session.wait_until_idle(60)
    before = session.snapshot().scores.copy()
    run = session.training.start()
    until(lambda: ended(session))
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FINISHED
    assert status.version_id is not None
    assert [e.step for e in status.events if isinstance(e, FitProgress)] == [1, 2, 3]
    assert isinstance(status.events[-1], FitFinished)
    assert np.array_equal(session.snapshot().scores, before, equal_nan=True)

    comparison = session.versions.compare_run(run)
    assert comparison.measurement is not None
    assert comparison.changed_count == comparison.gained + comparison.lost > 0
    assert comparison.changed_images <= len(NAMES)
    assert [item.name for item in comparison.measurement.classes] == ["dog", "cat", "kite"]

    session.versions.promote(status.version_id)
    assert session.wait_until_idle(30)
    assert session.snapshot().trained.tolist() == [True, True, False]
    assert session.snapshot().thresholds.tolist() == pytest.approx([0.4, 0.4, 0.5])
    kept = session.snapshot().column_of[class_ids(session)["kite"]]
    assert np.array_equal(session.snapshot().scores[:, kept], before[:, kept])
    assert (session.snapshot().scores[:, 0] < before[:, 0]).all()
    after = session.versions.compare_run(run)  # still against what it replaced
    assert after.changed_count == comparison.changed_count

    session.versions.roll_back()
    assert session.wait_until_idle(30)
    assert np.array_equal(session.snapshot().scores, before, equal_nan=True)
    assert [item.version_id for item in session.versions.all()] == [status.version_id, 0]
    assert session.versions.all()[-1].active


def test_a_run_after_a_backup_was_restored_does_not_take_an_older_version_for_its_own(
    session: LibrarySession, until: Until
) -> None:
    """The backup does not know of that version, so its number is given again."""
    annotate(session)
    library = session.library_folder
    left = library / "prompt_sets" / "1"
    left.mkdir(parents=True)
    (left / "of an older run").touch()
    (library / "jobs" / "2").mkdir(parents=True)
    (library / "jobs" / "2" / "events.jsonl").write_text("{}\n")
    for _ in range(2):
        session.training.start()
        until(lambda: ended(session))
        status = session.training.current_run()
        assert status is not None and status.version_id is not None
        assert status.state is RunState.FINISHED
        kept = session.catalogue.prompt_sets.get(status.version_id).folder
        assert kept != left and (kept / "prompt_set.json").exists()
    assert [item.name for item in left.iterdir()] == ["of an older run"]
    assert (library / "jobs" / "2" / "events.jsonl").read_text() == "{}\n"


def test_photos_held_out_once_stay_so_and_the_others_stay_in_training(
    session: LibrarySession, until: Until, tmp_path: Path
) -> None:
    annotate(session)
    first = session.training.start()
    until(lambda: ended(session))
    status = session.training.current_run()
    assert status is not None
    assert status.version_id is not None
    session.versions.promote(status.version_id)
    session.wait_until_idle(30)
    images, classes = ids(session), class_ids(session)
    session.annotations.annotate([images["kite_1.jpg"]], [classes["kite"]], Verdict.PRESENT)
    second = session.training.start()
    assert second != first
    until(lambda: (session.training.current_run() or status).run_id == second and ended(session))
    job = jobs.load(tmp_path / "library" / "jobs" / str(second))
    split = dict(zip(job.image_ids.tolist(), job.split.tolist(), strict=True))
    old = jobs.load(tmp_path / "library" / "jobs" / str(first)).image_ids.tolist()
    assert split[old[0]] == jobs.HELD_OUT
    assert all(split[image] == jobs.TRAIN for image in old[1:])
    assert split[images["kite_1.jpg"]] == jobs.UNASSIGNED


def test_a_comparison_measures_on_held_out_photos_and_knows_what_was_learned(
    session: LibrarySession, until: Until
) -> None:
    annotate(session)
    run = session.training.start()
    until(lambda: ended(session))
    held_out = session.catalogue.runs.held_out()
    assert held_out
    comparison = session.versions.compare_run(run)
    assert comparison.measurement is not None
    assert comparison.measurement.images == len(held_out)
    assert session.versions.trained_images().isdisjoint(held_out)
    found = comparison.corrections
    assert found.known and found.total.count == found.learned.count + found.unseen.count > 0
    assert all(item.learned == (item.image_id not in held_out) for item in found.listed)
    # What is annotated after the run was not learned from, whatever photo it is on.
    snapshot = session.snapshot()
    trained = next(iter(session.versions.trained_images()))
    kite = class_ids(session)["kite"]
    session.annotations.annotate([trained], [kite], Verdict.PRESENT)
    after = session.versions.compare_run(run).corrections
    [line] = [item for item in after.listed if item.class_id == kite and item.image_id == trained]
    assert not line.learned and snapshot.column_of[kite] == 2
    assert session.versions.candidate() is not None
    version = session.versions.all()[0].version_id
    session.versions.promote(version)
    assert session.versions.candidate() is None


def test_a_version_in_use_cannot_be_discarded_and_another_one_can(
    session: LibrarySession, until: Until
) -> None:
    annotate(session)
    session.training.start()
    until(lambda: ended(session))
    version = session.versions.all()[0].version_id
    session.versions.promote(version)
    with pytest.raises(ValueError, match="in use"):
        session.versions.discard(version)
    session.versions.promote(0)
    session.versions.discard(version)
    assert [item.version_id for item in session.versions.all()] == [0]
    status = session.training.current_run()
    assert status is not None
    assert status.version_id is None
    with pytest.raises(KeyError):
        session.versions.compare_run(status.run_id)


def test_a_cancelled_run_keeps_its_best(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps(SLOW))
    annotate(session)
    run = session.training.start()
    until(lambda: len((session.training.current_run() or pytest.fail("no run")).events) > 2)
    assert "running" in session.training.preflight().refusals[0]
    session.training.cancel(run)
    until(lambda: ended(session))
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.CANCELLED
    assert status.version_id is not None


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot stop a process with a signal")
@pytest.mark.parametrize("reopened", [False, True])
def test_a_run_whose_process_was_stopped_is_cancelled(
    session: LibrarySession, open_session: Callable[..., LibrarySession], until: Until,
    monkeypatch: pytest.MonkeyPatch, *, reopened: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("FAKE_FIT", json.dumps(SLOW))
    annotate(session)
    run = session.training.start()
    until(lambda: len((session.training.current_run() or pytest.fail("no run")).events) > 2)
    pid = session.catalogue.runs.get(run).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    if reopened:
        session.training.cancel(run)
        session.close()
        session = open_session()
    for name in ("STUCK_SECONDS", "KILL_SECONDS"):
        monkeypatch.setattr(fit_process, name, 0.1)
    if not reopened:
        session.training.cancel(run)
    until(lambda: ended(session))
    assert session.catalogue.runs.get(run).state is RunState.CANCELLED
    assert not session.training.preflight().refusals


def test_a_run_says_what_it_does_before_its_process_says_anything(
    session: LibrarySession, until: Until
) -> None:
    annotate(session)
    heard: list[Notice] = []
    session.subscribe(heard.append)
    session.training.start()
    until(lambda: ended(session))
    fits = [
        notice.activity
        for notice in heard
        if isinstance(notice, ActivityChanged) and notice.activity.kind is ActivityKind.FIT
    ]
    assert [fit.note for fit in fits[:3]] == ["preparing", "loading the model", ""]
    assert fits[0].state is ActivityState.RUNNING


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("fail", "The loss is not a number any more."),
        ("die", "crashed"),
    ],
)
def test_a_failed_run_says_why_and_changes_nothing(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch, end: str, words: str
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"end": end}))
    annotate(session)
    heard: list[Notice] = []
    session.subscribe(heard.append)
    session.training.start()
    until(lambda: any(isinstance(notice, Problem) for notice in heard))
    status = ended(session)
    assert status is not None
    assert status.state is RunState.FAILED
    assert words in status.message
    problem = next(notice for notice in heard if isinstance(notice, Problem))
    assert "current version stays in use" in problem.message
    assert "log.txt" in problem.details
    assert "a line of the log" in problem.details
    assert session.versions.all()[0].version_id == 0


def test_what_a_run_kept_before_its_numbers_broke_can_be_compared_and_is_not_in_use(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"end": "fail_after_result"}))
    annotate(session)
    run = session.training.start()
    until(lambda: ended(session))
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert "not a number any more" in status.message
    assert status.version_id is not None
    assert session.versions.compare_run(run).version_id == status.version_id
    assert not next(v for v in session.versions.all() if v.version_id == status.version_id).active


def test_a_run_survives_closing_and_opening_the_library(
    session: LibrarySession,
    open_session: Callable[..., LibrarySession],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 100, "seconds_per_step": 0.02}))
    annotate(session)
    run = session.training.start()
    until(lambda: len((session.training.current_run() or pytest.fail("no run")).events) > 2)
    session.close()
    again = open_session()
    status = again.training.current_run()
    assert status is not None
    assert (status.run_id, status.state) == (run, RunState.RUNNING)
    until(lambda: ended(again))
    status = again.training.current_run()
    assert status is not None
    assert status.state is RunState.FINISHED
    assert [e.step for e in status.events if isinstance(e, FitProgress)] == list(range(1, 101))
    assert status.version_id is not None


@pytest.mark.parametrize(
    "way",
    [
        ("finish", RunState.FINISHED),
        ("die_after_result", RunState.FINISHED),
        ("die", RunState.LOST),
    ],
)
def test_a_run_that_ended_while_the_app_was_closed_is_judged_by_what_it_left(
    session: LibrarySession,
    open_session: Callable[..., LibrarySession],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[str, RunState],
) -> None:
    end, state = way
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 5, "seconds_per_step": 0.05, "end": end}))
    annotate(session)
    run = session.training.start()
    process = psutil.Process(session.catalogue.runs.get(run).pid)
    session.close()
    process.wait(30)
    again = open_session()
    until(lambda: ended(again))
    status = again.training.current_run()
    assert status is not None
    assert status.state is state
    assert (status.version_id is not None) is (state is RunState.FINISHED)


def test_photos_are_held_out_for_good_even_if_the_app_stops_while_keeping_the_result(
    session: LibrarySession,
    open_session: Callable[..., LibrarySession],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    annotate(session)

    def full(*_: object) -> None:
        raise CatalogueDiskFull("The disk is full.")

    heard: list[Notice] = []
    session.subscribe(heard.append)
    with monkeypatch.context() as patch:
        patch.setattr("lmpt_desktop.catalogue.runs.Runs.add_held_out", full)
        session.training.start()
        until(lambda: any(isinstance(notice, Problem) for notice in heard))
        assert not session.training.preflight().refusals
        shown = session.training.current_run()
        assert shown is not None
        assert (shown.state, shown.message) == (RunState.FAILED, "The disk is full.")
        session.close()
    again = open_session()
    until(lambda: ended(again))
    status = again.training.current_run()
    assert status is not None
    assert (status.state, status.version_id is not None) == (RunState.FINISHED, True)
    assert again.catalogue.runs.held_out()


@pytest.mark.parametrize("side", [jobs.TRAIN, jobs.HELD_OUT])
def test_a_copy_of_a_photo_is_on_the_same_side(
    session: LibrarySession, until: Until, tmp_path: Path, side: int
) -> None:
    """Held out from an earlier run, or learned from by the version in use."""
    annotate(session)
    if side == jobs.TRAIN:
        session.training.start()
        until(lambda: ended(session))
        version = (session.training.current_run() or pytest.fail("no run")).version_id
        assert version is not None
        session.versions.promote(version)
        original = next(
            name
            for name in NAMES[:-1]
            if ids(session)[name] not in session.catalogue.runs.held_out()
        )
    else:
        original = "dog_1.jpg"
        session.catalogue.runs.add_held_out([ids(session)[original]])
    photos = tmp_path / "photos"
    shutil.copyfile(photos / original, photos / "copy_1.jpg")
    session.folders.rescan()
    until(lambda: "copy_1.jpg" in ids(session) and session.wait_until_idle(1))
    copy = ids(session)["copy_1.jpg"]
    session.annotations.annotate([copy], [class_ids(session)["dog"]], Verdict.PRESENT)
    run = session.training.start()
    until(lambda: ended(session))
    job = jobs.load(tmp_path / "library" / "jobs" / str(run))
    assert job.split[job.image_ids == copy].tolist() == [side]


def test_a_result_whose_job_was_damaged_ends_the_run_with_the_reason(
    session: LibrarySession, until: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKE_FIT", json.dumps({"steps": 20, "seconds_per_step": 0.05}))
    annotate(session)
    run = session.training.start()
    until(lambda: len((session.training.current_run() or pytest.fail("no run")).events) > 2)
    (tmp_path / "library" / "jobs" / str(run) / jobs.JSON_NAME).write_text("{")
    until(lambda: ended(session))
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert "cannot be read" in status.message
    assert session.training.preflight().ok


def test_a_full_disk_when_writing_the_job_is_reported_and_leaves_no_run(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate(session)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jobs, "save", full)
    with pytest.raises(RetrainRefusedError, match="the disk is full"):
        session.training.start()
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert session.training.preflight().ok


def test_a_folder_for_jobs_that_cannot_be_made_is_reported_and_leaves_no_run(
    session: LibrarySession,
) -> None:
    annotate(session)
    (session.library_folder / "jobs").write_text("in the way")
    with pytest.raises(RetrainRefusedError, match="could not be started"):
        session.training.start()
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert session.training.preflight().ok


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_a_run_that_no_thread_can_follow_is_ended_and_reported(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    annotate(session)
    started: list[subprocess.Popen[bytes]] = []
    plain = retrain.start_fit

    def start_fit(*args: Any) -> Any:
        process, identity = plain(*args)
        started.append(process)
        return process, identity

    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(retrain, "start_fit", start_fit)
    monkeypatch.setattr(FitFollower, "start", refuse)
    with pytest.raises(RetrainRefusedError, match="not enough memory"):
        session.training.start()
    assert started[0].wait(30) != 0
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert session.training.preflight().ok


def test_a_job_for_which_there_is_no_memory_is_refused_and_leaves_no_run(
    session: LibrarySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate(session)

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(jobs, "save", fail)
    with pytest.raises(RetrainRefusedError, match="not enough memory"):
        session.training.start()
    status = session.training.current_run()
    assert status is not None
    assert status.state is RunState.FAILED
    assert session.training.preflight().ok


def test_a_job_says_what_was_only_confirmed(session: LibrarySession) -> None:
    annotate(session)
    image, kite = ids(session)["kite_1.jpg"], class_ids(session)["kite"]
    session.annotations.confirm(confirmation(session.snapshot(), np.array([image])))
    assert session.snapshot().annotations[session.snapshot().row_of[image]].tolist() == [0, 0, 1]
    run_id = session.training.start()
    made = jobs.load(session.catalogue.runs.get(run_id).folder)
    assert made.confirmed is not None
    names = [item.name for item in made.classes]
    place = made.image_ids.tolist().index(image), names.index("kite")
    assert np.argwhere(made.confirmed).tolist() == [list(place)]
    session.annotations.annotate([image], [kite], Verdict.PRESENT)
    assert not len(session.catalogue.annotations.of_source(Source.CONFIRMED)[0])


class Waits:
    """Stands for a process that waits for its job."""

    made: list[Waits]

    def __init__(self, *_: object) -> None:
        self.ended = self.gone = False
        self.made.append(self)

    def begin(self, folder: Path) -> Any:
        if self.gone:
            raise OSError("it has ended")
        return "a process", folder

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[Waits]:
    monkeypatch.setattr(Waits, "made", [], raising=False)
    monkeypatch.setattr(retrain, "WaitingFit", Waits)
    monkeypatch.setattr(retrain, "start_fit", lambda folder, _: ("another process", folder))
    return Waits.made


@pytest.fixture
def controller(session: LibrarySession) -> RetrainController:
    return session.training._runs


def test_one_process_waits_while_a_run_is_expected(
    controller: RetrainController, waits: list[Waits]
) -> None:
    controller.expect(True)
    controller.settle()
    controller.settle()
    assert [item.ended for item in waits] == [False]
    controller.expect(False)
    controller.settle()
    controller.settle()
    assert [item.ended for item in waits] == [True]


def test_none_is_started_where_the_dialog_was_closed_at_once(
    controller: RetrainController, waits: list[Waits]
) -> None:
    controller.expect(True)
    controller.expect(False)
    controller.settle()
    controller.settle()
    assert waits == []


def test_a_run_takes_the_process_that_waits(
    controller: RetrainController, waits: list[Waits], tmp_path: Path
) -> None:
    controller.expect(True)
    controller.settle()
    assert controller._begin(tmp_path, "") == ("a process", tmp_path)
    assert controller._begin(tmp_path, "") == ("another process", tmp_path)
    controller.close()
    assert not waits[0].ended


def test_a_run_on_another_computer_leaves_it_and_closing_ends_it(
    controller: RetrainController, waits: list[Waits], tmp_path: Path
) -> None:
    controller.expect(True)
    controller.settle()
    assert controller._begin(tmp_path, "other") == ("another process", tmp_path)
    controller.close()
    assert waits[0].ended


def test_a_run_gets_another_process_where_that_one_has_ended(
    controller: RetrainController, waits: list[Waits], tmp_path: Path
) -> None:
    controller.expect(True)
    controller.settle()
    waits[0].gone = True
    assert controller._begin(tmp_path, "") == ("another process", tmp_path)
    assert waits[0].ended


def test_another_program_than_the_trainer_is_never_asked_to_wait(
    session: LibrarySession, waits: list[Waits]
) -> None:
    session.training.expect_run(True)
    session.training._runs.settle()
    assert waits == []
