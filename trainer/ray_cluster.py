"""The few things that :mod:`trainer.cluster` asks of Ray."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from trainer.cluster import ClusterError, LostWorkerError, Machine, WorkerFailedError

LOCAL = "local"
"""Instead of an address: a cluster of this computer alone, for this run."""


class RayCluster:
    """A cluster that was joined.  What its methods take and return as ``Any`` are Ray's references
    and actors."""

    def __init__(self, address: str) -> None:
        """Join the cluster at an address, or make one.

        Raises:
            ClusterError: if Ray is not installed, or there is no cluster.
        """
        # Ray would tell its makers of every cluster.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ClusterError(
                "Ray is not installed. It comes with the extra “cluster”: "
                "pip install 'lmpt-desktop[cluster]'"
            ) from error
        self._ray: Any = ray
        more: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **more)
        except Exception as error:  # whatever Ray raises: ConnectionError, ValueError, RuntimeError
            raise ClusterError(f"The Ray cluster {address} cannot be joined: {error}.") from error

    def machines(self) -> dict[str, Machine]:
        """Those that are alive, by an id."""
        return {
            node["NodeID"]: Machine(
                int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0))
            )
            for node in self._ray.nodes()
            if node["Alive"]
        }

    def share(self, value: Any) -> Any:
        """A value for the arguments of workers, of which each machine keeps one copy."""
        return self._ray.put(value)

    def start(
        self, kind: type, machine: str, given: Sequence[Any], *, share: Machine, calls: int
    ) -> Any:
        """A worker of this ``kind`` on a machine, with its ``share`` of cores and GPUs, that can
        run so many ``calls`` at a time."""
        from ray.util.scheduling_strategies import (  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]
            NodeAffinitySchedulingStrategy,
        )

        options = self._ray.remote(kind).options(
            num_cpus=share.cores,
            num_gpus=share.gpus,
            max_concurrency=calls,
            scheduling_strategy=NodeAffinitySchedulingStrategy(machine, soft=False),
        )
        return options.remote(*given)

    def call(self, worker: Any, method: str, *given: Any) -> Any:
        """Call a method; the reference of its answer."""
        return getattr(worker, method).remote(*given)

    def wait(self, references: Sequence[Any], seconds: float) -> list[Any]:
        """Those whose answers are there, as soon as one is."""
        return self._ray.wait(list(references), timeout=seconds)[0]

    def answer(self, reference: Any) -> Any:
        """An answer that is there.

        Raises:
            WorkerFailedError: if the worker raised an exception.
            LostWorkerError: if the worker has ended, with its machine or without.
        """
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise WorkerFailedError(error.cause or error) from error
        except self._ray.exceptions.RayError as error:
            raise LostWorkerError(str(error).partition("\n")[0]) from error

    def end(self, worker: Any) -> None:
        """End a worker, if it has not ended."""
        self._ray.kill(worker)

    def close(self) -> None:
        """Leave the cluster; workers of this process end."""
        self._ray.shutdown()
