"""Suggested backbones and captioners, and whether they are installed (imports no torch).

The app's settings list these; any other ``MODEL/PRETRAINED`` of open_clip and any weights file
works as well (:mod:`trainer.backbone`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from trainer.resources import ResourcesMissingError, resources_dir
from trainer.texts import N_

LITE = "lite"


@dataclass(frozen=True)
class SuggestedBackbone:
    """An entry of the list.

    name: for :func:`trainer.backbone.load_backbone`.
    title: as shown to the user.
    download_bytes: approximate size of the download; 0 if bundled with the app.
    note: what it is good for, in one sentence, marked for translation.
    repository: on the Hugging Face hub, or "".
    """

    name: str
    title: str
    download_bytes: int
    note: str
    repository: str = ""


SUGGESTED: tuple[SuggestedBackbone, ...] = (
    SuggestedBackbone(
        LITE,
        "Lite",
        0,
        N_(
            "A small image-text model trained for this app; not CLIP. Works with no network; "
            "choose a CLIP backbone for best results."
        ),
    ),
    SuggestedBackbone(
        "ViT-B-16/openai",
        "CLIP ViT-B/16 (OpenAI)",
        598_600_000,
        N_("The backbone of the LMPT paper. Slow without a GPU."),
        "timm/vit_base_patch16_clip_224.openai",
    ),
    SuggestedBackbone(
        "RN50/openai",
        "CLIP ResNet-50 (OpenAI)",
        408_300_000,
        N_("The paper's convolutional backbone."),
        "timm/resnet50_clip.openai",
    ),
    SuggestedBackbone(
        "MobileCLIP2-S0/dfndr2b",
        "MobileCLIP2-S0 (Apple)",
        299_500_000,
        N_("Fast on a CPU and about as good as ViT-B/16. Apple's weights are for research use."),
        "timm/MobileCLIP2-S0-OpenCLIP",
    ),
    SuggestedBackbone(
        "ViT-B-32/datacomp_xl_s13b_b90k",
        "CLIP ViT-B/32 (DataComp)",
        605_200_000,
        N_("Four times as fast as ViT-B/16 and better at most things."),
        "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
    ),
)

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
    if name == LITE:
        try:
            return (lite_folder() / "open_clip_config.json").is_file()
        except ResourcesMissingError:
            return False
    if (file := weights_file(name)) is not None:
        return file.is_file()
    repositories = CAPTIONERS | {item.name: item.repository for item in SUGGESTED}
    repository = repositories.get(name, "")
    return bool(repository) and cached_weights(repository) is not None


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
