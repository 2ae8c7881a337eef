"""Frozen open_clip models by name, ready to encode photos and texts.

A name is one of

- ``lite``: the small model bundled with the app (``resources/models/lite``);
- ``lite+``: the same weights, given larger pictures;
- ``MODEL/PRETRAINED``: any pair open_clip knows, downloaded once from the Hugging Face hub;
- ``MODEL/PATH``: an open_clip architecture and a local weights file (:mod:`trainer.weights`);
- ``local-dir:PATH``: a folder with ``open_clip_config.json`` and weights, open_clip's own format.
"""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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

from trainer.backbone_folder import (
    CONFIG_NAME,
    LOCAL_DIR,
    WEIGHTS_PATTERNS,
    folder_of,
)
from trainer.backbone_tokenizer import Tokenise, folder_tokenizer, tokenizer_of
from trainer.box import Box
from trainer.calibrated import Calibrated, read_values
from trainer.computer import AUTO
from trainer.dense import DenseTower, dense_tower
from trainer.device import NoDeviceError, choose_device, device_label
from trainer.download import BackboneError, OnDownload, fetch_weights
from trainer.encoding_model import encode_filled, seen_part
from trainer.folding import fold_batch_norms
from trainer.pixels import FastPreprocess, bounded
from trainer.resources import ResourcesMissingError
from trainer.suggested import BUNDLED_SIDES, weights_file
from trainer.text_tower import TextTower, UnsupportedTextTowerError
from trainer.weights import Weights, WeightsError, check_size, read_weights
from trainer.windows import BOXES, Windows, quantise

__all__ = ["Backbone", "BackboneError", "load_backbone", "random_backbone"]

