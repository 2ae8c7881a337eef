"""Prepare the teacher's training data, and validate on held-out photos.

Settings were chosen by this validation (held-out Flickr8k), never on the COCO photos of
``evaluate``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor

from trainer.lite.ingredients import CaptionedPhotos, Classifier, Ingredients
from trainer.lite.teacher import TeacherData
from trainer.lite.texts import TEMPLATES, fill

HELD_OUT = 1000
# Words for one thing in captions; noisy labels for validation and calibration.
CAPTION_THINGS: dict[str, tuple[str, ...]] = {
    "person": ("person", "people", "man", "men", "woman", "women", "boy", "boys", "girl", "girls",
               "child", "children", "kid", "kids", "guy", "lady", "someone", "baby", "toddler",
               "player", "players", "rider", "skier", "surfer", "crowd"),
    "dog": ("dog", "dogs", "puppy", "puppies"),
    "horse": ("horse", "horses"), "cat": ("cat", "cats", "kitten"), "bird": ("bird", "birds"),
    "ball": ("ball",), "football": ("football",), "basketball": ("basketball",),
    "bicycle": ("bicycle", "bike", "bikes", "bicycles"), "car": ("car", "cars"),
    "motorcycle": ("motorcycle", "motorbike", "motorcycles"), "bus": ("bus",),
    "truck": ("truck",), "train": ("train",), "boat": ("boat", "boats", "canoe", "kayak", "raft"),
    "skateboard": ("skateboard", "skateboarder", "skateboarding"),
    "surfboard": ("surfboard", "surfer", "surfing"), "snowboard": ("snowboard", "snowboarder"),
    "skis": ("skis", "skier", "skiing", "skiers"), "frisbee": ("frisbee",), "kite": ("kite",),
    "swing": ("swing", "swings"), "slide": ("slide",), "trampoline": ("trampoline",),
    "sled": ("sled", "sledding"), "bench": ("bench", "benches"), "chair": ("chair", "chairs"),
    "table": ("table", "tables"), "couch": ("couch", "sofa"), "bed": ("bed",),
    "umbrella": ("umbrella", "umbrellas"), "backpack": ("backpack",), "hat": ("hat", "hats", "cap"),
    "sunglasses": ("sunglasses",), "helmet": ("helmet", "helmets"), "tent": ("tent", "tents"),
    "camera": ("camera", "cameras"), "guitar": ("guitar",), "microphone": ("microphone",),
    "book": ("book", "books"), "cell phone": ("cellphone", "phone"), "bottle": ("bottle",),
    "food": ("food", "pizza", "cake", "sandwich"), "stick": ("stick",), "toy": ("toy", "toys"),
    "flag": ("flag", "flags"), "sign": ("sign", "signs"), "fence": ("fence",),
    "bridge": ("bridge",), "building": ("building", "buildings"), "stairs": ("stairs", "steps"),
    "street": ("street", "road", "sidewalk"), "tree": ("tree", "trees"),
    "flower": ("flower", "flowers"), "grass": ("grass", "lawn", "grassy"), "forest": ("forest",
    "woods"), "field": ("field",), "sand": ("sand",), "beach": ("beach", "shore"),
    "ocean": ("ocean", "sea", "waves", "wave"), "lake": ("lake",), "river": ("river", "creek"),
    "pool": ("pool",), "fountain": ("fountain",), "snow": ("snow", "snowy"),
    "mountain": ("mountain", "mountains"), "rock": ("rock", "rocks", "cliff", "boulder"),
    "sky": ("sky",), "sunset": ("sunset",), "stage": ("stage",), "playground": ("playground",),
    "tennis racket": ("tennis", "racket"), "baseball": ("baseball",), "soccer": ("soccer",),
    "dress": ("dress",), "sheep": ("sheep",), "fire": ("fire",), "rope": ("rope",),
    "goggles": ("goggles",), "swimsuit": ("swimsuit", "bikini", "bathing"),
}  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Flickr8k in two parts: for training, and for validation and calibration."""

    train: CaptionedPhotos
    held_out: CaptionedPhotos


