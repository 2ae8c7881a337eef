"""OpenVINO, as far as it is used here: graphs of a few operations, run in single precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_STREAMS = 4
"""Photos under way at once; each takes some 20 MB (Lite) for what its layers hand on."""

Arrays = tuple[NDArray[np.float32], ...]


class UnsuitableError(Exception):
    """The runtime cannot run this; the message says why, for the log."""


class Compiled:
    """A graph that is ready to run.

    Single precision, because OpenVINO would choose bfloat16 where the processor has units for it,
    whose features differ too much (docs/adr/0040-cpu-runtime.md).
    """

    def __init__(self, graph: Any, *, threads: int, streams: int = 1) -> None:
        """``threads``: in all; ``streams``: inputs under way at once, which share them.

        Raises:
            RuntimeError: if the runtime refuses the graph.
        """
        import openvino  # noqa: PLC0415 - may be missing, and takes a while

        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            # Other programs use the cores, too.
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(graph, "CPU", settings)
        self._requests = [compiled.create_infer_request() for _ in range(streams)]

    def run(self, *inputs: NDArray[Any]) -> Arrays:
        """The outputs for one set of inputs."""
        request = self._requests[0]
        request.infer(dict(enumerate(inputs)), share_inputs=True)
        return _outputs(request)

    def run_each(self, inputs: Iterator[NDArray[Any]] | list[NDArray[Any]]) -> list[Arrays]:
        """The outputs for each of the inputs of a graph that has one, as many at once as there are
        streams."""
        answers: list[Arrays] = []
        under_way: list[tuple[Any, NDArray[Any]]] = []
        for place, one in enumerate(inputs):
            if len(under_way) == len(self._requests):
                request, _ = under_way.pop(0)
                request.wait()
                answers.append(_outputs(request))
            request = self._requests[place % len(self._requests)]
            request.start_async({0: one}, share_inputs=True)
            under_way.append((request, one))  # the input lives until it was read
        for request, _ in under_way:
            request.wait()
            answers.append(_outputs(request))
        return answers


def _outputs(request: Any) -> Arrays:
    count = len(request.model_outputs)
    return tuple(request.get_output_tensor(place).data.copy() for place in range(count))
