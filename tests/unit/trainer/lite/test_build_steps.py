"""Reading ingredients, collecting texts, calibrating, exporting and scoring, on small inputs."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import average_precision_score

from trainer.lite import __main__ as command
from trainer.lite.__main__ import main
from trainer.lite.calibrate import Calibration, best_threshold, fit_calibration, pooled_f1
from trainer.lite.evaluate import (
    VOC_TO_COCO,
    average_precisions,
    bootstrap_interval,
    list_figures,
    read_photos,
)
from trainer.lite.export import half_precision, write_lite
from trainer.lite.image_tower import fold_standardisation, rename_in_order
from trainer.lite.ingredients import (
    CaptionedPhotos,
    Classifier,
    MissingIngredientError,
    import_ingredient,
    read_captioned,
    synset_folder,
    tidy_caption,
)
from trainer.lite.recipe import (
    caption_labels,
    class_embeddings,
    mean_average_precision,
    name_phrasings,
    split_flickr,
)
from trainer.lite.tags import caption_things, singular, tag_table
from trainer.lite.text_tower import new_model
from trainer.lite.texts import (
    COCO_NAMES,
    SCENE_WORDS,
    TEMPLATES,
    VOC_NAMES,
    article,
    everyday_names,
    everyday_nouns,
    fill,
    frequent_words,
    level_names,
    rewritten,
    scene_sentences,
)
from trainer.lite.wordings import BROAD, COMMON


def fake_embed(texts: list[str]) -> torch.Tensor:
    rows = [torch.randn(384, generator=torch.Generator().manual_seed(len(t))) for t in texts]
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1)


def test_captions_are_tidied():
    assert tidy_caption('" A dog \'s ball , on grass . "') == "A dog's ball, on grass."


def test_captioned_photos_are_read_in_order(tmp_path: Path):
    rows = [{"image": f"{i}.jpg", "captions": [f"photo {i} ."]} for i in range(3)]
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    save_file({"features": torch.arange(3).half()[:, None].expand(3, 1280).contiguous()},
              tmp_path / "x.safetensors")  # fmt: skip
    found = read_captioned(tmp_path, "x")
    assert found.features.dtype == torch.float32
    assert found.features[:, 0].tolist() == [0, 1, 2]
    assert found.captions == [("photo 0.",), ("photo 1.",), ("photo 2.",)]


def test_features_that_do_not_match_are_refused(tmp_path: Path):
    (tmp_path / "x.jsonl").write_text(json.dumps({"image": "a", "captions": ["a"]}))
    save_file({"features": torch.zeros(2, 1280)}, tmp_path / "x.safetensors")
    with pytest.raises(MissingIngredientError, match="2, 1280"):
        read_captioned(tmp_path, "x")


def test_missing_package_says_how_to_install_it():
    with pytest.raises(MissingIngredientError, match=r"lmpt-desktop\[lite-build\]"):
        import_ingredient("no_such_package_for_lite")


def test_missing_ingredients_end_the_command_with_2(tmp_path: Path, capsys):
    code = command.main(["build", "--ingredients", str(tmp_path), "--out", str(tmp_path / "out")])
    assert code == 2
    assert "ingredients" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_classifier_gives_log_probabilities():
    classifier = Classifier(torch.randn(1000, 1280), torch.randn(1000))
    found = classifier.log_probabilities(torch.randn(2, 1280))
    assert found.exp().sum(-1).tolist() == pytest.approx([1, 1], abs=1e-4)


def test_names_are_whole():
    assert len(COCO_NAMES) == 80
    assert len(VOC_NAMES) == 20
    assert "fire hydrant" in COCO_NAMES
    assert "tennis racket" in COCO_NAMES
    assert {VOC_TO_COCO.get(n, n) for n in VOC_NAMES} <= set(COCO_NAMES)
    assert all("\n" not in n and "  " not in n for n in (*COCO_NAMES, *SCENE_WORDS))


def test_templates_take_the_name():
    assert fill("a photo of a {}.", "dog") == "a photo of a dog."
    assert fill("{}", "odd {name}") == "odd {name}"
    assert fill("{}", "sky") == "sky"
    assert all(template.count("{}") == 1 for template in TEMPLATES)
    assert (article("apple"), article("dog")) == ("an", "a")


def test_words_and_nouns_from_captions():
    captions = ["A dog runs.", "The dog barks at a heron", "a dog"]
    assert frequent_words(captions, 2) == ["a", "dog"]
    nouns = everyday_nouns(captions, {"dog", "heron"}, at_least=1)
    assert "heron" in nouns
    assert "runs" not in nouns
    assert len(nouns) == len(set(nouns))


def test_everyday_names_leave_out_words_for_other_things():
    names = everyday_names(synset_folder())
    assert len(names) == 1000
    assert names[21][0] == "kite (bird of prey)"
    assert "kite" not in names[21]
    assert {"couch", "sofa"} <= set(names[831])
    assert "crane" not in names[134]


@pytest.mark.parametrize("groups", [COMMON, BROAD])
def test_groups_share_no_class_and_cover_what_they_say(groups):
    members = [index for group in groups for index in group.indices]
    assert len(members) == len(set(members))
    assert set(members) <= set(range(1000))
    names = everyday_names(synset_folder())
    numbers, merged = level_names(groups, names)
    assert set(numbers) == set(range(len(merged)))
    assert "dog" in merged[numbers[151]]
    assert numbers[151] == numbers[268] != numbers[281]
    # A class in no group keeps its own names.
    alone = next(i for i in range(1000) if i not in members)
    assert merged[numbers[alone]] == names[alone]


def test_captions_are_rewritten_in_the_words_of_vocabularies():
    assert rewritten("A man and two boys, womanly.") == "A person and two people, womanly."
    assert rewritten("a Puppy in a canoe") == "a dog in a boat"


def test_things_of_captions_with_their_wider_words():
    nouns = {"dog", "ball", "tennis ball", "bench", "stick", "man", "front", "berry"}
    found = caption_things("A man and his dogs in front of benches with a tennis ball.", nouns)
    assert {"man", "person", "people", "dog", "animal", "bench", "tennis ball", "ball"} <= found
    assert "front" not in found
    assert [singular(w, nouns) for w in ("berries", "men", "walks")] == ["berry", "man", None]


def test_tag_table_counts_captions():
    captions = [("a dog", "a dog and a man"), ("a man", "two men")]
    table = tag_table(captions, {"dog", "man"}, at_least=1)
    assert table.words[:3] == ["man", "people", "person"]
    column = {word: i for i, word in enumerate(table.words)}
    assert table.counts[:, column["dog"]].tolist() == [1, 0]
    assert table.counts[:, column["person"]].tolist() == [0.5, 1]
    assert "dog" not in tag_table(captions, {"dog", "man"}, at_least=2).words


def test_scene_sentences_repeat_with_the_seed():
    first = scene_sentences(list(COCO_NAMES), 20, random.Random(3))
    assert first == scene_sentences(list(COCO_NAMES), 20, random.Random(3))
    assert all(" and " in sentence for sentence in first)


def test_flickr_is_split_without_overlap():
    photos = CaptionedPhotos(torch.arange(10.0)[:, None], [(str(i),) for i in range(10)])
    split = split_flickr(photos, held_out=3)
    assert len(split.held_out.captions) == 3
    assert {*split.train.captions, *split.held_out.captions} == set(photos.captions)
    assert [int(c[0]) for c in split.train.captions] == split.train.features[:, 0].int().tolist()


def test_name_wordings_cover_templates_and_synonyms():
    names = [("dog", "hound"), ("cat",)]
    seen: list[str] = []

    def embed(texts: list[str]) -> torch.Tensor:
        seen.extend(texts)
        return fake_embed(texts)

    assert name_phrasings(names, embed, rounds=2).shape == (2 * len(TEMPLATES), 2, 384)
    assert {"dog", "hound", "cat"} <= set(seen)


def test_class_embeddings_are_unit_means():
    found = class_embeddings(["dog"], fake_embed)
    expected = fake_embed([fill(t, "dog") for t in TEMPLATES]).mean(0)
    assert torch.allclose(found[0], expected / expected.norm(), atol=1e-6)


def test_caption_labels_know_other_words():
    names, labels = caption_labels([("A puppy, running.", "Dogs play"), ("a lake",)])
    assert labels[:, names.index("dog")].tolist() == [True, False]
    assert labels[:, names.index("lake")].tolist() == [False, True]


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.random((60, 7)) < 0.2
    labels[:, 3] = False
    return rng.normal(size=(60, 7)) + labels, labels


def test_average_precision_against_scikit_learn(scored):
    scores, labels = scored
    found = average_precisions(scores, labels)
    assert np.isnan(found[3])
    for c in (0, 1, 2, 4, 5, 6):
        assert found[c] == pytest.approx(average_precision_score(labels[:, c], scores[:, c]))
    assert mean_average_precision(scores, labels) == pytest.approx(np.nanmean(found))


def test_mean_average_precision_without_positives_is_nan():
    assert np.isnan(mean_average_precision(np.zeros((3, 2)), np.zeros((3, 2), dtype=bool)))


def test_bootstrap_interval_surrounds_the_estimate(scored):
    scores, labels = scored
    low, high = bootstrap_interval(scores, labels, 200)
    assert low < mean_average_precision(scores, labels) < high
    assert (low, high) == bootstrap_interval(scores, labels, 200)


def test_list_figures():
    found = list_figures(
        np.array([[0.9, 0.5, 0.1], [0.2, 0.3, 0.1]]),
        np.array([[True, False, False], [False, True, False]]),
        0.5,
    )
    assert found["predicted_per_photo"] == 1
    assert found["photos_with_no_prediction"] == 0.5
    assert (found["precision"], found["recall"], found["f1"]) == (0.5, 0.5, 0.5)


def test_photos_are_read(tmp_path: Path):
    rows = [{"path": "images/a.jpg", "labels": ["dog"]}, {"path": "b.jpg", "labels": []}]
    (tmp_path / "index.json").write_text(json.dumps(rows))
    found = read_photos(tmp_path)
    assert found.paths[0] == tmp_path / "images" / "a.jpg"
    assert found.labels(["cat", "dog"]).tolist() == [[False, True], [False, False]]


def test_calibration_puts_the_best_threshold_at_half():
    rng = np.random.default_rng(0)
    labels = rng.random((400, 20)) < 0.1
    cosines = rng.normal(0.1, 0.05, size=(400, 20)) + 0.25 * labels
    found = fit_calibration(cosines, labels)
    assert found.scale > 0
    assert found.scores(np.array(best_threshold(cosines, labels))) == pytest.approx(0.5)
    assert pooled_f1(found.scores(cosines) >= 0.5, labels) > 0.9


def test_pooled_f1():
    predicted = np.array([[True, False], [True, True]])
    labels = np.array([[True, True], [False, False]])
    assert pooled_f1(predicted, labels) == pytest.approx(2 / 5)
    assert pooled_f1(~predicted & False, labels) == 0


def test_rename_in_order():
    source = {"_a": torch.ones(2), "_b": torch.zeros(3)}
    renamed = rename_in_order(source, {"a": torch.empty(2), "b": torch.empty(3)})
    assert renamed["a"] is source["_a"]
    with pytest.raises(ValueError, match="_b"):
        rename_in_order(source, {"a": torch.empty(2), "b": torch.empty(4)})
    with pytest.raises(ValueError, match="2 tensors"):
        rename_in_order(source, {"a": torch.empty(2)})


def test_folded_projection_points_the_same_way():
    torch.manual_seed(0)
    weight, bias = torch.randn(5, 8), torch.randn(5)
    mean, std, x = torch.randn(8), torch.rand(8) + 0.1, torch.randn(6, 8)
    folded, offset = fold_standardisation(weight, bias, mean, std)
    expected = torch.nn.functional.normalize((x - mean) / std @ weight.T + bias, dim=-1)
    found = torch.nn.functional.normalize(x @ folded.T + offset, dim=-1)
    assert torch.allclose(found, expected, atol=1e-5)


def test_half_precision_keeps_integers_and_refuses_overflow():
    state = half_precision({"a": torch.ones(2), "n": torch.tensor(3)})
    assert state["a"].dtype == torch.float16
    assert state["n"].dtype == torch.int64
    with pytest.raises(ValueError, match="big"):
        half_precision({"big": torch.tensor([1e6])})


def test_written_model_loads_in_open_clip(tmp_path: Path):
    import open_clip

    model = new_model().eval()
    write_lite(tmp_path, model, Calibration(scale=20.0, bias=-6.0, frequency_bias=-8.0))
    assert sorted(f.name for f in tmp_path.iterdir()) == [
        "lmpt.json", "open_clip_config.json", "open_clip_model.safetensors",
    ]  # fmt: skip
    loaded, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    state, written = loaded.state_dict(), load_file(tmp_path / "open_clip_model.safetensors")
    assert state.keys() == written.keys()
    assert all(torch.equal(state[k], written[k].to(state[k].dtype)) for k in state)
    assert float(state["logit_scale"].exp()) == pytest.approx(20, abs=0.05)
    written = json.loads((tmp_path / "lmpt.json").read_text())
    assert (written["bias"], written["frequency_bias"]) == (-6.0, -8.0)


def test_a_build_has_no_window_offset_until_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model, calibration = new_model().eval(), Calibration(20.0, -6.0, -8.0)
    write_lite(tmp_path, model, calibration)
    before = json.loads((tmp_path / "lmpt.json").read_text())
    assert "window_offset" not in before
    monkeypatch.setattr("trainer.lite.window_offset.window_offset", lambda *_: 0.04321)
    arguments = ["window-offset", "--model", str(tmp_path), "--photos", "photos"]
    assert main(arguments) == 0
    assert json.loads((tmp_path / "lmpt.json").read_text()) == before
    assert main([*arguments, "--write"]) == 0
    assert json.loads((tmp_path / "lmpt.json").read_text()) == before | {"window_offset": 0.0432}
    write_lite(tmp_path, model, calibration)
    assert json.loads((tmp_path / "lmpt.json").read_text()) == before
