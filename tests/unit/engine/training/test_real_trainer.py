"""The session with the real trainer and a tiny random model: do the two sides fit?"""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_backbone
from loopback_ssh import NAME, FarComputer
from PIL import Image, ImageDraw

from lmpt_desktop.catalogue import RunState
from lmpt_desktop.command_line import ExitCode
from lmpt_desktop.domain.records import ClassSpec, ImageState, Verdict
from lmpt_desktop.engine.notices import Problem
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.training.jobs import RetrainOptions
from lmpt_desktop.headless.tag import main
from trainer.events import FitProgress, FitStarted

Until = Callable[..., None]

COLOURS = {"red": (210, 30, 30), "green": (30, 190, 60), "blue": (40, 60, 220)}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tiny_backbone.written_once(tmp_path_factory, calibrated=False)
    return f"local-dir:{folder}"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty drawn photos, coloured as named, and one that is damaged."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for number in range(30):
        name = list(COLOURS)[number % 3]
        photo = Image.new("RGB", (80, 60), (128, 128, 128))
        x, y = random.integers(0, 30, 2).tolist()
        ImageDraw.Draw(photo).rectangle((x, y, x + 40, y + 28), fill=COLOURS[name])
        photo.save(folder / f"{name}_{number:02}.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a photo")
    return folder


def annotate_all(session: LibrarySession, photos: Path) -> None:
    """Encode the photos, and say of each what its name says."""
    session.vocabulary.set_all([ClassSpec(name) for name in COLOURS])
    session.folders.add(photos)
    assert session.wait_until_idle(120)
    snapshot = session.snapshot()
    bad = snapshot.names.index("broken.jpg")
    assert session.images.details(int(snapshot.image_ids[bad])).state is ImageState.UNREADABLE
    good = [row for row in range(len(snapshot.names)) if row != bad]
    assert not np.isnan(snapshot.scores[good]).any()

    classes = {entry.name: entry.id for entry in session.snapshot().classes}
    for name, class_id in classes.items():
        mine = [int(snapshot.image_ids[r]) for r in good if snapshot.names[r].startswith(name)]
        session.annotations.annotate(mine, [class_id], Verdict.PRESENT)
    session.annotations.mark_reviewed([int(snapshot.image_ids[row]) for row in good])


def test_open_predict_correct_retrain_compare_promote_and_open_again(
    tmp_path: Path,
    backbone: str,
    photos: Path,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    problems: list[Problem] = []
    caplog.set_level(logging.INFO)
    with LibrarySession.open(tmp_path / "library", device="cpu", backbone=backbone) as session:
        session.subscribe(lambda n: problems.append(n) if isinstance(n, Problem) else None)
        annotate_all(session, photos)
        assert problems == []
        assert session.training.preflight().ok

        session.training.expect_run(True)
        until(lambda: "waits for its job" in caplog.text)
        run = session.training.start(RetrainOptions(device="cpu", options={"steps": 4}))
        until(
            lambda: (session.training.current_run() or pytest.fail("no run")).version_id,
            seconds=120,
        )
        status = session.training.current_run()
        assert status is not None
        assert status.state is RunState.FINISHED, status.message
        # By the process that waited.
        assert "begins in" in caplog.text
        assert "started fit" not in caplog.text
        assert any(isinstance(event, FitStarted) for event in status.events)
        assert any(isinstance(event, FitProgress) for event in status.events)
        comparison = session.versions.compare_run(run)
        assert comparison.measurement is not None
        assert {item.name for item in comparison.measurement.classes} == set(COLOURS)
        session.versions.promote(comparison.version_id)
        assert session.wait_until_idle(60)
        assert session.snapshot().trained.all()
        scores = session.snapshot().scores
    with LibrarySession.open(tmp_path / "library", backbone=backbone, encode=False) as again:
        assert again.wait_until_idle(60)
        assert np.array_equal(again.snapshot().scores, scores, equal_nan=True)
    assert problems == []


@pytest.fixture
def real_other(other: FarComputer, monkeypatch: pytest.MonkeyPatch) -> FarComputer:
    """All of it real: ssh, its server, and the trainer there, which finds the backbone's folder."""
    monkeypatch.setenv("PATH", f"{other.path}{os.pathsep}{os.environ['PATH']}")
    other.real_program()
    return other


@pytest.mark.timeout(240)
def test_retraining_on_another_computer_is_a_retraining(
    tmp_path: Path, backbone: str, photos: Path, until: Until, real_other: FarComputer
) -> None:
    with LibrarySession.open(tmp_path / "library", device="cpu", backbone=backbone) as session:
        annotate_all(session, photos)
        run = session.training.start(RetrainOptions(machine=NAME, options={"steps": 4}))
        until(
            lambda: (
                (session.training.current_run() or pytest.fail("no run")).state
                not in (RunState.PREPARING, RunState.RUNNING)
            ),
            seconds=120,
        )
        status = session.training.current_run()
        assert status is not None
        assert status.state is RunState.FINISHED, status
        comparison = session.versions.compare_run(run)
        assert comparison.measurement is not None
        session.versions.promote(comparison.version_id)
        assert session.wait_until_idle(60)
        assert session.snapshot().trained.all()
    assert not list(real_other.jobs.iterdir())


def test_tag_works_with_the_real_trainer(
    tmp_path: Path, backbone: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    words = tmp_path / "words.txt"
    words.write_text("\n".join(COLOURS))
    where = ["--library", str(tmp_path / "library"), "-o", str(out)]
    model = ["--backbone", backbone, "--device", "cpu"]
    code = main([str(photos), *where, *model, "--vocabulary", str(words), "--all"])
    assert code == ExitCode.PARTIAL
    assert "broken.jpg" in capsys.readouterr().err
    with out.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 90
