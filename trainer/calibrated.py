"""What is measured of a folder's backbone, read from beside its weights (imports no torch)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.backbone_folder import CALIBRATION_NAME, DEFAULT_TEMPLATES


@dataclass(frozen=True)
class Calibrated:
    """See :class:`trainer.backbone.Backbone`; ``scale`` is None where the model's own holds."""

    scale: float | None = None
    bias: float | None = None
    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    frequency_bias: float | None = None
    name_frequency: tuple[float, ...] | None = None
    window_offset: float | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Calibrated:
        """Of a file's content.

        Raises:
            TypeError, ValueError: if it is something else.
        """

        def single(key: str) -> float | None:
            return None if values.get(key) is None else float(values[key])

        names = values.get("name_frequency")
        return cls(
            single("scale"),
            single("bias"),
            tuple(values.get("templates") or DEFAULT_TEMPLATES),
            single("frequency_bias"),
            None if names is None else tuple(map(float, names)),
            single("window_offset"),
        )


def read_values(folder: Path, name: str) -> dict[str, Any]:
    """The content of the file in ``folder`` for the backbone ``name``; nothing if there is none.

    Raises:
        OSError, ValueError, AttributeError: if it cannot be read.
    """
    file = folder / CALIBRATION_NAME
    values = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return values | values.get("variants", {}).get(name, {})
