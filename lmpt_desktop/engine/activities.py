"""Background work of an open library: how far it is, and how to hold or stop it (Qt-free)."""

from __future__ import annotations

import threading

from lmpt_desktop.engine.files.verification import Verification
from lmpt_desktop.engine.model_service import ModelService
from lmpt_desktop.engine.notices import Activity, ActivityChanged, ActivityKind, Notice, Notifier
from lmpt_desktop.engine.scanner import Scanner
from lmpt_desktop.engine.training.training_service import TrainingService


class Activities:
    """Scanning, encoding, downloads, retraining, captions and verifying of one library."""

    def __init__(
        self,
        notifier: Notifier,
        scanner: Scanner,
        model: ModelService,
        training: TrainingService,
        verification: Verification,
    ) -> None:
        self._scanner = scanner
        self._model = model
        self._training = training
        self._verification = verification
        self._lock = threading.Lock()
        self._latest: dict[ActivityKind, Activity] = {}
        notifier.subscribe(self._follow)

    def current(self) -> dict[ActivityKind, Activity]:
        """The latest activity of each kind that has been active."""
        with self._lock:
            return dict(self._latest)

    def pause(self, kind: ActivityKind) -> None:
        """Pause scanning, encoding or verifying at the next photo or batch, or the change to
        another backbone, its download included."""
        if self._is_change(kind):
            self._model.change.pause()
        elif kind is ActivityKind.SCAN:
            self._scanner.pause()
        elif kind is ActivityKind.ENCODE:
            self._model.pause()
        elif kind is ActivityKind.VERIFY:
            self._verification.pause()

    def resume(self, kind: ActivityKind) -> None:
        """Continue; also starts again what was cancelled or has failed."""
        if self._is_change(kind):
            self._model.change.resume()
        elif kind is ActivityKind.SCAN:
            self._scanner.resume()
        elif kind in (ActivityKind.ENCODE, ActivityKind.DOWNLOAD):
            self._model.resume()
        elif kind is ActivityKind.CAPTION:
            self._training.write_captions()
        elif kind is ActivityKind.VERIFY:
            self._verification.resume()

    def encode_here(self) -> None:
        """Do not wait for another computer."""
        self._model.encode_here()

    def cancel(self, kind: ActivityKind) -> None:
        """Stop it and keep what is done; a change of the backbone is given up, its download
        included."""
        if self._is_change(kind):
            self._model.change.cancel()
            return
        match kind:
            case ActivityKind.SCAN:
                self._scanner.cancel()
            case ActivityKind.FIT:
                status = self._training.current_run()
                if status is not None:
                    self._training.cancel(status.run_id)
            case ActivityKind.CAPTION:
                self._training.cancel_captions()
            case ActivityKind.VERIFY:
                self._verification.cancel()
            case _:
                self._model.cancel()

    def _is_change(self, kind: ActivityKind) -> bool:
        downloads = kind is ActivityKind.DOWNLOAD and bool(self._model.change.name)
        return kind is ActivityKind.CHANGE or downloads

    def _follow(self, notice: Notice) -> None:
        if isinstance(notice, ActivityChanged):
            with self._lock:
                self._latest[notice.activity.kind] = notice.activity
