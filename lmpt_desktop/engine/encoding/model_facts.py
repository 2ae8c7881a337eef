"""Facts about a backbone, kept in the catalogue's settings (Qt-free).

With these and the cached text embeddings the next start predicts before any model is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from trainer import checked_json
from trainer.checked_json import Count, Finite, JsonError
from trainer.events import EncoderReady


@dataclass(frozen=True)
class ModelFacts:
    """What the encoder reported when it was last ready (:class:`trainer.events.EncoderReady`)."""

    dim: Count
    scale: Finite
    bias: Finite | None
    templates: tuple[str, ...]
    device: str = ""
    windows: Count | None = None
    """None where an earlier version of the app, which knew no windows, has written the facts."""
    window_offset: Finite | None = None
    frequency_bias: Finite | None = None
    crops: bool = False
    name_frequency: tuple[Finite, ...] | None = None

    @classmethod
    def of(cls, ready: EncoderReady) -> ModelFacts:
        """The facts of an encoder's report."""
        names = ready.name_frequency
        return cls(
            ready.dim,
            ready.scale,
            ready.bias,
            tuple(ready.templates),
            ready.device,
            ready.windows,
            ready.window_offset,
            ready.frequency_bias,
            ready.crops,
            None if names is None else tuple(names),
        )

    @classmethod
    def from_setting(cls, value: Any) -> ModelFacts | None:
        """Read what :meth:`to_setting` wrote; None where it is not valid."""
        try:
            return checked_json.to_type(value, cls)
        except JsonError:
            return None

    def to_setting(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self) | {"templates": list(self.templates)}

    @property
    def has_prior(self) -> bool:
        """Whether how common each class is, is estimated from the library.

        A backbone with one bias of unknown meaning is taken at its word.
        """
        return self.frequency_bias is not None or self.bias is None

    @property
    def variant(self) -> str:
        """Identifies templates and weights of class texts, since embeddings cached with others
        cannot be used.  The scale stands for the weights: the bundled backbone gets new ones under
        its old name."""
        text = json.dumps([self.scale, *self.templates], ensure_ascii=False)
        return "classes-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def setting_name(backbone: str) -> str:
    """Key of the facts of ``backbone`` in the catalogue's settings."""
    return f"model facts {backbone}"
