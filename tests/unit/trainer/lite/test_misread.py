"""Finding class names that are misread, in a made-up space of photos and texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.lite import __main__ as command
from trainer.lite.misread import (
    Reading,
    alternatives,
    chance_level,
    gain_bound,
    read_corel_training,
    read_names,
    table,
)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.fixture
def space() -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """200 photos of dogs (axis 0), people (axis 1) or neither; "person" points nowhere."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, 200)
    photos = 0.2 * rng.normal(size=(200, 8))
    photos[kinds == 0, 0] += 1
    photos[kinds == 1, 1] += 1
    texts = {"dog": np.eye(8)[0], "person": np.eye(8)[7], "man, woman or child": np.eye(8)[1],
             "hound": unit(np.eye(8)[0] + np.eye(8)[3])}  # fmt: skip
    return unit(photos), np.stack([kinds == 0, kinds == 1], axis=1), texts


def test_a_name_at_chance_is_misread_and_its_description_found(space):
    photos, labels, texts = space
    asked: list[list[str]] = []

    def embed(names: list[str]) -> np.ndarray:
        asked.append(names)
        return np.stack([texts[name] for name in names])

    others = {"person": ("man, woman or child", "dog"), "dog": ("hound",)}
    found = read_names(photos, labels, ["dog", "person"], others, embed)
    person, dog = found
    assert (person.name, dog.name) == ("person", "dog")  # the worst read first
    assert person.at_chance
    assert person.misread
    assert person.best == "man, woman or child"
    assert person.best_ap > 0.95 > person.ap
    assert person.gain_low > 0.3
    assert not dog.misread
    assert dog.best == "hound"
    assert dog.gain_low <= 0
    assert asked == [["dog", "hound"], ["person", "man, woman or child", "dog"]]


def test_names_without_photos_or_alternatives(space):
    photos, labels, texts = space
    labels = np.column_stack([labels, np.zeros(len(labels), dtype=bool)])
    found = read_names(photos, labels, ["dog", "person", "kite"], {},
                       lambda names: np.stack([texts[name] for name in names]))  # fmt: skip
    assert [r.name for r in found] == ["person", "dog"]
    assert (found[0].best, found[0].best_ap) == ("", found[0].ap)
    assert found[0].misread
    assert not found[1].misread


def test_chance_is_above_the_share_of_positives():
    rng = np.random.default_rng(0)
    assert 0.3 < chance_level(60, 200, rng) < 0.42
    assert chance_level(200, 200, rng) == pytest.approx(1)


def test_gain_of_equal_scores_is_zero():
    scores = np.random.default_rng(1).random(50)
    truth = scores > 0.7
    rng = np.random.default_rng(2)
    assert gain_bound(scores, scores, truth, rng) == 0
    assert gain_bound(-scores, scores, truth, rng) > 0.5


def test_alternatives_leave_out_words_with_several_senses():
    synsets = {
        "n1": (("mouse",), "small rodent"),
        "n2": (("mouse", "computer mouse"), "hand-held pointer"),
        "n3": (("couch", "lounge"), "seat for several"),
    }
    found = alternatives(["mouse", "couch", "unheard of"], synsets)
    assert found["mouse"] == ("computer mouse",)
    assert {"sofa", "lounge", "seat for several"} <= set(found["couch"])
    assert "couch" not in found["couch"]
    assert found["unheard of"] == ()


def test_table_marks_what_is_misread():
    lines = table([
        Reading("person", 9, 0.1, 0.05, "man", 0.5, 0.2),
        Reading("dog", 9, 0.1, 0.8, "hound", 0.7, -0.2),
    ]).splitlines()  # fmt: skip
    assert len(lines) == 3
    assert lines[1].startswith("person")
    assert lines[1].endswith("MISREAD man")
    assert lines[2].endswith("  hound")


def test_the_command_needs_photos_or_ingredients(tmp_path: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        command.main(["misread"])
    with pytest.raises(SystemExit):
        command.main(["misread", "--photos", str(tmp_path), "--ingredients", str(tmp_path)])
    capsys.readouterr()
    assert command.main(["misread", "--ingredients", str(tmp_path)]) == 2
    assert "ingredients" in capsys.readouterr().err


def test_the_command_reads_labelled_photos(tmp_path: Path, capsys: pytest.CaptureFixture):
    from PIL import Image

    rows = []
    for i, (colour, labels) in enumerate([("green", ["grass"]), ("blue", ["mouse"])]):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{i}.png")
        rows.append({"path": f"{i}.png", "labels": labels})
    (tmp_path / "index.json").write_text(json.dumps(rows))
    assert command.main(["misread", "--photos", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"class", "grass", "mouse"}


def test_only_corels_training_images_are_read_and_plurals_are_their_classes(tmp_path: Path):
    from safetensors.numpy import save_file

    rows = [
        {"image": "1", "classes": ["boats", "tree"], "split": "train"},
        {"image": "2", "classes": ["sun"], "split": "test"},
        {"image": "3", "classes": ["jet", "plane"], "split": "train"},
    ]
    (tmp_path / "index.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    pooled = np.arange(6, dtype=np.float16).reshape(3, 2)
    save_file({"features": pooled}, tmp_path / "features.safetensors")
    features, names, labels = read_corel_training(tmp_path)
    assert features.tolist() == [[0, 1], [4, 5]]
    assert names == ["airplane", "boat", "tree"]
    assert labels.tolist() == [[False, True, True], [True, False, False]]
