"""Frozen open_clip models by name, ready to encode photos and texts.

A name is one of

- ``lite``: the small model bundled with the app (``resources/models/lite``);
- ``MODEL/PRETRAINED``: any pair open_clip knows, downloaded once from the Hugging Face hub;
- ``MODEL/PATH``: an open_clip architecture and a local weights file (:mod:`trainer.weights`);
- ``local-dir:PATH``: a folder with ``open_clip_config.json`` and weights, open_clip's own format.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.convert import convert_state_dict
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import Tensor, nn

from trainer.device import AUTO, NoDeviceError, choose_device
from trainer.download import BackboneError, OnDownload, fetch_weights
from trainer.folding import fold_batch_norms
from trainer.pixels import FastPreprocess
from trainer.resources import ResourcesMissingError
from trainer.suggested import LITE, lite_folder, weights_file
from trainer.templates import fill
from trainer.text_tower import TextTower, UnsupportedTextTowerError
from trainer.weights import Weights, WeightsError, read_weights

__all__ = ["Backbone", "BackboneError", "load_backbone"]

log = logging.getLogger(__name__)

LOCAL_DIR = "local-dir:"
CALIBRATION_NAME = "lmpt.json"
"""Beside a folder's weights: {"scale", "bias", "threshold", "templates"}, all optional."""

DEFAULT_TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of many {}.",
    "a close-up photo of a {}.",
    "a blurry photo of a {}.",
    "a photo of a small {}.",
    "a photo of a large {}.",
)
"""Prompt ensembling for class names: a few of OpenAI's eighty templates give most of the gain."""

_TEXT_BATCH = 128


