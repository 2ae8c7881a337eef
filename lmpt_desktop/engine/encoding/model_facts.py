"""Facts about a backbone, kept in the catalogue's settings (Qt-free).

With these and the cached text embeddings the next start predicts before any model is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from trainer.events import EncoderReady


@dataclass(frozen=True)
class ModelFacts:
    """What the encoder reported when it was last ready (:class:`trainer.events.EncoderReady`)."""

    dim: int
    scale: float
    bias: float | None
    templates: tuple[str, ...]
    device: str = ""

    @classmethod
    def of(cls, ready: EncoderReady) -> ModelFacts:
        """The facts of an encoder's report."""
        return cls(ready.dim, ready.scale, ready.bias, tuple(ready.templates), ready.device)

    @classmethod
    def from_setting(cls, value: Any) -> ModelFacts | None:
        """Read what :meth:`to_setting` wrote; None where it is not valid."""
        try:
            return cls(
                int(value["dim"]),
                float(value["scale"]),
                None if value["bias"] is None else float(value["bias"]),
                tuple(str(item) for item in value["templates"]),
                str(value.get("device", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def to_setting(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self) | {"templates": list(self.templates)}

    @property
    def variant(self) -> str:
        """Identifies the templates of class texts, since embeddings cached with other templates
        cannot be used."""
        text = json.dumps(self.templates, ensure_ascii=False)
        return "classes-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def setting_name(backbone: str) -> str:
    """Key of the facts of ``backbone`` in the catalogue's settings."""
    return f"model facts {backbone}"
