"""``tests/benchmarks/accuracy.py``: settings, keys, differences and words; figures are in
docs/benchmarks.md."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trainer.options import FitOptions
from trainer.windows import quantise

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PHOTOS, CLASSES, DIM = 400, 6, 16


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("accuracy")


@pytest.fixture
def board(accuracy: ModuleType) -> Any:
    """400 photos, of which 300 are the training part."""
    rng = np.random.default_rng(0)
    present = rng.random((PHOTOS, CLASSES)) < [0.5, 0.4, 0.2, 0.1, 0.05, 0.05]
    centres = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0][:CLASSES]
    features = present @ centres + 0.3 * rng.normal(size=(PHOTOS, DIM))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return accuracy.Board(
        [f"class {place}" for place in range(CLASSES)],
        features.astype(np.float32),
        present,
        np.arange(PHOTOS) < 300,
        centres.astype(np.float32),
        10.0,
        -2.0,
    )


@pytest.mark.parametrize("setting", ["full", "tenth", "tenth-entries", "coco", "coco-60"])
@pytest.mark.parametrize("validation", [False, True])
def test_a_setting_tells_the_truth_and_never_of_a_judge(
    accuracy: ModuleType, board: Any, setting: str, validation: bool
) -> None:
    made = accuracy.SETTINGS[setting]
    all_judges: list[int] = []
    for fold in range(made.folds):
        trial = made.make(board, 3, fold, validation)
        assert trial.targets.shape == (len(trial.library), CLASSES)
        known = trial.targets >= 0
        assert known.any()
        truth = board.present[trial.library].astype(np.int8)
        assert (trial.targets[known] == truth[known]).all()
        assert not set(trial.library) & set(trial.judges)
        all_judges += trial.judges.tolist()
        if made.folds == 1 and validation:
            assert board.train[trial.judges].all()
    if made.folds > 1 and not validation:
        assert sorted(all_judges) == list(range(PHOTOS))
    if made.folds == 1 and not validation:
        assert sorted(all_judges) == list(range(300, PHOTOS))


def test_validation_parts_differ_between_seeds_and_are_fixed_by_them(
    accuracy: ModuleType, board: Any
) -> None:
    make = accuracy.SETTINGS["full"].make
    first, again, second = (make(board, seed, 0, True) for seed in (0, 0, 1))
    assert first.key == again.key != second.key


def test_folds_are_stratified(accuracy: ModuleType, board: Any) -> None:
    folds = importlib.import_module("parts.trials").folds(board.present, 0)
    parts = np.array([board.present[folds == fold].sum(0) for fold in range(5)])
    assert set(folds) == set(range(5))
    assert parts.min() >= 1
    assert (parts.max(0) <= 1.5 * parts.mean(0)).all()


def test_answers_are_as_many_as_asked_and_true(accuracy: ModuleType, board: Any) -> None:
    answers = importlib.import_module("parts.trials").answers
    trial = answers(board, 0, 0, True, count=70)
    known = trial.targets >= 0
    assert known.sum() == 70
    assert (trial.targets[known] == board.present[trial.library][known]).all()
    assert not set(trial.library) & set(trial.judges)


def test_board_and_trial_survive_their_files(
    accuracy: ModuleType, board: Any, tmp_path: Path
) -> None:
    board.save(tmp_path / "board")
    assert accuracy.Board.load(tmp_path / "board").key == board.key
    trial = accuracy.SETTINGS["tenth"].make(board, 0, 0, False)
    trial.save(tmp_path / "trial")
    assert accuracy.Trial.load(tmp_path / "trial").key == trial.key


def test_a_key_changes_with_whatever_changes_a_figure(
    accuracy: ModuleType, board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = accuracy.SETTINGS["tenth"].make(board, 0, 0, False)
    other = accuracy.SETTINGS["tenth"].make(board, 1, 0, False)
    moved = replace(board, bias=-2.5)
    keys = [
        accuracy.key_of("lmpt+", (0, 0), board, trial, 1),
        accuracy.key_of("lmpt", (0, 0), board, trial, 1),
        accuracy.key_of("LP++", (0, 0), board, trial, 1),
        accuracy.key_of("lmpt+", (1, 0), board, trial, 1),
        accuracy.key_of("lmpt+", (0, 0), board, other, 1),
        accuracy.key_of("lmpt+", (0, 0), moved, trial, 1),
        accuracy.key_of("lmpt+", (0, 0), board, trial, 2),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == accuracy.key_of("lmpt+", (0, 0), board, trial, 1)
    monkeypatch.setitem(accuracy.ROWS, "lmpt+", ("lmpt+", {"steps": 7}))
    assert accuracy.key_of("lmpt+", (0, 0), board, trial, 1) not in keys


def test_a_key_changes_with_the_code_that_is_run_and_not_with_its_words(
    accuracy: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    hashes: list[str] = []
    for text in ('"""A."""\nX = 1\n', '"""B."""\nX = 1  # one\n', '"""B."""\nX = 2\n'):
        (tmp_path / "some_code.py").write_text(text, encoding="utf-8")
        hashes.append(accuracy.code_hash.__wrapped__("some_code"))
    assert hashes[0] == hashes[1] != hashes[2]


def test_every_row_has_valid_options_and_every_switch_changes_one_part(
    accuracy: ModuleType,
) -> None:
    for name, (method, options) in accuracy.ROWS.items():
        assert FitOptions.of(options, method) is not None
        if name in accuracy.SWITCHES:
            changed = FitOptions.of(options, method)
            usual = FitOptions.of({}, method)
            assert sum(vars(changed)[key] != vars(usual)[key] for key in vars(usual)) == 1


def test_figures_of_a_perfect_and_a_useless_method(accuracy: ModuleType, board: Any) -> None:
    trial = accuracy.SETTINGS["full"].make(board, 0, 0, False)
    truth = board.present[trial.judges].astype(np.float32)
    perfect = accuracy.figures_of(board, trial, accuracy.Outcome(truth, truth, truth > 0.5))
    assert perfect["total"] == perfect["CF1"] == 100
    assert perfect["ECE"] == 0
    useless = accuracy.figures_of(board, trial, accuracy.Outcome(np.zeros_like(truth)))
    assert useless["total"] == pytest.approx(100 * truth.mean(0).mean())
    assert useless["CF1"] is None


def test_differences_are_paired_and_said_plainly(
    accuracy: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(totals: list[float], tails: list[float]) -> dict[Any, Any]:
        pairs = zip(totals, tails, strict=True)
        return {(seed, 0): {"total": a, "tail": b} for seed, (a, b) in enumerate(pairs)}

    figures = {
        "full": {
            "lmpt+": row([50, 60], [30, 40]),
            "weak": row([45, 54], [29, 38]),
            "equal": row([50, 59], [31, 40]),
            "strong": row([52, 63], [36, 45]),
            "mixed": row([40, 49], [31, 40]),
        }
    }
    compared = accuracy.compare(figures, ["lmpt+", "strong"])
    weak = compared["full"]["lmpt+"]["weak"]["total"]
    assert (weak.mean, weak.count) == (5.5, 2)
    assert weak.spread == pytest.approx(0.7071, abs=1e-4)
    accuracy.show(accuracy.table(figures), compared)
    said = capsys.readouterr().out
    assert "| weak | +5.5 ± 0.7 | +1.5 ± 0.7 | ahead |" in said
    assert "| equal | +0.5 ± 0.7 | -0.5 ± 0.7 | not ahead |" in said
    assert "| strong | -2.5 ± 0.7 | -5.5 ± 0.7 | behind |" in said
    assert "| mixed | +10.5 ± 0.7 | -0.5 ± 0.7 | ahead in total, not ahead on the tail |" in said
    assert "| full: strong less | total | tail | strong is |" in said


def test_one_pair_gives_no_verdict(accuracy: ModuleType) -> None:
    only = accuracy.Summary.of([1.5])
    assert (only.text(signed=True), only.spread) == ("+1.5", None)
    assert accuracy.verdict({"total": only.standing, "tail": only.standing}) == (
        "one pair, no verdict"
    )
    assert accuracy.Summary.of([None]).text() == "-"


def test_scores_of_all_folds_are_pooled(accuracy: ModuleType, board: Any) -> None:
    """Pooled, a score means the same in every fold."""
    rows = np.array_split(np.arange(PHOTOS), 5)
    truth = board.present.astype(float)

    def fold(place: int, offset: float) -> dict[str, Any]:
        own = rows[place]
        return {"figures": {}, "judges": own.tolist(), "scores": (truth[own] + offset).tolist()}

    same = {"coco": {"lmpt+": {(0, place): fold(place, 0.0) for place in range(5)}}}
    apart = {"coco": {"lmpt+": {(0, place): fold(place, 2.0 * place) for place in range(5)}}}
    for runs, perfect in ((same, True), (apart, False)):
        made = accuracy.figures_by_setting(runs, {"coco": board}, pooled=True)
        total = made["coco, pooled"]["lmpt+"][0, 0]["total"]
        assert (total == 100) == perfect
    assert "coco, pooled" not in accuracy.figures_by_setting(same, {"coco": board}, pooled=False)


def test_a_run_is_taken_from_the_cache_once_it_is_there(
    accuracy: ModuleType, board: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = accuracy.SETTINGS["tenth"].make(board, 0, 0, False)
    board.save(tmp_path / "board")
    trial.save(tmp_path / "trial")
    work = accuracy.Work(
        "tenth", "ridge + zero-shot", (0, 0), tmp_path / "board", tmp_path / "trial", "k", 1, True
    )
    first = accuracy.cached(work, tmp_path)
    assert np.array(first["scores"]).shape == (100, CLASSES)
    assert 0 < first["figures"]["total"] <= 100
    monkeypatch.setattr(accuracy, "measure", lambda work: pytest.fail("measured again"))
    assert accuracy.cached(work, tmp_path) == first


def test_windows_are_scored_where_a_board_has_them(
    accuracy: ModuleType, board: Any, tmp_path: Path
) -> None:
    """A photo whose windows show all of its classes exactly, and whose feature does not."""
    inside = np.where(board.present[:, :, None], board.zero_shot[None], 0.0)
    windowed = replace(board, windows=quantise(inside), window_offset=0.1)
    asked = ["ridge + zero-shot", "zero-shot, windows", "lmpt+, windows"]
    assert accuracy.methods_for(board, asked) == asked[:1]
    assert accuracy.methods_for(windowed, asked) == asked
    windowed.save(tmp_path / "board")
    assert accuracy.Board.load(tmp_path / "board").key == windowed.key != board.key
    trial = accuracy.SETTINGS["full"].make(windowed, 0, 0, False)
    trial.save(tmp_path / "trial")
    figures = {
        method: accuracy.measure(
            accuracy.Work(
                "full", method, (0, 0), tmp_path / "board", tmp_path / "trial", "k", 1, False
            )
        )["figures"]
        for method in ("zero-shot", "zero-shot, windows")
    }
    assert figures["zero-shot, windows"]["total"] > figures["zero-shot"]["total"] + 1
