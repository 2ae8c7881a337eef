"""Every kind of suggested backbone on every path: loading, photos, texts, fits, checkpoints."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import open_clip
import pytest
import tiny_families
import torch
from drawn_photos import draw
from PIL import Image
from safetensors.numpy import load_file
from tiny_families import DIM, FAMILIES
from tiny_fits import NAMES, Events, assert_identical, make_job
from torch.nn import functional as nn_f

from trainer import job, learner, prompt_set, schedule
from trainer.backbone import Backbone, BackboneError, load_backbone, random_backbone
from trainer.cancel import CancelToken
from trainer.captions import tokenise
from trainer.encode import Encoder
from trainer.encode_rate import measure
from trainer.events import (
    EncodePhotos,
    EncodeTexts,
    FitFinished,
    Message,
)
from trainer.fit import fit
from trainer.process_io import EventStream, Inbox
from trainer.prompts import PromptLearner
from trainer.text_tower import TextTower

each_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    made = {}
    for family in FAMILIES:
        made[family] = root / family.replace(" ", "")
        tiny_families.write(family, made[family])
    return made


@pytest.fixture(scope="module")
def backbones(folders: dict[str, Path]) -> dict[str, Backbone]:
    return {
        family: load_backbone(f"local-dir:{folder}", "cpu", fast_images=True)
        for family, folder in folders.items()
    }


def plain_model(folder: Path) -> Any:
    return open_clip.create_model(f"local-dir:{folder}", require_pretrained=True).eval()


@each_family
def test_photos_are_encoded_as_by_open_clip(
    folders: dict[str, Path], backbones: dict[str, Backbone], family: str
) -> None:
    """With MAP, average or class token pooling, folded and with fast preprocessing."""
    backbone = backbones[family]
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    photo = Image.fromarray(noise)
    with torch.no_grad():
        pixels = backbone.preprocess(photo)[None]
        expected = plain_model(folders[family]).encode_image(pixels, normalize=True).numpy()
    assert backbone.dim == DIM
    np.testing.assert_allclose(backbone.encode_images(pixels), expected, atol=2e-4)
    assert backbone.fast_preprocess is not None
    fast = backbone.encode_images(backbone.fast_preprocess(photo)[None])
    assert float(fast[0] @ expected[0]) > 0.999


@each_family
def test_class_names_are_encoded_as_by_open_clip(
    folders: dict[str, Path], backbones: dict[str, Backbone], family: str
) -> None:
    backbone, model = backbones[family], plain_model(folders[family])
    templates = ["a photo of a {}.", "many {}", "{}"]
    got = backbone.encode_texts(["dog", "traffic_light"], templates)
    for row, name in zip(got, ["dog", "traffic light"], strict=True):
        filled = [template.replace("{}", name) for template in templates]
        with torch.no_grad():
            each = model.encode_text(backbone.tokenizer(filled), normalize=True)
        np.testing.assert_allclose(row, nn_f.normalize(each.mean(0), dim=0).numpy(), atol=1e-5)


@each_family
def test_only_a_calibration_says_where_a_class_begins(
    backbones: dict[str, Backbone], family: str
) -> None:
    """The bias that SigLIP learned is for one caption in a batch, so the app finds one itself."""
    assert backbones[family].bias is None
    assert backbones[family].scale > 1


@pytest.mark.parametrize("family", ["SigLIP", "SigLIP 2"])
def test_texts_are_cleaned_framed_cut_and_filled_up_as_siglips(
    folders: dict[str, Path], backbones: dict[str, Backbone], family: str
) -> None:
    tokenise_texts = backbones[family].tokenizer
    plain, loud = tokenise_texts(["a photo of a dog", "A photo, of a DOG!"])
    assert plain.shape == (64,)
    assert torch.equal(plain, loud)  # lower case, no punctuation
    end = 1
    pad = 1 if family == "SigLIP" else 0
    length = int((plain != pad).sum()) - (0 if pad == end else 1)
    assert plain[length] == end
    assert (plain[length + 1 :] == pad).all()
    assert not (plain[:length] < 2).any()  # nothing special in front
    full = tokenise_texts(["dog " * 300])[0]
    assert full[-1] == end
    assert not (full[:-1] < 2).any()
    vocabulary = json.loads((folders[family] / "tokenizer.json").read_text("utf-8"))
    assert vocabulary["post_processor"] is not None


@each_family
def test_prompts_and_captions_fill_the_whole_length_where_every_token_counts(
    backbones: dict[str, Backbone], family: str
) -> None:
    backbone = backbones[family]
    tower = TextTower(backbone.model, backbone.tokenizer)
    bidirectional = family in ("SigLIP", "SigLIP 2", "MobileCLIP2")
    assert tower.causal is not bidirectional
    assert tower.truncates is not bidirectional
    captions = tokenise(["a dog and a cat", "", "zebra"], tower)
    learner_ = PromptLearner(tower, NAMES)
    lengths = {captions.ids.shape[1], learner_.token_ids.shape[1]}
    if bidirectional:
        assert lengths == {tower.context_length}
    else:
        assert max(lengths) < tower.context_length
    # What is written is what the tokenizer makes of the whole sentence.
    with torch.no_grad():
        ids = backbone.tokenizer([f"a photo of a {name}." for name in NAMES])
        written = cast(Any, backbone.model).encode_text(ids, normalize=True)
    torch.testing.assert_close(learner_().detach(), written, rtol=1e-4, atol=1e-5)
    caption = cast(Any, backbone.model).encode_text(
        backbone.tokenizer(["a dog and a cat"]), normalize=True
    )
    torch.testing.assert_close(tower.encode(captions.ids)[:1], caption, rtol=1e-4, atol=1e-5)


@each_family
def test_the_encoder_answers_for_photos_and_texts(
    backbones: dict[str, Backbone], tmp_path: Path, family: str
) -> None:
    paths = draw(tmp_path, 3)
    written, inbox = io.StringIO(), Inbox()
    encoder = Encoder(backbones[family], tmp_path, EventStream(written), threads=1)
    inbox.put(EncodePhotos("p", [4, 5, 6], [str(path) for path in paths]))
    inbox.put(EncodeTexts("t", ["dog", "kite"], ["a {}", "{}"]))
    inbox.end(stop=False)
    encoder.work(inbox, None)
    encoder.close()
    answers = [json.loads(line) for line in written.getvalue().splitlines()]
    shapes = {item["type"]: load_file(item["file"])["features"].shape for item in answers}
    assert shapes == {"PhotosEncoded": (3, DIM), "TextsEncoded": (2, DIM)}


def run(folder: Path, backbone: Backbone, made: job.FitJob | None) -> tuple[Message, Events]:
    if made is not None:
        job.save(made, folder)
    events = Events()
    return fit(folder, events, CancelToken(), lambda _name, _device: backbone), events


def job_for(backbone: Backbone, **options: Any) -> job.FitJob:
    zero_shot = backbone.encode_texts(NAMES, backbone.templates)
    settings: dict[str, Any] = {"steps": 10} | options
    return make_job(zero_shot, images=120, **settings)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "lmpt+"},
        *({"method": "lmpt", "embedding_space": s} for s in ("feature", "token", "mean-token")),
        {"method": "lmpt", "context_tokens": 6, "class_position": "middle"},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
@each_family
def test_fits_learn_finite_prompts(
    backbones: dict[str, Backbone], tmp_path: Path, family: str, options: dict[str, Any]
) -> None:
    made = job_for(backbones[family], **options)
    outcome, _ = run(tmp_path, backbones[family], made)
    assert isinstance(outcome, FitFinished), outcome
    learned = prompt_set.load(Path(outcome.prompt_set))
    assert np.isfinite(learned.class_embeddings).all()
    assert np.linalg.norm(learned.class_embeddings, axis=1) == pytest.approx(np.ones(len(NAMES)))
    assert np.isfinite([learned.scale, *learned.biases, *learned.thresholds]).all()
    moved = np.einsum("cd,cd->c", learned.class_embeddings, made.baseline_embeddings)
    assert (moved < 1 - 1e-6).any()


@pytest.mark.parametrize("method", ["lmpt", "lmpt+"])
@pytest.mark.parametrize("family", ["SigLIP 2", "MobileCLIP2"])
def test_a_fit_goes_on_from_its_checkpoint(
    backbones: dict[str, Backbone],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    method: str,
) -> None:
    monkeypatch.setattr(schedule, "CHECKPOINT_SECONDS", 0.0)
    made = job_for(backbones[family], method=method, batch_size=32, patience=100)
    whole, _ = run(tmp_path / "whole", backbones[family], made)

    class KilledError(BaseException):
        pass

    plain, steps = learner.TrainingPass.advance, iter(range(100))

    def dying(self: learner.TrainingPass, total: int) -> Any:
        if next(steps) == 6:
            raise KilledError
        return plain(self, total)

    with monkeypatch.context() as patch:
        patch.setattr(learner.TrainingPass, "advance", dying)
        with pytest.raises(KilledError):
            run(tmp_path / "broken", backbones[family], made)
    assert (tmp_path / "broken" / job.CHECKPOINT_NAME).exists()
    resumed, _ = run(tmp_path / "broken", backbones[family], None)
    assert isinstance(whole, FitFinished)
    assert isinstance(resumed, FitFinished)
    assert_identical(*(prompt_set.load(Path(item.prompt_set)) for item in (whole, resumed)))


# ------------------------------------------------------------- tokenizers that are missing


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [None, "{"])
def test_a_missing_or_damaged_tokenizer_gives_a_clear_error(
    folders: dict[str, Path], tmp_path: Path, file: str, content: str | None
) -> None:
    for part in folders["SigLIP 2"].iterdir():
        (tmp_path / part.name).hardlink_to(part)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(BackboneError, match=r"tokenizer in .* cannot be read") as caught:
        load_backbone(f"local-dir:{tmp_path}", "cpu")
    assert caught.value.kind == "bad-weights"


def test_a_tokenizer_beside_the_weights_is_used_and_nothing_is_downloaded(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_families.configuration("SigLIP 2")
    file = tmp_path / "tiny-siglip2-for-tests.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    open_clip.add_model_config(file)
    monkeypatch.setattr(
        "trainer.backbone_tokenizer.fetch_file", lambda *_a, **_k: pytest.fail("a download")
    )
    weights = folders["SigLIP 2"] / "open_clip_model.safetensors"
    backbone = load_backbone(f"tiny-siglip2-for-tests/{weights}", "cpu")
    assert backbone.tokenizer(["dog"]).shape == (1, 64)


def test_a_suggested_one_fetches_its_tokenizer_before_its_weights(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class StopHere(Exception):  # noqa: N818
        pass

    def fetch(_name: str, repository: str, files: Sequence[str], *_rest: object) -> Path:
        asked.append(f"{repository}/{files[0]}")
        return folders["SigLIP 2"] / files[0]

    def weights(*_args: object) -> Path:
        raise StopHere

    monkeypatch.setattr("trainer.backbone_tokenizer.fetch_file", fetch)
    monkeypatch.setattr("trainer.backbone.fetch_weights", weights)
    with pytest.raises(StopHere):
        load_backbone("ViT-B-32-SigLIP2-256/webli", "cpu")
    repository = "timm/ViT-B-32-SigLIP2-256"
    assert asked == [f"{repository}/tokenizer.json", f"{repository}/tokenizer_config.json"]


# --------------------------------------------------------------------------- random weights


def test_a_random_backbone_encodes_photos_without_any_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.download.fetch_file", lambda *_a, **_k: pytest.fail("a download"))
    backbone = random_backbone("MobileCLIP2-S0/dfndr2b", "cpu")
    assert backbone.input_side == 256
    [good], bad = draw(tmp_path, 1), tmp_path / "no photo.jpg"
    bad.write_text("none")
    count, seconds = measure(backbone, [good, bad, good], threads=1)
    assert count == 2
    assert seconds > 0


def test_an_unknown_architecture_cannot_be_measured() -> None:
    with pytest.raises(BackboneError) as caught:
        random_backbone("no-such-model/x", "cpu")
    assert caught.value.kind == "unknown-backbone"
