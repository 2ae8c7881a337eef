"""What an encoder client reports to, and its error (Qt-free)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmpt_desktop.engine.notices import Activity
from trainer.events import EncoderAway, EncoderReady, PhotoFailure


class EncoderError(Exception):
    """The encoder cannot answer; ``kind`` as in :class:`trainer.events.EncoderFailed`, or
    ``cancelled``; the message is a sentence for the user."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class EncoderSink(Protocol):
    """Receives an encoder's answers; called on the client's thread."""

    def photo_paths(self, ids: Sequence[int]) -> list[Path]:
        """Where the photos are."""
        ...

    def encoder_ready(self, ready: EncoderReady) -> None:
        """The backbone is loaded."""
        ...

    def photos_encoded(
        self,
        ids: NDArray[np.int64],
        features: NDArray[np.float16],
        windows: NDArray[np.int8] | None,
    ) -> None:
        """Commit features (n, D) and windows (n, W, D), None if the backbone makes none; an
        exception stops encoding with its message."""
        ...

    def photos_failed(self, failures: Sequence[PhotoFailure]) -> None:
        """These photos cannot be encoded."""
        ...

    def encoder_away(self, away: EncoderAway) -> None:
        """Where photos are encoded, if another computer is used."""
        ...

    def encoder_failed(self, error: EncoderError, details: str) -> None:
        """Encoding has stopped until it is resumed."""
        ...

    def encoder_activity(self, activity: Activity) -> None:
        """Progress of encoding or of a download."""
        ...
