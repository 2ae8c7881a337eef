"""What is known of a backbone without loading it, kept in the catalogue's settings.

With these and the cached text embeddings a second start predicts before any model is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from trainer.events import EncoderReady


@dataclass(frozen=True)
class ModelFacts:
    """What the encoder said when it was last ready (:class:`trainer.events.EncoderReady`)."""

    dim: int
    scale: float
    bias: float | None
    templates: tuple[str, ...]
    device: str = ""

    @classmethod
    def of(cls, ready: EncoderReady) -> ModelFacts:
        """Take over what matters."""
        return cls(ready.dim, ready.scale, ready.bias, tuple(ready.templates), ready.device)

    @classmethod
    def from_setting(cls, value: Any) -> ModelFacts | None:
        """Read back :meth:`to_setting`; None where it is of another shape."""
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
        """Names the way class texts are embedded: cached embeddings of other templates are
        of no use."""
        text = json.dumps(self.templates, ensure_ascii=False)
        return "classes-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def setting_name(backbone: str) -> str:
    """Where the facts of ``backbone`` are kept."""
    return f"model facts {backbone}"
