"""The graph of Lite's image tower, EfficientNet-Lite2 as timm names its parameters.

Built from the weights at every start, which takes less time than reading a converted copy would
save, and leaves no copy to go out of date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from trainer.cpu_runtime.runtime import UnsuitableError

ARCHITECTURE = "tf_efficientnet_lite2"
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of every stage; that of the others is 1.  All else is seen in the shapes."""
_EPSILON = 1e-3
_TRUNK, _HEAD = "visual.trunk.", "visual.head.proj."

Weights = Mapping[str, NDArray[Any]]


def image_graph(
    weights: Weights,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    pooling: NDArray[np.float32] | None = None,
) -> Any:
    """The graph: pixels (1, S, S, 3) uint8 to parts (P, D) and cells (g * g, K), both float32.

    Args:
        weights: of the whole model, in open_clip's names; those of the text tower are not read.
        side: S.
        mean, std: per channel, of pixels in [0, 1].
        pooling: (P, g * g): the part each row is, as weights of the cells.

    Raises:
        UnsuitableError: if the weights are not those of such a tower.
    """
    import openvino  # noqa: PLC0415 - may be missing, and takes a while
    from openvino import opset13 as ops  # noqa: PLC0415

    try:
        used = _Used(weights)
        pixels = ops.parameter([1, side, side, 3], np.uint8)
        layers = _Layers(ops, used)
        cells = layers.trunk(layers.normalised(pixels, mean, std))
        width = used.shape(_HEAD + "weight")[1]
        rows = ops.reshape(
            ops.transpose(cells, np.array([0, 2, 3, 1])), np.array([-1, width]), special_zero=False
        )
        pooled = rows if pooling is None else ops.matmul(ops.constant(pooling), rows, False, False)
        projected = ops.matmul(pooled, ops.constant(used.take(_HEAD + "weight")), False, True)
        parts = ops.add(projected, ops.constant(used.take(_HEAD + "bias")))
    except KeyError as error:
        raise UnsuitableError(f"the weights have no {error}") from error
    if left := used.left():
        raise UnsuitableError(f"the weights have {left[0]}, which is not used")
    return cast(Any, openvino.Model)([parts, rows], [pixels], "image tower")


class _Used:
    """Weights, and which of them were used."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._left = {
            key
            for key in weights
            if key.startswith("visual.") and not key.endswith("num_batches_tracked")
        }

    def __contains__(self, key: str) -> bool:
        return key in self._weights

    def take(self, key: str) -> NDArray[np.float32]:
        self._left.discard(key)
        return np.asarray(self._weights[key], np.float32)

    def shape(self, key: str) -> tuple[int, ...]:
        return self._weights[key].shape

    def left(self) -> list[str]:
        return sorted(self._left)


class _Layers:
    def __init__(self, ops: Any, used: _Used) -> None:
        self._ops, self._used = ops, used

    def normalised(self, pixels: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
        ops = self._ops
        levels = ops.convert(ops.transpose(pixels, np.array([0, 3, 1, 2])), np.float32)
        middle = np.array(mean, np.float32).reshape(1, 3, 1, 1) * 255
        width = np.array(std, np.float32).reshape(1, 3, 1, 1) * 255
        return ops.divide(ops.subtract(levels, ops.constant(middle)), ops.constant(width))

    def trunk(self, x: Any) -> Any:
        x = self._conv(x, _TRUNK + "conv_stem", _TRUNK + "bn1", stride=2, act=True)
        for stage, first_stride in enumerate(_STRIDES):
            block, stride = 0, first_stride
            while self._has(name := f"{_TRUNK}blocks.{stage}.{block}."):
                x = self._block(x, name, stride)
                block, stride = block + 1, 1
        return self._conv(x, _TRUNK + "conv_head", _TRUNK + "bn2", stride=1, act=True)

    def _has(self, block: str) -> bool:
        return block + "conv_pw.weight" in self._used

    def _block(self, x: Any, name: str, stride: int) -> Any:
        given = int(x.output(0).get_partial_shape()[1].get_length())
        if name + "conv_pwl.weight" in self._used:  # expanded, by channel, projected
            y = self._conv(x, name + "conv_pw", name + "bn1", stride=1, act=True)
            y = self._conv(y, name + "conv_dw", name + "bn2", stride=stride, act=True)
            y = self._conv(y, name + "conv_pwl", name + "bn3", stride=1, act=False)
        else:
            y = self._conv(x, name + "conv_dw", name + "bn1", stride=stride, act=True)
            y = self._conv(y, name + "conv_pw", name + "bn2", stride=1, act=False)
        made = int(y.output(0).get_partial_shape()[1].get_length())
        return self._ops.add(x, y) if stride == 1 and given == made else y

    def _conv(self, x: Any, conv: str, norm: str, *, stride: int, act: bool) -> Any:
        """A convolution, padded as by TensorFlow, with its batch norm folded into it."""
        ops, used = self._ops, self._used
        kernel = used.take(conv + ".weight")
        factor = used.take(norm + ".weight") / np.sqrt(
            used.take(norm + ".running_var") + np.float32(_EPSILON)
        )
        shift = used.take(norm + ".bias") - used.take(norm + ".running_mean") * factor
        kernel = kernel * factor[:, None, None, None]
        options: Any = ([stride, stride], [0, 0], [0, 0], [1, 1])
        by_channel = kernel.shape[1] == 1
        if by_channel:
            groups = ops.constant(kernel[:, None])
            y = ops.group_convolution(x, groups, *options, auto_pad="same_upper")
        else:
            y = ops.convolution(x, ops.constant(kernel), *options, auto_pad="same_upper")
        y = ops.add(y, ops.constant(shift[None, :, None, None]))
        return ops.clamp(y, 0.0, 6.0) if act else y
