"""Suggested backbones and captioners, and whether they are installed (imports no torch).

The app's settings list these; any other ``MODEL/PRETRAINED`` of open_clip and any weights file
works as well (:mod:`trainer.backbone`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from trainer.resources import ResourcesMissingError, resources_dir
from trainer.texts import N_

LITE = "lite"
LITE_PLUS = "lite+"
BUNDLED_SIDES: dict[str, int | None] = {LITE: None, LITE_PLUS: 390}
"""The backbones that come with the app, of the same weights, and the input pixels along a side
where these are not the model's own."""


@dataclass(frozen=True)
class SuggestedBackbone:
    """An entry of the list.

    name: for :func:`trainer.backbone.load_backbone`.
    title: as shown to the user.
    download_bytes: approximate size of the download; 0 if bundled with the app.
    note: what it is good for, in one sentence, marked for translation.
    repository: on the Hugging Face hub, or "".
    licence: of the weights, as their authors name it.
    research_only: the licence does not allow every use.
    imagenet: published accuracy, percent: photos of ImageNet's validation set whose class, of
        1,000, it names without training (zero-shot, top 1); None if none is published.
    source: where ``imagenet`` is published.
    offered: may be offered unasked to who uses Lite; needs a licence for every use.
    needs_gpu: too slow without one to be offered.
    hub_tokenizer: downloads a tokenizer, too.
    """

    name: str
    title: str
    download_bytes: int
    note: str
    repository: str = ""
    licence: str = ""
    research_only: bool = False
    imagenet: float | None = None
    source: str = ""
    offered: bool = False
    needs_gpu: bool = False
    hub_tokenizer: bool = False


_OPENAI = "github.com/openai/CLIP"
_OPEN_CLIP = "github.com/mlfoundations/open_clip, docs/openclip_results.csv"
_SIGLIP2 = "github.com/google-research/big_vision, README_siglip2.md (arXiv 2502.14786)"
_PERCEPTION = "github.com/facebookresearch/perception_models (arXiv 2504.13181)"
_MOBILE2 = "huggingface.co/apple/MobileCLIP2-B (MobileCLIP2, TMLR 2025)"

SUGGESTED: tuple[SuggestedBackbone, ...] = (
    SuggestedBackbone(
        LITE,
        "Lite",
        0,
        N_(
            "A small image-text model trained for this app; not CLIP. Works with no network; "
            "choose a CLIP backbone for best results."
        ),
        licence="Apache-2.0",
    ),
    SuggestedBackbone(
        LITE_PLUS,
        "Lite+",
        0,
        N_("The same model on larger pictures: takes twice as long, finds small things better."),
        licence="Apache-2.0",
    ),
    SuggestedBackbone(
        "ViT-B-32-256/datacomp_s34b_b86k",
        "CLIP ViT-B/32 (DataComp)",
        605_200_000,
        N_("The smallest download with a licence for every use. Fast."),
        "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        licence="MIT",
        imagenet=72.8,
        source=_OPEN_CLIP,
    ),
    SuggestedBackbone(
        "ViT-B-32-SigLIP2-256/webli",
        "SigLIP 2 B/32 (Google)",
        1_541_800_000,
        N_("As fast, and better. Reads class names in many languages."),
        "timm/ViT-B-32-SigLIP2-256",
        licence="Apache-2.0",
        imagenet=74.0,
        source=_SIGLIP2,
        offered=True,
        hub_tokenizer=True,
    ),
    SuggestedBackbone(
        "ViT-B-16-SigLIP2-256/webli",
        "SigLIP 2 B/16 (Google)",
        1_535_300_000,
        N_("The best that a computer without a GPU can be asked to run. Many languages."),
        "timm/ViT-B-16-SigLIP2-256",
        licence="Apache-2.0",
        imagenet=79.1,
        source=_SIGLIP2,
        offered=True,
        hub_tokenizer=True,
    ),
    SuggestedBackbone(
        "PE-Core-L-14-336/meta",
        "PE-Core L/14 (Meta)",
        2_684_600_000,
        N_("The best of this list. For a computer with a GPU."),
        "timm/PE-Core-L-14-336",
        licence="Apache-2.0",
        imagenet=83.5,
        source=_PERCEPTION,
        offered=True,
        needs_gpu=True,
    ),
    SuggestedBackbone(
        "MobileCLIP2-S0/dfndr2b",
        "MobileCLIP2-S0 (Apple)",
        299_500_000,
        N_("The fastest after Lite. Apple's licence allows research only."),
        "timm/MobileCLIP2-S0-OpenCLIP",
        licence="Apple ML Research Model",
        research_only=True,
        imagenet=71.5,
        source=_MOBILE2,
    ),
    SuggestedBackbone(
        "ViT-B-16/openai",
        "CLIP ViT-B/16 (OpenAI)",
        598_600_000,
        N_("The backbone of the LMPT paper, for comparisons. Slow without a GPU."),
        "timm/vit_base_patch16_clip_224.openai",
        licence="MIT",
        imagenet=68.3,
        source=f"{_OPENAI}; {_OPEN_CLIP}",
    ),
    SuggestedBackbone(
        "RN50/openai",
        "CLIP ResNet-50 (OpenAI)",
        408_300_000,
        N_("The paper's convolutional backbone, for comparisons."),
        "timm/resnet50_clip.openai",
        licence="MIT",
        imagenet=59.8,
        source=f"{_OPENAI}; {_OPEN_CLIP}",
    ),
)
"""By speed, the fastest first, one for each kind of computer; then those with a catch: a licence
for research only, or of interest for the paper only."""

