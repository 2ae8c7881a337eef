"""The graph of a plain CLIP text tower's blocks, in open_clip's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-5


def text_graph(weights: Mapping[str, NDArray[Any]], width: int, heads: int, layers: int) -> Any:
    """The graph: token embeddings with positions (n, L, W) to what the last block makes of them,
    (n, L, W); each position sees those before it.

    Raises:
        KeyError: if a weight is missing.
    """
    import openvino  # noqa: PLC0415 - may be missing, and takes a while
    from openvino import opset13 as ops  # noqa: PLC0415

    def constant(key: str) -> Any:
        return ops.constant(np.asarray(weights[key], np.float32))

    def norm(x: Any, name: str) -> Any:
        centred = ops.mvn(x, ops.constant(np.array([-1])), True, _EPSILON, "inside_sqrt")
        return ops.add(ops.multiply(centred, constant(name + ".weight")), constant(name + ".bias"))

    def linear(x: Any, weight: str, bias: str) -> Any:
        return ops.add(ops.matmul(x, constant(weight), False, True), constant(bias))

    def attention(x: Any, name: str) -> Any:
        mixed = linear(x, name + ".in_proj_weight", name + ".in_proj_bias")
        apart = np.array([0, 0, 3, heads, width // heads])
        parts = ops.transpose(
            ops.reshape(mixed, apart, special_zero=True), np.array([2, 0, 3, 1, 4])
        )
        query, key, value = (
            ops.gather(parts, ops.constant(np.array(place)), ops.constant(np.array(0)))
            for place in range(3)
        )
        seen = ops.scaled_dot_product_attention(query, key, value, causal=True)
        joined = ops.reshape(
            ops.transpose(seen, np.array([0, 2, 1, 3])), np.array([0, 0, width]), special_zero=True
        )
        return linear(joined, name + ".out_proj.weight", name + ".out_proj.bias")

    given = ops.parameter([-1, -1, width], np.float32)
    x: Any = given
    for layer in range(layers):
        name = f"transformer.resblocks.{layer}."
        x = ops.add(x, attention(norm(x, name + "ln_1"), name + "attn"))
        hidden = linear(norm(x, name + "ln_2"), name + "mlp.c_fc.weight", name + "mlp.c_fc.bias")
        hidden = ops.gelu(hidden, "erf")
        x = ops.add(x, linear(hidden, name + "mlp.c_proj.weight", name + "mlp.c_proj.bias"))
    return cast(Any, openvino.Model)([x], [given], "text tower")


def layer_norm(
    x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, W) to (n, W)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return (
        centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON) * (weight)
        + bias
    )
