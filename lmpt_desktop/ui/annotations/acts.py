"""Verdicts on the photos the user chose: at once for a few, after a preview for many.

Whatever changes verdicts by one key or one click goes through here, so that none of them changes
ten photos or more unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.domain.snapshot import Snapshot
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import Confirmation, same_predictions
from lmpt_desktop.inference.verdict_changes import rows_of
from lmpt_desktop.inference.verdict_outcome import (
    Outcome,
    confirmation_outcome,
    review_outcome,
    verdict_outcome,
)
from lmpt_desktop.translation import _
from lmpt_desktop.ui.annotations.act_texts import (
    confirmation_sentence,
    left_out_sentence,
    not_encoded_sentence,
    review_sentence,
    verdict_sentence,
    whole_stack_sentence,
)
from lmpt_desktop.ui.annotations.preview_bar import PreviewBar
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.kit.tasks import LatestRequest

PREVIEW_FROM = 10
"""From this number of photos on, what will change is shown first."""
INLINE_IMAGES = 2_000
"""Changes of up to this number of photos are counted on the window's thread."""

ImageIds = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plan:
    """What an act would change in one snapshot, and the call that does it."""

    version: int
    outcome: Outcome
    sentence: str
    commit: Callable[[], object]
    refusal: str = ""
    """Why it cannot be done at all."""
    confirmation: Confirmation | None = None
    strengthens: bool = False
    """Worth doing where nothing changes: a verdict takes the place of what was only confirmed."""

    def same_as(self, other: Plan) -> bool:
        """Whether both change the same, as far as the user was told; what is predicted, cell by
        cell."""
        if self.confirmation is None or other.confirmation is None:
            return self.outcome == other.outcome
        return self.outcome == other.outcome and self.confirmation.same_as(other.confirmation)


Planner = Callable[[Snapshot], Plan]


