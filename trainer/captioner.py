"""Captions for photos by an open_clip CoCa model whose weights are installed.

open_clip's own ``generate`` needs parts of the transformers library that were removed in version
5, so greedy decoding is done here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from trainer.backbone import Backbone, BackboneError, load_backbone
from trainer.computer import AUTO
from trainer.encode import SHARPNESS, default_threads
from trainer.memory import release
from trainer.out_of_memory import is_out_of_memory
from trainer.photo import UnreadablePhoto
from trainer.photo_reader import PhotoReader
from trainer.suggested import is_captioner, is_downloaded

log = logging.getLogger(__name__)

CPU_BATCH, GPU_BATCH = 8, 64
MAX_TOKENS = 30
MIN_TOKENS = 5
"""Minimum length of a caption; as in open_clip."""
NO_CAPTION = "The captioner wrote nothing about this photo."


@dataclass(frozen=True)
class Caption:
    """The caption of a photo or, if ``text`` is empty, the ``problem``."""

    photo: Path
    text: str
    problem: str = ""


class Captioner:
    """Writes captions with a CoCa model.

    Args:
        backbone: must have a CoCa model.
        batch: photos at once; halved if memory runs out.

    Raises:
        BackboneError: if the model is not a CoCa.
    """

    def __init__(self, backbone: Backbone, *, batch: int = 0) -> None:
        self._backbone = backbone
        self._model: Any = backbone.model
        if not hasattr(self._model, "text_decoder"):
            raise BackboneError(
                "bad-weights",
                f"{backbone.name} cannot write captions; choose one of open_clip's CoCa models.",
            )
        tokenizer = cast(Any, backbone.tokenizer)
        if not hasattr(tokenizer, "sot_token_id"):
            raise BackboneError(
                "bad-weights", f"The tokenizer of {backbone.name} is not one for captions."
            )
        self._start, self._end = int(tokenizer.sot_token_id), int(tokenizer.eot_token_id)
        default = CPU_BATCH if backbone.device.type == "cpu" else GPU_BATCH
        self.batch = self._initial_batch = batch or default
        self._max_length = min(MAX_TOKENS, int(self._model.text.context_length))

    def captions(self, photos: Sequence[Path]) -> Iterator[Caption]:
        """A caption per photo, in order, as soon as each is written.

        Raises:
            BackboneError: ``no-memory`` if not even one photo fits.
        """
        # The decoding window does not follow a batch that was halved.
        size = self._initial_batch
        reader = PhotoReader(
            self._backbone.preprocess,
            at_least=SHARPNESS * self._backbone.input_side,
            threads=default_threads(self._backbone.device),
            window=2 * size,
        )
        try:
            reader.add(photos)
            for start in range(0, len(photos), size):
                part = photos[start : start + size]
                yield from self._describe(part, reader.take(len(part)))
        finally:
            reader.close()

    def _describe(
        self, photos: Sequence[Path], taken: Sequence[Tensor | UnreadablePhoto]
    ) -> list[Caption]:
        good = [item for item in taken if isinstance(item, Tensor)]
        texts = iter(self._texts(torch.stack(good)) if good else [])
        made: list[Caption] = []
        for photo, item in zip(photos, taken, strict=True):
            if isinstance(item, UnreadablePhoto):
                made.append(Caption(photo, "", item.reason))
            else:
                text = next(texts)
                made.append(Caption(photo, text, "" if text else NO_CAPTION))
        return made

    def _texts(self, pixels: Tensor) -> list[str]:
        """Captions of (n, 3, S, S), in smaller batches if memory runs out."""
        made: list[str] = []
        while len(made) < len(pixels):
            part = pixels[len(made) : len(made) + self.batch]
            try:
                made += [self._text(row) for row in self.write(part).tolist()]
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise BackboneError(
                        "no-memory",
                        "There is not enough memory to describe even one photo at a time. Close "
                        "other programs, or choose a smaller captioner.",
                    ) from error
                self.batch = len(part) // 2
                log.warning("out of memory with %d photos at once; halving", len(part))
            else:
                continue
            release(self._backbone.device)
        return made

    @torch.inference_mode()
    def write(self, pixels: Tensor) -> Tensor:
        """Decode (n, 3, S, S) float32 photos greedily.

        Returns:
            (n, L) int64, L up to :data:`MAX_TOKENS`: start, caption, end; padded with ends.
        """
        device = self._backbone.device
        latent, image = self._model._encode_image(pixels.to(device))
        tokens = torch.full((len(pixels), 1), self._start, dtype=torch.long, device=device)
        ended = torch.zeros(len(pixels), dtype=torch.bool, device=device)
        while tokens.shape[1] < self._max_length and not bool(ended.all()):
            found = self._model(
                None, tokens, image_latent=latent, image_embs=image, output_labels=False
            )
            logits = found["logits"][:, -1].float()
            logits[:, self._start] = -torch.inf
            if tokens.shape[1] < MIN_TOKENS:
                logits[:, self._end] = -torch.inf
            word = torch.where(ended, self._end, logits.argmax(-1))
            ended |= word == self._end
            tokens = torch.cat([tokens, word[:, None]], dim=1)
        return tokens

    def _text(self, tokens: Sequence[int]) -> str:
        words = [token for token in tokens if token not in (self._start, self._end, 0)]
        decode = cast(Any, self._backbone.tokenizer).decode
        return " ".join(str(decode(words)).replace("\ufffd", " ").split()).rstrip(" .")


def load_captioner(
    name: str, device: str = AUTO, *, download: bool = False, batch: int = 0
) -> Captioner:
    """Load a CoCa by its backbone name.

    Args:
        download: whether its weights may be downloaded if they are not installed.

    Raises:
        BackboneError: if it is not available or not a CoCa.
    """
    if not is_captioner(name):
        raise BackboneError(
            "unknown-backbone",
            f"“{name}” cannot write captions. open_clip's captioners are called coca_...; the "
            "best is coca_ViT-L-14/mscoco_finetuned_laion2b_s13b_b90k.",
        )
    if not download and not is_downloaded(name):
        raise BackboneError(
            "bad-weights",
            f"The weights of {name} are not installed, and nothing is downloaded automatically. "
            "Choose it as a backbone once, or run lmpt-trainer caption --download.",
        )
    return Captioner(load_backbone(name, device), batch=batch)