log = logging.getLogger(__name__)

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
        is not calibrated for independent classes: CLIP, which was trained with softmax, and
        SigLIP, whose own bias says how rarely one caption out of a batch of 32,768 belongs to an
        image (arXiv 2303.15343, sec. 3.2), not how rarely an image has a class.
    frequency_bias: sigmoid(scale * cosine + frequency_bias) is about how often such a class is in
        the photo, where ``bias`` puts the threshold of a list at 0.5; None if not measured.
    name_frequency: (D,) direction of text embeddings along which what is called so is more often in
        photos (:mod:`trainer.lite.name_frequency`); None if not measured.
    precision: "fp32", or "fp16" for an image tower in half precision.
    window_offset: by how much the largest cosine with a window is above that with the whole photo;
        None if it was not measured.
    """

    name: str
    model: nn.Module
    preprocess: Callable[[Image.Image], Tensor]
    tokenizer: Tokenise
    device: torch.device
    dim: int
    scale: float
    bias: float | None
    templates: tuple[str, ...]
    precision: str
    input_side: int
    """Pixels of the shorter side of the image tower's input."""
    frequency_bias: float | None = None
    name_frequency: tuple[float, ...] | None = None
    fast_preprocess: FastPreprocess | None = None
    resize_mode: str = "shortest"
    """How a photo becomes a square: "shortest" (crop the middle), "squash" or "longest" (pad)."""
    window_offset: float | None = None
    _tower: TextTower | None = field(default=None, repr=False)

    @property
    def windows(self) -> int:
        """Windows of each photo, 0 if the image tower makes none."""
        return 0 if self._dense is None else len(BOXES)

    @property
    def crops(self) -> bool:
        """Whether only the square in the middle of a photo is seen."""
        return self.resize_mode == "shortest"

    @cached_property
    def _dense(self) -> DenseTower | None:
        # When first asked for, because it takes a forward pass and training has no use for it.
        return dense_tower(self.model, self.input_side, self.device)

    def seen(self, width: int, height: int) -> Box:
        """The square that the image tower sees, in fractions of an upright photo of this size;
        beyond 0 and 1 where the photo is padded."""
        return seen_part(self.resize_mode, width, height)

    @property
    def device_label(self) -> str:
        """The device, as shown to the user."""
        return device_label(self.device)

    @property
    def preparation(self) -> Callable[[Image.Image], Tensor]:
        """The faster preprocessing, if there is one."""
        return self.fast_preprocess or self.preprocess

    @torch.inference_mode()
    def encode_images(self, pixels: Tensor) -> NDArray[np.float32]:
        """Features of preprocessed photos.

        Args:
            pixels: (n, 3, S, S), on any device: float32 from :attr:`preprocess` or uint8 from
                :attr:`fast_preprocess`.

        Returns:
            (n, D) float32, unit norm.
        """
        with self._autocast():
            features = cast(Any, self.model).encode_image(self._prepared(pixels))
        return _unit(features)

    @torch.inference_mode()
    def encode_with_windows(self, pixels: Tensor) -> tuple[NDArray[np.float32], Windows]:
        """Features of preprocessed photos and of their windows, by one forward pass.

        Args:
            pixels: as for :meth:`encode_images`.

        Returns:
            features (n, D) float32, unit norm, equal to those of :meth:`encode_images`; windows
            (n, W, D) int8 with W = :attr:`windows`.  A window that is not finite, by an overflow
            in half precision, is the whole photo instead.
        """
        dense = self._dense
        if dense is None:
            features = self.encode_images(pixels)
            return features, np.zeros((len(features), 0, self.dim), np.int8)
        with self._autocast():
            whole, cells = dense.forward(self._prepared(pixels))
            parts = dense.windows(cells).float()
        finite = torch.isfinite(parts).all(dim=-1, keepdim=True)
        parts = torch.where(finite, parts, whole.float()[:, None])
        return _unit(whole), quantise(torch.nan_to_num(parts).cpu().numpy())

    @torch.inference_mode()
    def encode_map(self, pixels: Tensor) -> NDArray[np.float16]:
        """The features of the cells of one preprocessed photo.

        Args:
            pixels: (3, S, S), otherwise as for :meth:`encode_images`.

        Returns:
            (g, g, D), unit norm; rows from the top.

        Raises:
            ValueError: if the backbone makes no windows.
        """
        dense = self._dense
        if dense is None:
            raise ValueError(f"{self.name} has no features of parts")
        with self._autocast():
            _, cells = dense.forward(self._prepared(pixels[None]))
            features = dense.map(cells)[0]
        return _unit(features).astype(np.float16)

    def _prepared(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        if pixels.dtype != torch.uint8:
            return pixels
        if self.fast_preprocess is None:
            raise ValueError("8-bit pixels for a backbone that accepts only float32")
        return self.fast_preprocess.normalise(pixels)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.float16, enabled=self.precision == "fp16")

    @torch.inference_mode()
    def encode_texts(
        self, texts: Sequence[str], templates: Sequence[str] = ()
    ) -> NDArray[np.float32]:
        """Embeddings of texts; with ``templates``, the mean over all templates for each text.

        Every template has a ``{}`` for the text.

        Returns:
            (n, D) float32, unit norm.
        """
        return encode_filled(self._encode_plain, self.dim, texts, templates)

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
    side: int | None = None,
) -> Backbone:
    """Load a backbone by name (see the module docstring), downloading it if necessary.

    Args:
        device: a working device, or a name for :func:`trainer.device.choose_device`.
        fast_images: make the image tower faster by folding batch norms and, on a GPU, float16;
            this makes loading a little slower.
        on_download: called with (bytes so far, total bytes or 0); may raise to stop, and the next
            attempt then resumes the download.
        side: of a folder's model, input pixels along a side instead of the model's own; for image
            towers that take any size.

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
            parts = _load(name, on_download, side)
        parts.model.requires_grad_(False)
        parts.model.eval().float().to(chosen)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise BackboneError(
            "no-memory", f"There is not enough memory to load {name}. Choose a smaller backbone."
        ) from error
    backbone = _finish(name, parts, chosen, fast_images and chosen.type != "cpu")
    if fast_images:
        return _made_fast(backbone)
    cast(Any, backbone.model).visual.to(memory_format=torch.channels_last)
    return backbone


def _made_fast(backbone: Backbone) -> Backbone:
    """The same backbone, its image tower folded."""
    model = cast(Any, backbone.model)
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    probe = backbone.preprocess(Image.fromarray(noise)).unsqueeze(0).to(backbone.device)
    model.visual = fold_batch_norms(model.visual, probe)
    # Convolutions are faster with channels last on every device, some twice as fast.
    model.visual.to(memory_format=torch.channels_last)
    return backbone


def random_backbone(name: str, device: str | torch.device = AUTO) -> Backbone:
    """A backbone whose image tower has the architecture of ``name`` and random weights, without any
    download: for measuring how fast it is.  It cannot encode texts.

    Args:
        name: ``MODEL`` or ``MODEL/PRETRAINED``; ``lite`` and ``lite+`` are loaded as they are.

    Raises:
        BackboneError: as :func:`load_backbone`.
    """
    if name in BUNDLED_SIDES:
        return load_backbone(name, device, fast_images=True)
    model_name, _, tag = name.partition("/")
    if model_name not in open_clip.list_models():
        raise BackboneError("unknown-backbone", f"“{name}” is not a backbone that open_clip knows.")
    try:
        chosen = device if isinstance(device, torch.device) else choose_device(device)
    except NoDeviceError as error:
        raise BackboneError("no-device", str(error)) from error
    config = open_clip.get_pretrained_cfg(model_name, tag) or {}
    with warnings.catch_warnings(), _silence_random_weights_warning():
        warnings.simplefilter("ignore")
        model = open_clip.create_model(
            model_name,
            precision="fp32",
            device="cpu",
            load_weights=False,
            pretrained_text=False,
            force_quick_gelu=bool(config.get("quick_gelu", False)),
            force_preprocess_cfg={k: v for k, v in config.items() if k in _PREPROCESS_KEYS},
            text_cfg=_TOY_TEXT,
        )
    model.requires_grad_(False)
    model.eval().to(chosen)
    tokenizer = open_clip.SimpleTokenizer(context_length=_TOY_TEXT["context_length"])
    parts = _Parts(model, cast(Tokenise, tokenizer))
    return _made_fast(_finish(name, parts, chosen, half=chosen.type != "cpu"))


_TOY_TEXT = {"context_length": 8, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
"""A text tower that costs neither time nor memory."""


@dataclass(frozen=True)
class _Parts:
    model: nn.Module
    tokenizer: Tokenise
    calibrated: Calibrated = field(default_factory=Calibrated)


def _load(name: str, on_download: OnDownload | None, side: int | None) -> _Parts:
    try:
        folder = folder_of(name)
    except ResourcesMissingError as error:
        raise BackboneError("bad-weights", str(error)) from error
    if folder is not None:
        return _load_folder(name, folder, side or BUNDLED_SIDES.get(name))
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
        tokenizer = tokenizer_of(name, model_name, file.parent, on_download)
        return _build(name, model_name, weights, tokenizer, {}, quick_gelu=weights.openai)
    config = open_clip.get_pretrained_cfg(model_name, rest)
    if not config:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model_name)) or "none"
        raise BackboneError(
            "unknown-backbone",
            f"open_clip has no weights “{rest}” for {model_name}. It has: {tags}.",
        )
    # Before the weights, so that who has these needs no network any more.
    tokenizer = tokenizer_of(name, model_name, None, on_download)
    file = fetch_weights(name, str(config.get("hf_hub", "")), on_download)
    try:
        weights = read_weights(file)
    except WeightsError as error:
        raise BackboneError("bad-weights", str(error)) from error
    # If the architecture's name and the weights disagree on QuickGELU, open_clip only warns and
    # computes something different from the trained model.
    quick_gelu = bool(config.get("quick_gelu", False))
    return _build(name, model_name, weights, tokenizer, config, quick_gelu=quick_gelu)


def _load_folder(name: str, folder: Path, side: int | None) -> _Parts:
    if not (folder / CONFIG_NAME).is_file():
        raise BackboneError(
            "bad-weights",
            f"The backbone {name} is missing: {folder} has no {CONFIG_NAME}.",
        )
    source = f"{LOCAL_DIR}{folder}"
    try:
        for pattern in WEIGHTS_PATTERNS:
            for file in folder.glob(pattern):
                check_size(file)
        # torch.load inside open_clip is weights-only by default; explicit, to be safe.
        model = open_clip.create_model(
            source,
            precision="fp32",
            device="cpu",
            require_pretrained=True,
            weights_only=True,
            force_image_size=side,
        )
        calibrated = Calibrated.of(read_values(folder, name))
    except Exception as error:  # a malformed configuration or pickle can raise nearly any
        raise BackboneError(
            "bad-weights", f"The backbone in {folder} cannot be loaded ({_brief(error)})."
        ) from error
    return _Parts(model, folder_tokenizer(name, folder), calibrated)


def _build(
    name: str,
    model_name: str,
    weights: Weights,
    tokenizer: Tokenise,
    config: dict[str, Any],
    *,
    quick_gelu: bool,
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
    except Exception as error:  # of tensors with other names, kinds and shapes
        raise BackboneError(
            "bad-weights",
            f"These weights do not fit {model_name} ({_brief(error)}). "
            "Choose the architecture they were made for.",
        ) from error
    return _Parts(model, tokenizer)


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
    tokenizer = parts.tokenizer
    settings = PreprocessCfg(**model.visual.preprocess_cfg)
    side = settings.size if isinstance(settings.size, int) else min(settings.size)
    scale = math.exp(float(model.logit_scale.detach().reshape(()).cpu()))
    calibrated = parts.calibrated
    with torch.no_grad():
        dim = int(model.encode_text(tokenizer(["a"]).to(device)).shape[-1])
    try:
        tower = TextTower(model, tokenizer)
    except UnsupportedTextTowerError:
        tower = None  # encodes through the model, at full length
    return Backbone(
        name=name,
        model=model,
        preprocess=bounded(
            cast(Any, image_transform_v2(settings, is_train=False)), settings.resize_mode
        ),
        tokenizer=tokenizer,
        device=device,
        dim=dim,
        scale=scale if calibrated.scale is None else calibrated.scale,
        bias=calibrated.bias,
        templates=calibrated.templates,
        precision="fp16" if half else "fp32",
        input_side=side,
        frequency_bias=calibrated.frequency_bias,
        name_frequency=calibrated.name_frequency,
        fast_preprocess=FastPreprocess.of(settings),
        resize_mode=settings.resize_mode,
        window_offset=calibrated.window_offset,
        _tower=tower,
    )


def _brief(error: Exception) -> str:
    """The first line of an error, short enough for a dialog."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
    return text if len(text) <= 160 else text[:157] + "..."
