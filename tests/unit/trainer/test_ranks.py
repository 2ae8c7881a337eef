"""Runs of several ranks: the results of one process, and what remains when one rank is lost.

The ranks are processes of ``torchrun`` on the CPU (gloo); each start takes seconds, so tests share
them.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rank_fits
import tiny_fits
from drawn_photos import draw
from tiny_backbone import DIM
from tiny_fits import Events, make_job, run

from trainer import checkpoint, feature_folder, job, prompt_set
from trainer.events import (
    FitFailed,
    FitFinished,
    FitProgress,
    FitValidated,
    FolderEncoded,
    parse_line,
)

pytestmark = pytest.mark.timeout(300)

TOLERANCE = 2e-5
"""Of embeddings of length 1, biases and thresholds: sums are taken in another order."""
SMALL: dict[str, Any] = {"batch_size": 33, "steps": 8, "patience": 100, "known": 0.8}
JOBS: dict[str, dict[str, Any]] = {
    "lmpt+": {"refit": False},
    "lmpt, in small shuffled batches": {"method": "lmpt"},
    "lmpt-paper": {"method": "lmpt-paper", "epochs": 0, "steps_unvalidated": 8},
    "balanced batches, shared context": {
        "method": "lmpt",
        "sampling": "class-balanced",
        "shared_context": True,
        "recompute": "on",
        "class_chunk": 3,
    },
    "fewer classes than ranks": {"method": "lmpt"},
}


def job_of(name: str, zero_shot: np.ndarray) -> job.FitJob:
    made = make_job(zero_shot, **(SMALL | JOBS[name]))
    if name != "fewer classes than ranks":
        return made
    return replace(
        made,
        classes=made.classes[:1],
        targets=made.targets[:, :1],
        baseline_embeddings=zero_shot[:1],
        baseline_biases=made.baseline_biases[:1],
    )


def test_two_ranks_come_to_the_results_of_one_process(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    for name in JOBS:
        (tmp_path / name).mkdir()
        job.save(job_of(name, zero_shot), tmp_path / name / "two")
    places = [str(tmp_path / name / "two") for name in JOBS]
    with rank_fits.launch(rank_fits.__file__, *places) as launched:
        alone = {name: run(tmp_path / name / "one", job_of(name, zero_shot)) for name in JOBS}
        _, errors = launched.communicate()
    assert launched.returncode == 0, errors
    for name, (outcome, events) in alone.items():
        assert isinstance(outcome, FitFinished), name
        theirs = tmp_path / name / "two"
        lines = (theirs / job.EVENTS_NAME).read_text("utf-8").splitlines()
        shared = Events(parse_line(line) for line in lines)
        assert isinstance(shared[-1], FitFinished), name
        scores, same = (
            [(item.step, pytest.approx(item.scores.total, abs=1e-4)) for item in found]
            for found in (events.of(FitValidated), shared.of(FitValidated))
        )
        assert scores == [(step, score.expected) for step, score in same], name
        folders = (tmp_path / name / "one", theirs)
        one, two = (prompt_set.load(folder / job.RESULT_NAME) for folder in folders)
        assert two.settings["step"] == one.settings["step"], name
        assert two.held_out == one.held_out, name
        for field in ("class_embeddings", "biases", "thresholds"):
            np.testing.assert_allclose(
                getattr(two, field), getattr(one, field), atol=TOLERANCE, err_msg=name
            )
        assert two.scale == pytest.approx(one.scale, rel=TOLERANCE), name
        assert not (theirs / job.CHECKPOINT_NAME).exists(), name


def test_a_rank_that_is_killed_ends_the_run_with_a_checkpoint_for_any_number_of_ranks(
    tmp_path: Path, zero_shot: np.ndarray
) -> None:
    made = make_job(zero_shot, **(SMALL | {"method": "lmpt", "steps": 12}))
    job.save(made, tmp_path / "lost")
    arguments = ("--save-always", "--die-at", "8", "--die-rank", "1")
    with rank_fits.launch(tiny_fits.__file__, str(tmp_path / "lost"), *arguments) as launched:
        whole, _ = run(tmp_path / "whole", made)
        output, errors = launched.communicate()
    assert launched.returncode != 0
    events = Events(parse_line(line) for line in output.splitlines())
    failed = events[-1]
    assert isinstance(failed, FitFailed), errors
    assert "another process of this run ended" in failed.message
    assert "go on from its last checkpoint" in failed.message
    folder = tmp_path / "lost"
    from trainer.fit import fingerprint

    saved = checkpoint.load(folder / job.CHECKPOINT_NAME, fingerprint(folder))
    assert saved is not None
    step = int(saved.facts["step"])
    assert step >= 6
    resumed, after = run(folder, None)
    assert isinstance(resumed, FitFinished)
    assert isinstance(whole, FitFinished)
    assert after.of(FitProgress)[0].step == step + 1
    one, other = (prompt_set.load(Path(item.prompt_set)) for item in (whole, resumed))
    np.testing.assert_allclose(other.class_embeddings, one.class_embeddings, atol=TOLERANCE)


def test_two_ranks_encode_a_folder_once_and_one_process_goes_on(
    tmp_path: Path, tiny_folder: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    paths = draw(photos, 9)
    for number, path in enumerate(paths):
        # Each has a copy, which the other rank looks at.
        shutil.copy(path, photos / f"z{number}.jpg")
    (photos / "text.jpg").write_text("no photo")
    out = tmp_path / "features"
    command = ("encode-folder", str(photos), "--out", str(out), "--events")
    options = ("--backbone", f"local-dir:{tiny_folder}", "--threads", "1")
    with rank_fits.launch("-m", "trainer", *command, *options) as launched:
        output, errors = launched.communicate()
    assert launched.returncode == 0, errors
    done = parse_line(output.splitlines()[-1])
    assert isinstance(done, FolderEncoded)
    assert (done.photos, done.encoded, done.copies, done.refused) == (19, 9, 9, 1)
    shards = feature_folder.shard_paths(out)
    assert {path.name.split("-")[1] for path in shards} == {"r0", "r1"}
    rows = [feature_folder.read_shard(path)[1].features for path in shards]
    assert sum(map(len, rows)) == 9
    assert {part.shape[1] for part in rows} == {DIM}
    lines = [json.loads(line) for line in (out / "photos.jsonl").read_text().splitlines()]
    places = {line["path"]: (line.get("shard"), line.get("row")) for line in lines}
    assert all(
        places[path.name] == places[f"z{number}.jpg"] != (None, None)
        for number, path in enumerate(paths)
    )
    known = feature_folder.read_known(out)
    assert known.run == 1
    assert len(known.files) == 19