@dataclass(frozen=True)
class Backbone:
    """A frozen model with its preprocessing (D feature dim, S input side).

    name: as requested; part of every feature's identity.
    preprocess: PIL image (RGB) to (3, S, S) float32; open_clip's own.
    fast_preprocess: the same as uint8, completed by :meth:`encode_images`; None for unusual
        settings.
    tokenizer: texts to (n, L) int64.
    scale, bias: score = sigmoid(scale * cosine + bias); bias is None for a model that
        is not calibrated for independent classes, such as CLIP, which was trained with softmax.
    precision: "fp32", or "fp16" for an image tower in half precision.
    """

    name: str
    model: nn.Module
    preprocess: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[Sequence[str]], Tensor]
    device: torch.device
    dim: int
    scale: float
    bias: float | None
    templates: tuple[str, ...]
    precision: str
    input_side: int
    """Pixels of the shorter side of the image tower's input."""
    fast_preprocess: FastPreprocess | None = None
    _tower: TextTower | None = field(default=None, repr=False)

    @torch.inference_mode()
    def encode_images(self, pixels: Tensor) -> NDArray[np.float32]:
        """Features of preprocessed photos.

        Args:
            pixels: (n, 3, S, S), on any device: float32 from :attr:`preprocess` or uint8 from
                :attr:`fast_preprocess`.

        Returns:
            (n, D) float32, unit norm.
        """
        device = self.device
        pixels = pixels.to(device, memory_format=torch.channels_last, non_blocking=True)
        if pixels.dtype == torch.uint8:
            if self.fast_preprocess is None:
                raise ValueError("8-bit pixels for a backbone that accepts only float32")
            pixels = self.fast_preprocess.normalise(pixels)
        with torch.autocast(device.type, torch.float16, enabled=self.precision == "fp16"):
            features = cast(Any, self.model).encode_image(pixels)
        return _unit(features)

    @torch.inference_mode()
    def encode_texts(
        self, texts: Sequence[str], templates: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Embeddings of texts; with ``templates``, the mean over all templates for each text.

        Every template has a ``{}`` for the text.

        Returns:
            (n, D) float32, unit norm.
        """
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        if not templates:
            return self._encode_plain(texts)
        filled = [fill(template, text) for text in texts for template in templates]
        each = self._encode_plain(filled).reshape(len(texts), len(templates), self.dim)
        mean = each.mean(axis=1)
        return mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)

    def _encode_plain(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Sorted by length, because a tower that truncates pays for the longest prompt of a batch.
        bodies = None if self._tower is None else [self._tower.body_ids(text) for text in texts]
        lengths = [len(text) for text in texts] if bodies is None else [len(b) for b in bodies]
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        result = np.empty((len(texts), self.dim), np.float32)
        for start in range(0, len(order), _TEXT_BATCH):
            part = order[start : start + _TEXT_BATCH]
            if self._tower is not None and bodies is not None:
                ids, _ = self._tower.rows([bodies[index] for index in part])
                result[part] = self._tower.encode(ids).cpu().numpy()
            else:
                tokens = self.tokenizer([texts[index] for index in part])
                features = cast(Any, self.model).encode_text(tokens.to(self.device))
                result[part] = _unit(features)
        return result


def _unit(features: Tensor) -> NDArray[np.float32]:
    return nn.functional.normalize(features.float(), dim=-1).cpu().numpy()


# ----------------------------------------------------------------------------- loading


def load_backbone(
    name: str,
    device: str | torch.device = AUTO,
    *,
    fast_images: bool = False,
    on_download: OnDownload | None = None,
) -> Backbone:
    """Load a backbone by name (see the module docstring), downloading it if necessary.

    Args:
        device: a working device, or a name for :func:`trainer.device.choose_device`.
        fast_images: make the image tower faster by folding batch norms and, on a GPU, float16;
            this makes loading a little slower.
        on_download: called with (bytes so far, total bytes or 0); may raise to stop, and the next
            attempt then resumes the download.

    Raises:
        BackboneError: with the ``kind`` of :class:`trainer.events.EncoderFailed` and a sentence.
    """
    try:
        chosen = device if isinstance(device, torch.device) else choose_device(device)
    except NoDeviceError as error:
        raise BackboneError("no-device", str(error)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unauthenticated hubs and QuickGELU defaults
            parts = _load(name, on_download)
        parts.model.requires_grad_(False)
        parts.model.eval().float().to(chosen)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise BackboneError(
            "no-memory", f"There is not enough memory to load {name}. Choose a smaller backbone."
        ) from error
    backbone = _finish(name, parts, chosen, fast_images and chosen.type != "cpu")
    model = cast(Any, parts.model)
    if fast_images:
        noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
        probe = backbone.preprocess(Image.fromarray(noise)).unsqueeze(0).to(chosen)
        model.visual = fold_batch_norms(model.visual, probe)
    # Convolutions are faster with channels last on every device, some twice as fast.
    model.visual.to(memory_format=torch.channels_last)
    return backbone


@dataclass(frozen=True)
class _Parts:
    model: nn.Module
    tokenizer_name: str
    calibration: dict[str, Any] = field(default_factory=dict)


def _load(name: str, on_download: OnDownload | None) -> _Parts:
    if name == LITE:
        try:
            return _load_folder(name, lite_folder())
        except ResourcesMissingError as error:
            raise BackboneError("bad-weights", str(error)) from error
    if name.startswith(LOCAL_DIR):
        return _load_folder(name, Path(name.removeprefix(LOCAL_DIR)).expanduser())
    model_name, _, rest = name.partition("/")
    if model_name not in open_clip.list_models():
        raise BackboneError(
            "unknown-backbone",
            f"“{name}” is not a backbone that open_clip knows. A name looks like "
            "ViT-B-32/openai, or ViT-B-32//home/me/weights.safetensors for a file of your own.",
        )
    if (file := weights_file(name)) is not None:
        try:
            weights = read_weights(file)
        except WeightsError as error:
            raise BackboneError("bad-weights", str(error)) from error
        return _build(name, model_name, weights, {}, quick_gelu=weights.openai)
    config = open_clip.get_pretrained_cfg(model_name, rest)
    if not config:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model_name)) or "none"
        raise BackboneError(
            "unknown-backbone",
            f"open_clip has no weights “{rest}” for {model_name}. It has: {tags}.",
        )
    file = fetch_weights(name, str(config.get("hf_hub", "")), on_download)
    try:
        weights = read_weights(file)
    except WeightsError as error:
        raise BackboneError("bad-weights", str(error)) from error
    # If the architecture's name and the weights disagree on QuickGELU, open_clip only warns and
    # computes something different from the trained model.
    return _build(
        name, model_name, weights, config, quick_gelu=bool(config.get("quick_gelu", False))
    )


def _load_folder(name: str, folder: Path) -> _Parts:
    if not (folder / "open_clip_config.json").is_file():
        raise BackboneError(
            "bad-weights",
            f"The backbone {name} is missing: {folder} has no open_clip_config.json.",
        )
    source = f"{LOCAL_DIR}{folder}"
    try:
        # torch.load inside open_clip is weights-only by default; explicit, to be safe.
        model = open_clip.create_model(
            source, precision="fp32", device="cpu", require_pretrained=True, weights_only=True
        )
        calibration = folder / CALIBRATION_NAME
        values = json.loads(calibration.read_text("utf-8")) if calibration.is_file() else {}
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise BackboneError(
            "bad-weights", f"The backbone in {folder} cannot be loaded ({_brief(error)})."
        ) from error
    return _Parts(model, source, values)


def _build(
    name: str, model_name: str, weights: Weights, config: dict[str, Any], *, quick_gelu: bool
) -> _Parts:
    try:
        with _silence_random_weights_warning():
            model = open_clip.create_model(
                model_name,
                precision="fp32",
                device="cpu",
                load_weights=False,
                pretrained_text=False,
                force_quick_gelu=quick_gelu,
                force_preprocess_cfg={
                    key: value for key, value in config.items() if key in _PREPROCESS_KEYS
                },
            )
        _fill(model, weights)
    except OSError as error:  # a Hugging Face text tower whose configuration is not cached
        raise BackboneError(
            "no-network",
            f"{name} needs a file that could not be downloaded ({_brief(error)}).",
        ) from error
    except (RuntimeError, ValueError, KeyError, AssertionError) as error:
        raise BackboneError(
            "bad-weights",
            f"These weights do not fit {model_name} ({_brief(error)}). "
            "Choose the architecture they were made for.",
        ) from error
    return _Parts(model, model_name)


_PREPROCESS_KEYS = ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")


@contextlib.contextmanager
def _silence_random_weights_warning() -> Iterator[None]:
    """open_clip warns on the root logger about models without weights; ours are loaded next."""

    def keep(record: logging.LogRecord) -> bool:
        return "initialized randomly" not in record.getMessage()

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)


def _fill(model: nn.Module, weights: Weights) -> None:
    """open_clip's ``load_checkpoint``, from tensors that are already in memory."""
    tensors: Any = dict(weights.tensors)
    target = cast(Any, model)
    if weights.openai:
        tensors.pop("attn_mask", None)  # a constant, part of traced models
    tensors = convert_state_dict(target, tensors)
    if "positional_embedding" in tensors and not hasattr(model, "positional_embedding"):
        tensors = open_clip.model.convert_to_custom_text_state_dict(tensors)
    if "logit_bias" not in tensors and getattr(model, "logit_bias", None) is not None:
        tensors["logit_bias"] = torch.zeros(())
    for key in ("logit_scale", "logit_bias"):
        if key in tensors and getattr(model, key, None) is not None:
            tensors[key] = tensors[key].reshape(getattr(target, key).shape)
    tensors.pop("text.transformer.embeddings.position_ids", None)
    open_clip.model.resize_pos_embed(tensors, target)
    open_clip.model.resize_text_pos_embed(tensors, target)
    model.load_state_dict(tensors)


def _finish(name: str, parts: _Parts, device: torch.device, half: bool) -> Backbone:
    model: Any = parts.model
    try:
        tokenizer: Any = open_clip.get_tokenizer(parts.tokenizer_name)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise BackboneError(
            "no-network",
            f"The tokenizer of {name} could not be fetched ({_brief(error)}). "
            "Connect to the internet once, or choose another backbone.",
        ) from error
    settings = PreprocessCfg(**model.visual.preprocess_cfg)
    side = settings.size if isinstance(settings.size, int) else min(settings.size)
    scale = math.exp(float(model.logit_scale.detach().reshape(()).cpu()))
    learned = getattr(model, "logit_bias", None)
    bias = None if learned is None else float(learned.detach().reshape(()).cpu())
    calibration = parts.calibration
    if calibration.get("bias") is not None:
        bias = float(calibration["bias"])
    with torch.no_grad():
        dim = int(model.encode_text(tokenizer(["a"]).to(device)).shape[-1])
    try:
        tower = TextTower(model, tokenizer)
    except UnsupportedTextTowerError:
        tower = None  # encodes through the model, at full length
    return Backbone(
        name=name,
        model=model,
        preprocess=cast(Any, image_transform_v2(settings, is_train=False)),
        tokenizer=tokenizer,
        device=device,
        dim=dim,
        scale=float(calibration.get("scale", scale)),
        bias=bias,
        templates=tuple(calibration.get("templates") or DEFAULT_TEMPLATES),
        precision="fp16" if half else "fp32",
        input_side=side,
        fast_preprocess=FastPreprocess.of(settings),
        _tower=tower,
    )


def _brief(error: Exception) -> str:
    """The first line of an error, short enough for a dialog."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
    return text if len(text) <= 160 else text[:157] + "..."
