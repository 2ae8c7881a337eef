"""The whole build, from ingredients to the bundled folder."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from open_clip.model import CLIP
from safetensors.torch import load_model, save_model

from trainer.lite.calibrate import fit_calibration
from trainer.lite.distil import DistilData, DistilSettings, distil, encode_all
from trainer.lite.export import WEIGHTS_NAME, set_image_tower, write_lite
from trainer.lite.ingredients import (
    efficientnet_state,
    imagenet_classifier,
    read_ingredients,
    synset_folder,
)
from trainer.lite.minilm import SentenceCache
from trainer.lite.recipe import (
    caption_labels,
    class_embeddings,
    split_flickr,
    teacher_data,
    validate,
)
from trainer.lite.refine import RefineSettings, Towers, refine, refine_data, texts_to_hold
from trainer.lite.teacher import Teacher, TeacherSettings, train_teacher
from trainer.lite.text_tower import TextTower, meaningful_tokens, new_model, tokenise
from trainer.lite.texts import TextGroup, collect_texts, imagenet_names

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildSettings:
    """Folders to read and write, and how to train."""

    ingredients: Path
    out: Path
    cache: Path | None = None
    seed: int = 0
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    distil: DistilSettings = field(default_factory=DistilSettings)


def build(settings: BuildSettings) -> None:
    """Build Lite. Half an hour on two cores, most of it the distillation."""
    start = time.monotonic()
    found = read_ingredients(settings.ingredients)
    sentences = SentenceCache(settings.cache)
    split = split_flickr(found.flickr8k, seed=settings.seed)
    names = imagenet_names(synset_folder(), found.imagenet.names)

    teacher = train_teacher(
        teacher_data(split, found, imagenet_classifier(), names, sentences), settings.teacher
    )
    photos = teacher.embed_images(split.held_out.features)
    captions = split.held_out.captions
    figures = validate(photos, captions, lambda t: teacher.embed_texts(sentences(t)))
    _log.info("teacher, held-out Flickr8k: %s (%.0f s)", figures, time.monotonic() - start)

    # Held-out captions are excluded from the distillation too, so that its validation is valid.
    held_out = {c for photo in captions for c in photo}
    groups = collect_texts(found, synset_folder(), settings.seed)
    data = distil_data(groups, teacher, sentences, held_out)
    _log.info("%d texts, about %.0f an epoch", len(data.tokens), float(data.shares.sum()))

    model = new_model()
    with torch.no_grad():
        TextTower.of(model).table.copy_(meaningful_tokens())
    set_image_tower(model, efficientnet_state(), teacher)
    model.eval()

    def student(texts: list[str]) -> torch.Tensor:
        return encode_all(model, tokenise(texts))

    def after_epoch(current: CLIP, epoch: int) -> None:
        _log.info("epoch %d, held-out Flickr8k: %s", epoch, validate(photos, captions, student))
        if settings.cache is not None:
            save_model(current, str(settings.cache / "last-epoch.safetensors"))

    distil(model, data, settings.distil, after_epoch)

    things, labels = caption_labels(captions)
    cosines = (photos @ class_embeddings(things, student).T).numpy()
    calibration = fit_calibration(cosines, labels)
    _log.info("calibration: %s", calibration)
    write_lite(settings.out, model, calibration)
    _log.info("wrote %s after %.0f s", settings.out, time.monotonic() - start)


def refine_folder(model: Path, ingredients: Path, out: Path, settings: RefineSettings) -> None:
    """Refine the Lite in folder ``model``, calibrate it anew and write it to ``out``."""
    start = time.monotonic()
    found = read_ingredients(ingredients)
    split = split_flickr(found.flickr8k, seed=settings.seed)
    refined = new_model()
    load_model(refined, str(model / WEIGHTS_NAME))
    refined.eval().requires_grad_(requires_grad=False)
    towers = Towers(refined)

    def figures() -> dict[str, float]:
        photos = towers.embed_features(split.held_out.features)
        return validate(photos, split.held_out.captions, lambda t: encode_all(refined, tokenise(t)))

    _log.info("before, held-out Flickr8k: %s", figures())
    synsets = synset_folder()
    data = refine_data(
        towers,
        split,
        found,
        imagenet_classifier(),
        synsets=synsets,
        settings=settings,
        held=texts_to_hold(found, synsets, settings.seed),
    )
    _log.info("%d words, %.0f s", data.tag_counts.shape[1], time.monotonic() - start)
    refine(refined, data, settings)
    _log.info("after, held-out Flickr8k: %s", figures())
    photos = towers.embed_features(split.held_out.features)
    things, labels = caption_labels(split.held_out.captions)
    texts = class_embeddings(things, lambda t: encode_all(refined, tokenise(t)))
    calibration = fit_calibration((photos @ texts.T).numpy(), labels)
    _log.info("calibration: %s", calibration)
    write_lite(out, refined, calibration)
    _log.info("wrote %s after %.0f s", out, time.monotonic() - start)


def distil_data(
    groups: list[TextGroup], teacher: Teacher, sentences: SentenceCache, excluded: set[str]
) -> DistilData:
    """Tokens, targets and shares of all texts that are not ``excluded``."""
    tokens, targets, shares = [], [], []
    for group in groups:
        keep = torch.tensor([text not in excluded for text in group.texts])
        tokens.append(tokenise(group.texts)[keep])
        with torch.inference_mode():
            targets.append(teacher.embed_texts(sentences(group.texts)[keep]))
        shares.append(torch.full((int(keep.sum()),), group.share))
    return DistilData(torch.cat(tokens), torch.cat(targets).clone(), torch.cat(shares))
