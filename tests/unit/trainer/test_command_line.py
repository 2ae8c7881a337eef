"""``lmpt-trainer fit``, ``evaluate`` and ``inspect`` as a stranger meets them."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_backbone import tiny_backbone
from tiny_fits import NAMES, make_job, run

from trainer import __main__ as command_line
from trainer import job, prompt_set
from trainer.__main__ import build_parser, main
from trainer.events import FitFinished
from trainer.options import LOSSES, METHODS, FitOptions
from trainer.priority import ENCODER_NICE
from trainer.prompt_set import PromptSet

COMMANDS = ("fit", "evaluate", "inspect")


@pytest.fixture(autouse=True)
def a_wide_terminal_and_the_usual_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "200")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, zero_shot: np.ndarray, tiny_folder: Path
) -> Path:
    """A job with its result, the fourth class too rare to be judged or to have a threshold."""
    folder = tmp_path_factory.mktemp("job")
    made = make_job(zero_shot, images=240, steps=4)
    targets = made.targets.copy()
    targets[np.flatnonzero(targets[:, 3] == 1)[1:], 3] = -1
    settings = replace(made.settings, backbone=f"local-dir:{tiny_folder}")
    outcome, _ = run(folder, replace(made, targets=targets, settings=settings))
    assert isinstance(outcome, FitFinished), outcome
    return folder


def subcommands() -> dict[str, argparse.ArgumentParser]:
    parser = build_parser()
    found = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return found.choices


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_the_command_with_examples_and_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"lmpt-trainer {command}" in said
    assert "examples:" in said
    assert "exit codes: 0 done" in said
    for action in subcommands()[command]._actions:
        assert action.help, action.dest
    assert max(map(len, said.splitlines())) <= 100


def test_help_of_fit_names_every_option_method_and_loss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    said = capsys.readouterr().out
    for item in fields(FitOptions):
        assert f"{item.name}={item.default!r}" in said
    for method, values in METHODS.items():
        assert method in said
        assert all(f"{name}={value!r}" in said for name, value in values.items())
    assert f'"loss" is one of: {", ".join(LOSSES)}.' in said


def test_help_and_wrong_arguments_do_not_wait_for_torch() -> None:
    code = (
        "import sys, contextlib\n"
        "from trainer.__main__ import main\n"
        "for given in (['--help'], ['fit', '--help'], ['inspect', '--nearest', '0']):\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main(given)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0
    assert "must be at least 1" in done.stderr


# ---------------------------------------------------------------------------------- fit


def test_fit_shows_progress_and_the_result(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import trainer.backbone

    monkeypatch.setattr(trainer.backbone, "load_backbone", tiny_backbone)
    job.save(job.load(finished), tmp_path)
    assert main(["fit", str(tmp_path)]) == 0
    written = capfd.readouterr()
    assert written.out == ""  # stdout is for events, and none were asked for
    said = " ".join(written.err.split())
    assert "8 classes" in said
    assert "left" in said
    assert "Finished" in said
    assert "It took" in said
    assert "before" in said
    assert "after" in said
    made = prompt_set.load(tmp_path / job.RESULT_NAME)
    check_notes(said, made)


def check_notes(said: str, made: PromptSet) -> None:
    """Calibration before and after, shared thresholds and who was not judged are told."""
    assert made.evaluation is not None
    extra = made.evaluation.extra
    after, before = (f"{100 * extra[key]:.1f}" for key in ("ECE", "ECE_before"))
    assert f"Calibration error {after}; before calibration {before}." in said
    assert not made.calibrated[3]
    sharing = [name for name, own in zip(NAMES, made.calibrated, strict=True) if not own]
    assert "Fewer than 5 present or absent held-out annotations" in said
    assert f"{made.thresholds[3]:.2f}): {', '.join(sharing)}." in said
    assert "Not enough annotations to evaluate: traffic light." in said
    own = {float(value) for value in made.thresholds[~made.calibrated]}
    assert len(own) == 1


def test_a_fit_without_a_held_out_part_reports_that_it_cannot_be_evaluated(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import trainer.backbone

    monkeypatch.setattr(trainer.backbone, "load_backbone", tiny_backbone)
    made = job.load(finished)
    options = made.settings.options | {"held_out_fraction": 0.0}
    job.save(replace(made, settings=replace(made.settings, options=options)), tmp_path)
    assert main(["fit", str(tmp_path)]) == 0
    assert "Nothing was held out" in capfd.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_not_a_job_or_prompt_set_gives_an_exit_code_and_a_sentence(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [str(tmp_path / "none")] * (2 if command == "evaluate" else 1)
    assert main([command, *given]) == 1
    said = capfd.readouterr().err
    assert "cannot be read as a" in " ".join(said.split())
    assert "Traceback" not in said


# ----------------------------------------------------------------- evaluate and inspect


def test_evaluate_prints_every_figure(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(finished / job.RESULT_NAME), str(finished)]) == 0
    said = capsys.readouterr().out
    for word in ("mAP", "head", "medium", "tail", "ECE", "precision", "recall", "F1", *NAMES):
        assert word in said
    assert "Not enough annotations to evaluate: traffic light." in said


def test_evaluate_writes_json(finished: Path, tmp_path: Path) -> None:
    where = tmp_path / "scores.json"
    given = [str(finished / job.RESULT_NAME), str(finished), "--part", "all"]
    assert main(["evaluate", *given, "--json", str(where)]) == 0
    body = json.loads(where.read_text(encoding="utf-8"))
    assert {"total", "head", "medium", "tail"} == body["scores"].keys()
    assert {"CP", "CR", "CF1", "OP", "OR", "OF1", "ECE"} <= body["extra"].keys()
    assert [item["name"] for item in body["classes"]] == NAMES


def test_inspect_shows_words_weights_margins_and_shared_thresholds(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished / job.RESULT_NAME
    assert main(["inspect", str(folder), "--nearest", "1"]) == 0
    said = capsys.readouterr().out
    flat = " ".join(said.split())
    for word in ("weight", "margin", "threshold", "nearest words", "before", "held out"):
        assert word in flat
    row = next(line for line in said.splitlines() if "traffic light" in line)
    assert "(shared)" in row
    assert "a | photo | of | a" in row  # four steps do not lead far away
    check_notes(flat, prompt_set.load(folder))


@pytest.mark.parametrize("loaded", [True, False], ids=["torch is loaded", "it is not"])
def test_torch_is_not_taken_apart_at_the_end(loaded: bool) -> None:
    code = (
        "import atexit, sys\n"
        "from types import ModuleType\n"
        "import trainer.__main__ as program\n"
        "atexit.register(print, 'taken apart')\n"
        f"sys.modules.update({{'torch': ModuleType('torch')}} if {loaded} else {{}})\n"
        "program.main = lambda: print('result') or 7\n"
        "program.run_as_program()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 7
    assert ended.stdout.split("\n")[:-1] == ["result"] + ["taken apart"] * (not loaded)


def test_inspect_writes_json_without_loading_the_backbone(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import trainer.backbone

    def refuse(*_: Any) -> None:
        raise AssertionError("not wanted")

    monkeypatch.setattr(trainer.backbone, "load_backbone", refuse)
    assert main(["inspect", str(finished / job.RESULT_NAME), "--no-words", "--json", "-"]) == 0
    classes = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in classes] == NAMES
    assert sum(item["weight"] for item in classes) == pytest.approx(1)
    margins = {item["train_present"]: item["margin"] for item in classes}
    assert margins[min(margins)] > margins[max(margins)]
    assert all(item["words"] == [] for item in classes)


def test_inspect_reports_that_a_prompt_sets_backbone_is_missing(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = prompt_set.load(finished / job.RESULT_NAME)
    prompt_set.save(replace(made, backbone=f"local-dir:{tmp_path / 'gone'}"), tmp_path / "set")
    assert main(["inspect", str(tmp_path / "set")]) == 1
    said = capsys.readouterr().err
    assert "missing" in said
    assert "Traceback" not in said


def test_json_that_cannot_be_written_gives_a_sentence(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "no such folder" / "scores.json"
    given = ["evaluate", str(finished / job.RESULT_NAME), str(finished), "--json", str(where)]
    assert main(given) == 1
    assert "scores.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "niceness"),
    [
        (["encode", "--out", "features"], ENCODER_NICE),
        (["encode", "--nice", "0"], 0),
        (["encode", "--gentle", "--device", "cpu"], 15),
        (["encode", "--nice", "very"], ENCODER_NICE),
    ],
)
def test_an_encoder_makes_way_before_it_loads_its_model(
    given: list[str], niceness: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[object] = []

    def no_parser(_command: str) -> None:
        acts.append("torch loads")
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "lower_priority", acts.append)
    monkeypatch.setattr(command_line, "build_parser", no_parser)
    with pytest.raises(KeyboardInterrupt):
        command_line.main(given)
    assert acts == [niceness, "torch loads"]