class Acts(QObject):
    """Commits what the user asks for through the undo stack, with a preview from
    :data:`PREVIEW_FROM` photos on."""

    asked = Signal()
    """The bar shows what will change, or is about to."""

    def __init__(
        self,
        session: LibrarySession,
        undo_stack: AnnotationUndoStack,
        bar: PreviewBar,
        parent: QObject | None = None,
        *,
        shown: Callable[[], Snapshot | None] = lambda: None,
    ) -> None:
        """``shown``: what is on screen, which may be older than what the session has; None if that
        is not known."""
        super().__init__(parent)
        self._shown = shown
        self.bar = bar
        self._session = session
        self._undo_stack = undo_stack
        self._planner: Planner | None = None
        self._image_count = 0
        self._plan: Plan | None = None
        self._accepted: Plan | None = None
        self._counting: LatestRequest[Plan] = LatestRequest(
            self._counted, self._count_failed, owner=self
        )
        bar.accepted.connect(self._accept)
        bar.dismissed.connect(self._forget)

    # ----------------------------------------------------------------------------- requests

    def set_verdict(
        self,
        image_ids: ImageIds,
        class_id: int,
        verdict: Verdict,
        name: str,
        *,
        whole_stacks: bool = False,
        commit: Callable[[ImageIds], object] | None = None,
    ) -> None:
        """Give one class this verdict; ``name`` is what the user calls the class.

        Args:
            whole_stacks: the photos are whole stacks, of which some may be out of sight: what
                changes is always shown first, and said to be stacks.
            commit: does it, for the photos it is given; the undo stack by default.
        """
        stack = self._undo_stack

        def annotate(ids: ImageIds) -> None:
            stack.annotate(ids.tolist(), [class_id], verdict, name)

        commit = commit or annotate

        def plan(snapshot: Snapshot) -> Plan:
            outcome = verdict_outcome(snapshot, image_ids, class_id, verdict)
            sentence = verdict_sentence(outcome, name, verdict)
            if whole_stacks:
                sentence = whole_stack_sentence(sentence)
            counted = _known(snapshot, image_ids)
            gone = "" if class_id in snapshot.column_of else _gone_sentence(name)
            return Plan(
                snapshot.version, outcome, sentence, lambda: commit(counted), gone, strengthens=True
            )

        if len(image_ids) >= PREVIEW_FROM or (whole_stacks and len(image_ids) > 1):
            self._preview(plan, len(image_ids))
        elif class_id in self._session.snapshot().column_of:
            commit(image_ids)
        else:
            stack.message.emit(_gone_sentence(name))

    def confirm(self, image_ids: ImageIds) -> None:
        """Make what is predicted present and the rest absent, and mark the photos reviewed."""

        def plan(snapshot: Snapshot) -> Plan:
            outcome, found = confirmation_outcome(snapshot, image_ids)
            return Plan(
                snapshot.version,
                outcome,
                confirmation_sentence(outcome),
                lambda: self._undo_stack.confirm(found),
                confirmation=found,
            )

        if len(image_ids) >= PREVIEW_FROM or (len(image_ids) and not self._as_shown(image_ids)):
            self._preview(plan, len(image_ids))
        elif len(image_ids):
            planned = plan(self._session.snapshot())
            if planned.outcome.left_out == len(image_ids):
                self._undo_stack.message.emit(not_encoded_sentence(len(image_ids)))
            else:
                begun = planned.commit()
                if begun and planned.outcome.left_out:
                    self._undo_stack.message.emit(left_out_sentence(planned.outcome.left_out))

    def mark_reviewed(self, image_ids: ImageIds, reviewed: bool) -> None:
        """Mark photos reviewed, their unknown classes absent; or remove the mark."""

        def commit(ids: ImageIds) -> None:
            self._undo_stack.mark_reviewed(ids.tolist(), reviewed)

        def plan(snapshot: Snapshot) -> Plan:
            outcome = review_outcome(snapshot, image_ids, reviewed=reviewed)
            sentence = review_sentence(outcome, reviewed=reviewed)
            counted = _known(snapshot, image_ids)
            return Plan(snapshot.version, outcome, sentence, lambda: commit(counted))

        if len(image_ids) < PREVIEW_FROM:
            commit(image_ids)
        else:
            self._preview(plan, len(image_ids))

    def _as_shown(self, image_ids: ImageIds) -> bool:
        """Whether these images are predicted as the screen says: another version may have come
        into use a moment ago."""
        shown = self._shown()
        return shown is None or same_predictions(shown, self._session.snapshot(), image_ids)

    # ------------------------------------------------------------------------------ preview

    def library_changed(self) -> None:
        """Count again what is on the bar."""
        plan, planner = self._plan, self._planner
        if planner is not None and (
            plan is None or plan.version != self._session.snapshot().version
        ):
            self._count(planner)

    def close(self) -> None:
        """Ask nothing more; the library is about to close."""
        self._forget()
        self.bar.close_bar()

    def _preview(self, planner: Planner, image_count: int) -> None:
        self._forget()
        self._planner, self._image_count = planner, image_count
        self.asked.emit()
        self._count(planner)

    def _count(self, planner: Planner) -> None:
        session = self._session
        if self._image_count <= INLINE_IMAGES:
            self._counted(planner(session.snapshot()))
            return
        if not self.bar.asking:
            self.bar.ask(_("Counting what will change..."), ready=False)
        self._counting.ask(lambda: planner(session.snapshot()))

    def _counted(self, plan: Plan) -> None:
        accepted, self._accepted = self._accepted, None
        if self._planner is None:  # the user has left it
            return
        self._plan = plan
        if accepted is not None and accepted.same_as(plan) and plan.outcome.images:
            self._commit(plan)
        elif plan.outcome.images:
            self.bar.ask(plan.sentence, ready=True)
        elif plan.strengthens and plan.outcome.already:
            self._commit(plan)
        else:
            reason = plan.refusal or _nothing_to_do(plan.outcome, self._image_count)
            self._forget()
            self.bar.close_bar()
            self._undo_stack.message.emit(reason)

    def _count_failed(self, error: Exception) -> None:
        self._forget()
        self.bar.close_bar()
        self._undo_stack.failed.emit(error)

    def _accept(self) -> None:
        plan, planner = self._plan, self._planner
        if plan is None or planner is None:
            return
        if plan.version == self._session.snapshot().version:
            self._commit(plan)
        else:
            # Done without another question only if it still changes what was shown.
            self._accepted = plan
            self._count(planner)

    def _commit(self, plan: Plan) -> None:
        if self._undo_stack.busy:
            self._undo_stack.message.emit(
                _("Still saving the previous change; try again in a moment.")
            )
            return
        self._forget()
        self.bar.close_bar()
        plan.commit()

    def _forget(self) -> None:
        self._counting.cancel()
        self._planner = self._plan = self._accepted = None


def _known(snapshot: Snapshot, image_ids: ImageIds) -> ImageIds:
    """Those of the images that were counted: the others have left the library."""
    return snapshot.image_ids[rows_of(snapshot, image_ids)]


def _gone_sentence(name: str) -> str:
    return _("“{name}” is no longer in the vocabulary; nothing was changed.").format(name=name)


def _nothing_to_do(outcome: Outcome, image_count: int) -> str:
    """Why an act changes nothing."""
    if outcome.left_out and outcome.left_out == image_count:
        return not_encoded_sentence(outcome.left_out)
    return _("Already set; nothing changed.")