TOKENIZER_FILE = "tokenizer.json"

CAPTIONERS: dict[str, str] = {
    "coca_ViT-L-14/mscoco_finetuned_laion2b_s13b_b90k": (
        "laion/mscoco_finetuned_CoCa-ViT-L-14-laion2B-s13B-b90k"
    ),
    "coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k": (
        "laion/mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k"
    ),
    "coca_ViT-L-14/laion2b_s13b_b90k": "laion/CoCa-ViT-L-14-laion2B-s13B-b90k",
    "coca_ViT-B-32/laion2b_s13b_b90k": "laion/CoCa-ViT-B-32-laion2B-s13B-b90k",
}
"""open_clip's CoCa models and their repositories on the hub, best first.  Those fine-tuned on COCO
describe the photo, the others write what a web page might."""

WEIGHT_FILES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""File names of open_clip weights in a repository, best first."""


@dataclass(frozen=True)
class ZeroShotFigures:
    """Of a bundled backbone, measured by ``python -m trainer.lite variants``.

    photos: labelled photos of COCO, of which none was trained on.
    coco80, voc20: mAP in percent by the names of COCO's and VOC's classes, windows included.
    """

    photos: int
    coco80: float
    voc20: float


def zero_shot_figures() -> dict[str, ZeroShotFigures]:
    """Of the bundled backbones, by name; empty if they were not measured or are missing."""
    try:
        content = json.loads((lite_folder() / "lmpt.json").read_text("utf-8"))
        return {
            name: ZeroShotFigures(int(row["photos"]), float(row["coco80"]), float(row["voc20"]))
            for name, row in content["zero_shot"].items()
        }
    except (ResourcesMissingError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def lite_folder() -> Path:
    """Folder of the bundled Lite backbone (it may be missing).

    Raises:
        trainer.resources.ResourcesMissingError: in an incomplete installation.
    """
    return resources_dir() / "models" / "lite"


def weights_file(name: str) -> Path | None:
    """The local file that PATH in a ``MODEL/PATH`` name refers to, or None.

    PATH must look like a path: absolute, starting with ``.`` or ``~``, or with the suffix of a
    weights file.  The file need not exist.
    """
    _, slash, rest = name.partition("/")
    if not slash or not rest:
        return None
    path = Path(rest)
    looks_like_path = (
        path.is_absolute()
        or rest.startswith((".", "~"))
        or path.suffix.lower() in (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
    )
    return path.expanduser() if looks_like_path else None


def is_downloaded(name: str) -> bool:
    """Whether ``name`` can be loaded without network, as far as known without torch.

    False for open_clip pairs outside :data:`SUGGESTED` and :data:`CAPTIONERS`, because only
    open_clip knows their location.
    """
    if name in BUNDLED_SIDES:
        try:
            return (lite_folder() / "open_clip_config.json").is_file()
        except ResourcesMissingError:
            return False
    if (file := weights_file(name)) is not None:
        return file.is_file()
    repositories = CAPTIONERS | {item.name: item.repository for item in SUGGESTED}
    repository = repositories.get(name, "")
    if not repository or cached_weights(repository) is None:
        return False
    reads = any(item.name == name and item.hub_tokenizer for item in SUGGESTED)
    return not reads or cached_weights(repository, [TOKENIZER_FILE]) is not None


def is_captioner(name: str) -> bool:
    """Whether the backbone called ``name`` is a CoCa."""
    return name.lower().startswith("coca_")


def installed_captioner(backbone: str = "") -> str | None:
    """An installed captioner: ``backbone`` if it is one, else the best of :data:`CAPTIONERS`; None
    if none is installed.
    """
    preferred = [backbone] if is_captioner(backbone) else []
    return next((name for name in [*preferred, *CAPTIONERS] if is_downloaded(name)), None)


def backbones_dir() -> Path:
    """Folder for downloaded weights (it may not exist yet)."""
    home = os.environ.get("LMPT_DESKTOP_HOME")
    cache = (
        Path(home).expanduser().resolve() / "cache"
        if home
        else platformdirs.user_cache_path("lmpt-desktop", appauthor=False)
    )
    return cache / "backbones"


def cached_weights(repository: str, files: Sequence[str] = WEIGHT_FILES) -> Path | None:
    """Installed weights of a hub repository, downloaded by us or by any other program."""
    own = backbones_dir() / repository.replace("/", "--")
    for file in files:
        if (own / file).is_file():
            return own / file
    # Imported late: it is slow, and the app needs it only when settings are opened.
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    for file in files:
        found = try_to_load_from_cache(repository, file)
        if isinstance(found, str) and Path(found).is_file():
            return Path(found)
    return None
