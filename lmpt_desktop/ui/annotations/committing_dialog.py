"""A dialog that commits what it shows, as one step that can be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QWidget

from lmpt_desktop.domain.records import Batch
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.translation import N_, _
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog
from lmpt_desktop.ui.kit.tasks import Task

FoundT = TypeVar("FoundT")

OTHER_CHANGE = N_("Another change is still being saved. Try again in a moment.")
"""Why a change was not taken by the undo stack."""


class CommittingDialog(LibraryDialog):
    """Looks at the library once more before it commits, since that may have changed since."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``undo_stack`` commits; for the others see :class:`LibraryDialog`."""
        super().__init__(session, bridge, parent)
        self._undo_stack = undo_stack
        self._saving = False
        self._closed = False
        self._checking: Task[Any] | None = None
        undo_stack.failed.connect(self._not_saved)
        self.finished.connect(self._leave)

    def _show_saving(self) -> None:
        """Show whether something is being saved."""
        raise NotImplementedError

    def _saved(self, batch: Batch) -> None:
        """It is committed."""
        if not self._closed:
            self.accept()

    def _check(self, look: Callable[[], FoundT], act: Callable[[FoundT], object]) -> None:
        """Begin to save: call ``look`` off the window's thread and ``act`` with what it returns,
        which calls :meth:`_commit` or :meth:`_stop_saving`."""
        self._saving = True
        self.strip.clear()
        self._show_saving()
        self._checking = self.run(look, act, self._not_saved)

    def _commit(
        self,
        image_ids: NDArray[np.int64],
        class_ids: NDArray[np.int64],
        verdicts: NDArray[np.int8],
        text: str,
        *,
        reviewed_ids: NDArray[np.int64] | tuple[()] = (),
    ) -> None:
        """As :meth:`AnnotationUndoStack.apply`; :meth:`_saved` follows."""
        if not self._undo_stack.apply(
            image_ids, class_ids, verdicts, text, self._saved, reviewed_ids=reviewed_ids
        ):
            self._stop_saving(_(OTHER_CHANGE))

    def _stop_saving(self, text: str, kind: str = "warning") -> None:
        """Nothing was saved, because of what ``text`` says."""
        self._saving = False
        self._show_saving()
        self.strip.show_text(text, kind)

    def _not_saved(self, error: object) -> None:
        if self._saving:
            self._stop_saving(message_of(error), "error")

    def _leave(self, _result: int) -> None:
        """End what runs in the background."""
        self._closed = True
        if self._checking is not None:
            self._checking.cancel()
        self._undo_stack.failed.disconnect(self._not_saved)
