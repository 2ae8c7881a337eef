"""What an encoder process loads: OpenVINO where it can, else torch, which takes seconds to import
(imports no torch unless it is needed).
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from trainer.backbone_error import BackboneError
from trainer.computer import AUTO, cores, may_have_gpu
from trainer.cpu_runtime.backbone import runtime_backbone
from trainer.cpu_runtime.runtime import UnsuitableError
from trainer.encoding_model import EncodingModel

if TYPE_CHECKING:
    from trainer.download import OnDownload

__all__ = ["BackboneError", "load_encoder"]

log = logging.getLogger(__name__)

TORCH_VARIABLE = "LMPT_DESKTOP_ENCODER"
"""With the value "torch" in the environment torch is used, whatever could be used instead."""


def load_encoder(
    name: str,
    device: str,
    threads: int | None,
    on_download: OnDownload | None = None,
    *,
    in_torch: bool = False,
) -> EncodingModel:
    """Load the backbone ``name`` for encoding.

    Args:
        device: for :func:`trainer.device.choose_device`.
        threads: of the model on a CPU; None: as many as are good for it.
        on_download: as for :func:`trainer.backbone.load_backbone`.
        in_torch: whatever could be used instead.

    Raises:
        BackboneError: with the ``kind`` of :class:`trainer.events.EncoderFailed` and a sentence.
    """
    if device == "cpu" or (device == AUTO and not may_have_gpu()):
        try:
            if in_torch or os.environ.get(TORCH_VARIABLE) == "torch":
                raise UnsuitableError("asked for")
            return runtime_backbone(name, threads or cores())
        except UnsuitableError as error:
            log.info("%s runs in torch: %s", name, error)
    return _in_torch(name, device, threads, on_download)


def _in_torch(
    name: str, device: str, threads: int | None, on_download: OnDownload | None
) -> EncodingModel:
    # torch reads this once, when it is loaded.  OpenMP threads spin while they wait for each other;
    # beside decoding threads or another busy program this costs as much as the model itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from trainer.without_compiler import import_models  # noqa: PLC0415

    import_models()
    import torch  # noqa: PLC0415

    from trainer.backbone import load_backbone  # noqa: PLC0415
    from trainer.device import NoDeviceError, choose_device  # noqa: PLC0415

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        chosen = choose_device(device)
    except NoDeviceError as error:
        raise BackboneError("no-device", str(error)) from error
    return load_backbone(name, chosen, fast_images=True, on_download=on_download)
