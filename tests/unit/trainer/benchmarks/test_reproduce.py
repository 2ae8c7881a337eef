"""From photos and lists to the table and its JSON, on drawn photos and a tiny random CLIP."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from trainer import job, metrics, prompt_set
from trainer.__main__ import main
from trainer.backbone import Backbone, load_backbone
from trainer.benchmarks import display, published, record, reproduce
from trainer.benchmarks.benchmark import VOC_LT
from trainer.benchmarks.reproduce import ReproduceError
from trainer.benchmarks.reproduce import reproduce as run
from trainer.benchmarks.request import Request

TEST_IMAGES = 12
TOTAL, BANDS = "total", ("head", "medium", "tail")
SETTINGS: tuple[tuple[str, Any], ...] = (("steps", 6), ("steps_unvalidated", 4), ("threads", 1))


@pytest.fixture(scope="module")
def backbone(tiny_backbone_folder: Path) -> Backbone:
    return load_backbone(f"local-dir:{tiny_backbone_folder}", "cpu", fast_images=True)


@pytest.fixture
def request_(drawn: Any, tmp_path: Path) -> Request:
    return Request(
        kind=VOC_LT,
        images=drawn.images,
        lists=drawn.lists,
        backbone="tiny",
        cache=tmp_path / "cache",
        methods=("lmpt",),
        options=SETTINGS,
        device="cpu",
    )


def ran(request: Request, backbone: Backbone) -> record.Outcome:
    return run(request, Console(file=StringIO()), lambda *_: backbone)


def shown(outcome: record.Outcome) -> str:
    out = StringIO()
    console = Console(file=out, width=120)
    for item in display.tables(outcome):
        console.print(item)
    return out.getvalue()


def test_the_table_has_the_papers_rows_and_ours(request_: Request, backbone: Backbone) -> None:
    outcome = ran(request_, backbone)
    text = shown(outcome)
    assert "87.88" in text
    assert "78.94" in text
    assert "79.30" in text
    assert "not seen by us" in text
    assert [item.method for item in outcome.results] == ["zero-shot", "lmpt"]
    for item in outcome.results:
        total = item.evaluation.scores.total
        assert total is not None
        assert f"{100 * total:.2f}" in text
    assert "Trained on 30 of 30 images, evaluated once on 12 of 12" in text


def test_zero_shot_is_the_backbones_own_prediction_of_the_test_photos(
    request_: Request, backbone: Backbone
) -> None:
    from sklearn.metrics import average_precision_score

    outcome = ran(request_, backbone)
    lists = outcome.lists
    features = []
    for listed in lists.test.paths:
        pixels = reproduce_pixels(backbone, request_.images / listed)
        features.append(backbone.encode_images(pixels)[0])
    texts = backbone.encode_texts(lists.classes, backbone.templates)
    expected = average_precision_score(lists.test.targets, np.stack(features) @ texts.T)
    total = outcome.results[0].evaluation.scores.total
    assert total == pytest.approx(expected, abs=0.02)  # features are kept in half precision


def test_several_descriptions_of_a_class_are_averaged_to_its_zero_shot_embedding(
    request_: Request, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {"greenthing": "green thing; leaf"}
    monkeypatch.setattr(reproduce, "prompt_texts", lambda kind: described)
    outcome = ran(replace(request_, spell_out=True), backbone)
    assert outcome.prompt_texts == ["red thing", "green thing; leaf", "blue thing"]
    folder = outcome.results[1].folder
    assert folder is not None
    texts = ["red thing", "green thing", "leaf", "blue thing"]
    each = backbone.encode_texts(texts, backbone.templates)
    expected = np.stack([each[0], each[1:3].sum(axis=0), each[3]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(job.load(folder).baseline_embeddings, expected, atol=1e-5)


def reproduce_pixels(backbone: Backbone, file: Path) -> Any:
    from PIL import Image

    with Image.open(file) as image:
        return backbone.preprocess(image.convert("RGB")).unsqueeze(0)


def test_all_training_photos_train_and_no_test_photo_does(
    request_: Request, backbone: Backbone
) -> None:
    outcome = ran(request_, backbone)
    folder = outcome.results[1].folder
    assert folder is not None
    made = job.load(folder)
    assert len(made.image_ids) == 30
    assert (made.split == job.TRAIN).all()
    assert made.targets.tolist() == outcome.lists.train.targets.tolist()
    assert made.captions[1] == "a drawing, number 1"
    assert made.captions[2] == ""
    assert made.settings.method == "lmpt"
    assert made.settings.options["mu"] == 0.3
    assert prompt_set.load(folder / "prompt_set").held_out == []


def test_the_test_list_chooses_nothing(request_: Request, backbone: Backbone, drawn: Any) -> None:
    """With other truth in the test list the scores change and the prompts do not."""

    def prompts(outcome: record.Outcome) -> prompt_set.PromptSet:
        folder = outcome.results[1].folder
        assert folder is not None
        return prompt_set.load(folder / "prompt_set")

    before = ran(request_, backbone)
    kept = prompts(before)
    file = drawn.lists / VOC_LT.test
    lines = file.read_text().splitlines()
    file.write_text("\n".join(f"{line.split()[0]} {i % 3}" for i, line in enumerate(lines)))
    after = ran(request_, backbone)
    now = prompts(after)
    assert np.array_equal(kept.class_embeddings, now.class_embeddings)
    assert np.array_equal(kept.thresholds, now.thresholds)
    assert before.results[1].evaluation != after.results[1].evaluation
    assert after.parts["test"].encoded == 0


def test_metrics_are_computed_on_the_test_list_only_after_all_fits(
    request_: Request, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fit, evaluate = reproduce.fit, metrics.evaluate

    def recorded_fit(*arguments: Any) -> Any:
        order.append("fit")
        return fit(*arguments)

    def recorded_evaluate(scores: Any, *arguments: Any, **more: Any) -> Any:
        if len(scores) == TEST_IMAGES:
            order.append("test")
        return evaluate(scores, *arguments, **more)

    monkeypatch.setattr(reproduce, "fit", recorded_fit)
    monkeypatch.setattr(metrics, "evaluate", recorded_evaluate)
    ran(replace(request_, methods=("lmpt", "lmpt+")), backbone)
    assert order == ["fit", "fit", "test", "test", "test"]


def test_two_methods_with_the_same_prompts_are_not_shown_as_two(
    request_: Request, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = reproduce.fit

    def fit_by_lmpt(folder: Path, *arguments: Any) -> Any:
        made = job.load(folder)
        job.save(replace(made, settings=replace(made.settings, method="lmpt")), folder)
        return fit(folder, *arguments)

    monkeypatch.setattr(reproduce, "fit", fit_by_lmpt)
    outcome = ran(replace(request_, methods=("lmpt", "lmpt+")), backbone)
    assert [item.same_as for item in outcome.results] == ["", "", "lmpt"]
    assert "same as LMPT, our training" in " ".join(shown(outcome).split())
    assert record.to_json(outcome)["results"]["lmpt+"]["same_as"] == "lmpt"


def test_a_methods_kernel_part_is_evaluated(request_: Request, backbone: Backbone) -> None:
    steps = (*SETTINGS, ("kernel", 4.0))
    outcome = ran(replace(request_, methods=("lmpt+",), options=steps), backbone)
    result = outcome.results[1]
    assert result.folder is not None
    chosen = prompt_set.load(result.folder / "prompt_set")
    assert chosen.kernel is not None
    pixels = [reproduce_pixels(backbone, request_.images / n) for n in outcome.lists.test.paths]
    features = np.concatenate([backbone.encode_images(item) for item in pixels])
    targets = outcome.lists.test.targets

    def mean(scores: Any) -> float:
        return float(np.nanmean(metrics.average_precisions(scores, targets)))

    expected = mean(chosen.cosines(features))
    assert expected != pytest.approx(mean(features @ chosen.class_embeddings.T), abs=0.02)
    total = result.evaluation.scores.total
    assert total == pytest.approx(expected, abs=0.02)  # features are kept in half precision


def test_a_second_run_uses_the_features_of_the_first(request_: Request, backbone: Backbone) -> None:
    first, second = ran(request_, backbone), ran(request_, backbone)
    assert (first.parts["train"].encoded, first.parts["test"].encoded) == (30, 12)
    assert (second.parts["train"].cached, second.parts["test"].cached) == (30, 12)
    assert first.results[1].evaluation == second.results[1].evaluation


# ------------------------------------------------------------------------------ missing photos


def test_missing_photos_are_counted_listed_and_refused(
    request_: Request, backbone: Backbone, drawn: Any
) -> None:
    gone = ["VOCdevkit/VOC2012/JPEGImages/000004.jpg", "VOCdevkit/VOC2007/JPEGImages/000002.jpg"]
    for listed in gone:
        drawn.photo(listed).unlink()

    def load(*_: Any) -> Backbone:
        raise AssertionError("no backbone is needed to see that photos are missing")

    with pytest.raises(ReproduceError) as caught:
        run(request_, Console(file=StringIO()), load)
    message = str(caught.value)
    assert "Of the 42 images of VOC-LT, 2 missing in" in message
    assert all(listed in message for listed in gone)
    assert "--allow-missing" in message
    full = (request_.cache / "missing-voc-lt.txt").read_text().splitlines()
    assert full == gone


def test_unreadable_photos_are_refused_with_the_reason(
    request_: Request, backbone: Backbone, drawn: Any
) -> None:
    drawn.photo("VOCdevkit/VOC2012/JPEGImages/000007.jpg").write_bytes(b"no photo")
    with pytest.raises(ReproduceError, match=r"1 not readable in .*(?s:.*)000007\.jpg\t\w+"):
        ran(request_, backbone)


def test_allowed_missing_photos_are_reported_everywhere_and_bands_stay(
    request_: Request, backbone: Backbone, drawn: Any
) -> None:
    whole = ran(request_, backbone)
    drawn.photo("VOCdevkit/VOC2012/JPEGImages/000004.jpg").unlink()
    drawn.photo("VOCdevkit/VOC2007/JPEGImages/000003.jpg").write_bytes(b"no photo")
    outcome = ran(replace(request_, allow_missing=True), backbone)
    assert outcome.parts["train"].used == 29
    assert outcome.parts["test"].used == 11
    text = shown(outcome)
    assert "NOT COMPARABLE: 1 images are missing and 1 cannot be read" in text
    assert "VOC2012/JPEGImages/000004.jpg" in text
    body = record.to_json(outcome)
    assert body["comparable"] is False
    assert body["missing"] == ["VOCdevkit/VOC2012/JPEGImages/000004.jpg"]
    assert body["unreadable"][0]["path"] == "VOCdevkit/VOC2007/JPEGImages/000003.jpg"
    assert body["unreadable"][0]["reason"]
    counts = [item["train_present"] for item in body["classes"]]
    assert counts == [item["train_present"] for item in record.to_json(whole)["classes"]]


def test_an_empty_test_list_is_an_error(request_: Request, backbone: Backbone, drawn: Any) -> None:
    for file in (drawn.images / "VOCdevkit/VOC2007/JPEGImages").iterdir():
        file.unlink()
    with pytest.raises(ReproduceError, match="None of the test images"):
        ran(replace(request_, allow_missing=True), backbone)


# ------------------------------------------------------------------------------------- JSON


def test_the_json_holds_what_is_needed_to_check_and_to_repeat(
    request_: Request, backbone: Backbone
) -> None:
    body = json.loads(json.dumps(record.to_json(ran(request_, backbone))))
    assert body["benchmark"] == "voc-lt"
    assert (body["seed"], body["limit"], body["authors_lists"]) == (0, None, False)
    assert body["lists"]["train"]["listed"] == body["lists"]["train"]["used"] == 30
    assert len(body["lists"]["test"]["sha256"]) == 64
    assert body["results"].keys() == {"zero-shot", "lmpt"}
    for result in body["results"].values():
        assert 0 <= result[TOTAL] <= 1
        assert all(band in result for band in BANDS)
    assert body["results"]["lmpt"]["settings"]["mu"] == 0.3
    assert body["results"]["lmpt"]["same_as"] is None
    lmpt = next(
        row for row in body["published"] if (row["method"], row["backbone"]) == ("LMPT", "ViT-B/16")
    )
    assert lmpt[TOTAL] == pytest.approx(0.8788)
    assert [lmpt[band] for band in BANDS] == [None] * 3
    assert [item["name"] for item in body["classes"]] == ["red thing", "greenthing", "blue thing"]
    assert body["classes"][0]["average_precision"].keys() == body["results"].keys()
    assert sum(body["band_sizes"].values()) == 3
    assert body["captions_missing"] == 15


def test_published_figures_are_those_we_have_seen_and_no_others() -> None:
    known = {
        (name, row.method, row.backbone): [
            None if value is None else round(100 * value, 2)
            for value in (row.scores.total, row.scores.head, row.scores.medium, row.scores.tail)
        ]
        for name, rows in published.PUBLISHED.items()
        for row in rows
    }
    nothing = [None] * 4
    assert known == {
        ("voc-lt", "zero-shot CLIP", "ViT-B/16"): nothing,
        ("voc-lt", "DB loss", "ResNet-50"): [78.94, 73.22, 84.18, 79.30],
        ("voc-lt", "LMPT", "ResNet-50"): [85.44, None, None, None],
        ("voc-lt", "LMPT", "ViT-B/16"): [87.88, None, None, None],
        ("coco-lt", "zero-shot CLIP", "ViT-B/16"): nothing,
        ("coco-lt", "DB loss", "ResNet-50"): [53.55, 51.13, 57.05, 51.06],
        ("coco-lt", "LMPT", "ResNet-50"): [58.97, None, None, None],
        ("coco-lt", "LMPT", "ViT-B/16"): [66.19, None, None, None],
    }
    assert all(row.source for rows in published.PUBLISHED.values() for row in rows)


# -------------------------------------------------------------------------------- command line


def test_the_command_prints_the_table_and_writes_the_json(
    drawn: Any, tiny_backbone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "made" / "out.json"
    code = main(
        [
            *("reproduce", "voc-lt", "--images", str(drawn.images / "VOCdevkit")),
            *("--lists", str(drawn.lists), "--backbone", f"local-dir:{tiny_backbone_folder}"),
            *("--cache", str(tmp_path / "cache"), "--json", str(where), "--device", "cpu"),
            *("--method", "lmpt", "--limit", "20", "--option", "steps_unvalidated=3"),
            *("--option", "validation_fraction=0", "--option", "threads=1", "--seed", "3"),
        ]
    )
    assert code == 0
    out = capsys.readouterr().out
    assert "VOC-LT: mean average precision" in out
    assert "NOT COMPARABLE: only the first 20 images" in out
    body = json.loads(where.read_text(encoding="utf-8"))
    assert (body["seed"], body["limit"], body["comparable"]) == (3, 20, False)
    assert body["lists"]["train"]["used"] == 20


def test_a_bad_list_ends_the_command_with_one_sentence(
    drawn: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drawn.lists / VOC_LT.test).write_text("VOCdevkit/VOC2007/JPEGImages/000001.jpg nine\n")
    code = main(
        [
            *("reproduce", "voc-lt", "--images", str(drawn.images), "--lists", str(drawn.lists)),
            *("--backbone", "lite", "--cache", str(tmp_path / "cache")),
        ]
    )
    assert code == 1
    error = capsys.readouterr().err
    assert f"{VOC_LT.test}, line 1" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--option", "mu"], "is not NAME=VALUE"),
        (["--option", "wings=2"], "unknown option 'wings'"),
        (["--option", "mu=high"], "must be of type float"),
        (["--limit", "0"], "not a whole number of at least 1"),
    ],
)
def test_wrong_arguments_are_reported_before_anything_is_done(
    extra: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["reproduce", "voc-lt", "--images", ".", "--lists", ".", "--backbone", "lite", *extra])
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_help_needs_no_torch() -> None:
    code = (
        "import sys, trainer.__main__ as m\n"
        "try: m.main(['reproduce', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--allow-missing" in done.stdout
    assert "examples:" in done.stdout


def test_only_names_that_differ_from_their_words_get_a_prompt_text() -> None:
    texts = reproduce.prompt_texts(VOC_LT)
    assert texts["diningtable"] == "dining table"
    assert "dog" not in texts