def split_flickr(photos: CaptionedPhotos, held_out: int = HELD_OUT, seed: int = 0) -> Split:
    """Hold out ``held_out`` random photos, with a fixed seed."""
    order = torch.randperm(len(photos.captions), generator=torch.Generator().manual_seed(seed))

    def take(rows: Tensor) -> CaptionedPhotos:
        return CaptionedPhotos(photos.features[rows], [photos.captions[i] for i in rows.tolist()])

    return Split(take(order[held_out:]), take(order[:held_out]))


def teacher_data(
    split: Split,
    found: Ingredients,
    classifier: Classifier,
    names: list[tuple[str, ...]],
    embed: Callable[[list[str]], Tensor],
    *,
    tiny_weight: float = 0.25,
) -> TeacherData:
    """Tensors for ``train_teacher``. Tiny ImageNet's 64-pixel photos are drawn less often."""
    captions = [c for photo in split.train.captions for c in photo]
    flat = embed(captions)
    pair_texts = list(flat.split([len(photo) for photo in split.train.captions]))
    parts = (
        (split.train.features, 1.0),
        (found.imagenet.features, 1.0),
        (found.clothing.features, 0.5),
        (found.tiny_imagenet.features, tiny_weight),
    )
    features = torch.cat([part for part, _ in parts])
    weights = torch.cat([torch.full((len(part),), weight) for part, weight in parts])
    return TeacherData(
        pair_features=split.train.features,
        pair_texts=pair_texts,
        class_features=features,
        class_log_probabilities=classifier.log_probabilities(features),
        class_weights=weights,
        name_texts=name_phrasings(names, embed),
    )


def name_phrasings(
    names: list[tuple[str, ...]], embed: Callable[[list[str]], Tensor], rounds: int = 2
) -> Tensor:
    """(T, K, 384): every template with each class's plain name, then with its synonyms."""
    wordings = [
        [fill(template, synonyms[round_ % len(synonyms)]) for synonyms in names]
        for round_ in range(rounds)
        for template in TEMPLATES
    ]
    flat = embed([text for wording in wordings for text in wording])
    return flat.view(len(wordings), len(names), -1)


def class_embeddings(names: list[str], embed: Callable[[list[str]], Tensor]) -> Tensor:
    """(C, D) unit norm: each name's mean over the templates, as the app does it."""
    flat = embed([fill(template, name) for name in names for template in TEMPLATES])
    mean = flat.view(len(names), len(TEMPLATES), -1).mean(1)
    return torch.nn.functional.normalize(mean, dim=-1)


def caption_labels(captions: list[tuple[str, ...]]) -> tuple[list[str], np.ndarray]:
    """Names of things and (N, C) bool: is the thing named in any of the photo's captions?"""
    words = [set(" ".join(photo).lower().replace(".", " ").replace(",", " ").split())
             for photo in captions]  # fmt: skip
    labels = np.array(
        [[bool(w & set(synonyms)) for synonyms in CAPTION_THINGS.values()] for w in words]
    )
    return list(CAPTION_THINGS), labels


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean over classes with a positive of scikit-learn's average precision; both (N, C)."""
    present = labels.any(axis=0)
    values = [average_precision_score(labels[:, c], scores[:, c]) for c in np.flatnonzero(present)]
    return float(np.mean(values)) if values else float("nan")


def validate(
    images: Tensor, captions: list[tuple[str, ...]], embed: Callable[[list[str]], Tensor]
) -> dict[str, float]:
    """Figures on held-out photos: mAP of things named in captions, and retrieval recall."""
    names, labels = caption_labels(captions)
    scores = (images @ class_embeddings(names, embed).T).numpy()
    first = embed([photo[0] for photo in captions])
    similarity = first @ images.T
    rank = (similarity > similarity.diagonal().unsqueeze(1)).sum(1)
    return {
        "things_map": 100 * mean_average_precision(scores, labels),
        "recall_at_10": 100 * float((rank < 10).float().mean()),
    }
