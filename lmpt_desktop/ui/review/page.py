"""The review page: questions one after the other, answered by keys.

It connects the list of questions, the photo, the panel beside it and the controller that commits
verdicts.  After a key the next image is painted without reading more of the library than one row
of its arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QHideEvent,
    QKeyEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.inference.stacks import Stacks
from lmpt_desktop.settings import SHOW_REGIONS
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.act_texts import not_encoded_sentence
from lmpt_desktop.ui.annotations.acts import Acts
from lmpt_desktop.ui.annotations.preview_bar import PreviewBar
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.inspector.image_facts import file_version
from lmpt_desktop.ui.kit.photo_viewer import PhotoViewer
from lmpt_desktop.ui.kit.region_finder import RegionFinder
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import verdict_name
from lmpt_desktop.ui.review import end_panel
from lmpt_desktop.ui.review.current_image import CurrentImage
from lmpt_desktop.ui.review.end_panel import Ending, EndPanel
from lmpt_desktop.ui.review.question_list import (
    Decision,
    Question,
    QuestionList,
    QueueResult,
    build_queue_result,
)
from lmpt_desktop.ui.review.queue_bar import QueueBar
from lmpt_desktop.ui.review.side_panel import SidePanel
from lmpt_desktop.ui.review.stack_strip import StackStrip, StripPhoto
from lmpt_desktop.ui.review.verdict_controller import VerdictController
from lmpt_desktop.ui.shell.context import ShellContext
from trainer.printable import isolated

PRELOAD_NEXT, PRELOAD_PREVIOUS = 4, 2
"""Photos decoded around the one on screen."""
REFRESH_PAUSE_MS = 300
"""Questions are chosen again once nothing has changed for this long."""
_NEXT_VERDICT = {
    Verdict.UNKNOWN: Verdict.PRESENT,
    Verdict.PRESENT: Verdict.ABSENT,
    Verdict.ABSENT: Verdict.UNKNOWN,
}
"""What a number key or a click on a chip makes of a verdict."""


class Announcer(QObject):
    """Tells screen readers what happened, politely: they wait for a pause."""

    announced = Signal(str)
    """Every sentence that is announced."""

    def __init__(self, source: QWidget) -> None:
        """``source`` is the widget the announcements come from."""
        super().__init__(source)
        self._source = source

    def announce(self, sentence: str) -> None:
        """Announce a sentence, unless it is empty."""
        if not sentence:
            return
        self.announced.emit(sentence)
        if QAccessible.isActive():
            event = QAccessibleAnnouncementEvent(self._source, sentence)
            QAccessible.updateAccessibility(event)


class ReviewPage(QWidget):
    """Asks one list of questions at a time; lives as long as the library is open."""

    def __init__(
        self, session: LibrarySession, undo_stack: AnnotationUndoStack, context: ShellContext
    ) -> None:
        super().__init__()
        self.setObjectName("review")
        self._session = session
        self._context = context
        self._undo_stack = undo_stack
        commands = context.commands
        self.verdicts = VerdictController(undo_stack, self)
        self.queue_request: LatestRequest[QueueResult] = LatestRequest(
            self._queue_built, self._queue_failed, owner=self
        )
        self.announcer = Announcer(self)
        self.bar = QueueBar(commands)
        self.viewer = PhotoViewer(session.images.path_of_picture)
        self.canvas = self.viewer.canvas
        self.regions = RegionFinder(session.regions, self)
        self._unfollow_regions = context.settings.on_change(SHOW_REGIONS, self._regions_toggled)
        self.side = SidePanel(commands)
        self.strip = StackStrip(commands, context.require_library().thumbnail_source)
        self.preview_bar = PreviewBar(self.canvas)
        self.acts = Acts(session, undo_stack, self.preview_bar, self)
        self._stacks = Stacks.none()
        self._answered_with_stack: set[tuple[int, int]] = set()
        """Images and classes that a verdict on a whole stack has answered."""
        self.end = EndPanel()
        self.request: QueueRequest | None = None
        """The queue that is asked; None for photos of the grid."""
        self._left: tuple[QueueRequest, QuestionList] | None = None
        """The queue that was left unfinished for photos of the grid."""
        self._before, self._total = 0, 0
        """Photos of the grid before the first in the list, and in all."""
        self.current = CurrentImage()
        self._bands: ClassBands | None = None
        self._last_image = -1
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(REFRESH_PAUSE_MS)
        self._refresh_timer.timeout.connect(self._refresh_now)
        self._build(commands)
        self._connect()

    def _build(self, commands: CommandRegistry) -> None:
        self.work = QWidget()
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        seen = QVBoxLayout()
        seen.setSpacing(0)
        seen.addWidget(self.viewer, 1)
        seen.addWidget(self.strip)
        row.addLayout(seen, 1)
        row.addWidget(self.side)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.work)
        self.stack.addWidget(self.end)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.preview_bar)
        for part in (self.strip, self.preview_bar):
            self._context.notifications.keep_clear_of(part)
        self.side.finder.show_key(commands.keys_text("review.find"))
        # In the bar's lists letters find an entry, so the keys are heard below it.
        commands.add_plain_keys(self.stack, "review")
        self.bar.addAction(commands.action("review.leave"))
        # Keys have to be heard also while nothing else can take the keyboard.
        self.setFocusProxy(self.stack)

    def _connect(self) -> None:
        self.verdicts.committed.connect(self._decision_committed)
        self.verdicts.skipped.connect(self._show)
        self.verdicts.stepped_back.connect(self._went_back)
        self.verdicts.refused.connect(
            lambda: self.show_message(_("Still saving; try again in a moment."))
        )
        self.viewer.room_changed.connect(self._preload)
        # Later, so that the next photo never waits for anything of this.
        self.canvas.painted.connect(self._preload, Qt.ConnectionType.QueuedConnection)
        self.canvas.painted.connect(self._photo_painted, Qt.ConnectionType.QueuedConnection)
        self.regions.found.connect(self.canvas.show_region)
        self.bar.requested.connect(self.ask)
        self.side.toggled.connect(self.toggle_class)
        self.side.focused.connect(self._mark)
        self.side.finder.chosen.connect(self._class_found)
        self.side.finder.left.connect(self.canvas.setFocus)
        self.side.finder.found.connect(self.announcer.announce)
        self.end.chosen.connect(self._ending_chosen)

    # -------------------------------------------------------------------------------- ask

    def ask(self, kind: QueueKind, class_id: int | None = None) -> None:
        """Begin a queue; the photo appears when it is built."""
        self._refresh_timer.stop()
        self._left = None
        self.request = QueueRequest(kind, class_id)
        self.bar.set_classes(self._session.snapshot().classes)
        self.bar.show_queue(kind, class_id)
        self.verdicts.questions = QuestionList()
        self._show_ending(end_panel.choosing())
        self._request_queue(self.request)

    def show_images(
        self, image_ids: Sequence[int], position: int = 0, *, before: int = 0, total: int = 0
    ) -> None:
        """Go through these images, in this order, beginning with the one at ``position``.

        ``before`` is how many images of the grid precede them, ``total`` how many it has, if these
        are not all.
        """
        if self.request is not None and self.questions.current is not None:
            self._left = self.request, self.questions
        self.request = None
        self._before, self._total = before, max(total, len(image_ids))
        self.bar.set_classes(self._session.snapshot().classes)
        self.bar.show_grid_rows()
        questions = (Question(image_id) for image_id in image_ids)
        self.verdicts.questions = QuestionList(questions, position)
        if self._bands is None:
            self._request_queue(None)
        else:
            self.queue_request.cancel()
        self._show()
        self.canvas.setFocus()

    def resume(self) -> bool:
        """Go on with the queue that was left unfinished; False if there is none."""
        if self.request is not None:
            return self.queue_request.busy or self.questions.current is not None
        if self._left is None:
            return False
        self.request, questions = self._left
        self._left = None
        self.bar.show_queue(self.request.kind, self.request.class_id)
        self.verdicts.questions = questions
        self._show()
        return True

    def library_changed(self) -> None:
        """Predictions or classes have changed: choose other questions soon."""
        self._refresh_timer.start()
        self.acts.library_changed()
        if self.stack.currentWidget() is self.work:
            if self._drop_gone_class():
                self._show()
            else:
                self._refresh_facts()

    def images_changed(self) -> None:
        """Files appeared, vanished or changed."""
        self.viewer.pool.forget_failures()
        version = file_version(self._session.snapshot(), self.current_id)
        if self.is_asking and version and version != self.viewer.version:
            self._show()  # the file has changed
        else:
            self._preload()

    def annotations_changed(self) -> None:
        """Show the present verdicts: some may have been changed elsewhere."""
        self.acts.library_changed()
        if self.isVisible() and self.questions.current is not None:
            self._refresh_facts()

    def close_page(self) -> None:
        """Stop loading photos and building queues."""
        self._refresh_timer.stop()
        self.queue_request.cancel()
        self._unfollow_regions()
        self.acts.close()
        self.strip.photos.close_strip()
        self.viewer.close_viewer()

    # ------------------------------------------------------------------------------- state

    @property
    def questions(self) -> QuestionList:
        return self.verdicts.questions

    @property
    def idle(self) -> bool:
        """Whether there are no questions, not even answered ones."""
        return not len(self.questions) and not self.queue_request.busy

    @property
    def current_id(self) -> int:
        """The image that is asked about, else the last one shown; -1 if none was."""
        question = self.questions.current
        return question.image_id if question is not None else self._last_image

    @property
    def is_asking(self) -> bool:
        """Whether a question is on screen."""
        return self.questions.current is not None and self.stack.currentWidget() is self.work

    @property
    def subject(self) -> int | None:
        """The class that P, A and U apply to."""
        return self.current.subject if self.questions.current is not None else None

    @property
    def focus_class(self) -> int | None:
        return self.subject if self.is_asking else None

    def chosen_count(self) -> int:
        return int(self.is_asking)

    def chosen_ids(self) -> NDArray[np.int64]:
        return np.array([self.current_id] if self.is_asking else [], np.int64)

    def zoom(self, steps: int) -> None:
        if steps:
            self.canvas.zoom(steps)
        else:
            self.canvas.fit()

    # ------------------------------------------------------------------------------ verdicts

    def set_verdict(self, verdict: Verdict) -> None:
        """Give the class in focus this verdict; an answer advances to the next question."""
        question, subject = self.questions.current, self.subject
        if question is None or subject is None or not self.can_annotate():
            return
        asked = subject == question.class_id
        advance = asked and verdict is not Verdict.UNKNOWN
        name = self._class_name(subject)
        if not asked:
            self.current.mark_next(subject)
        self.verdicts.set_verdict(
            question.image_id, subject, verdict, name, answers=asked, advance=advance
        )

    def stack_size(self) -> int:
        return len(self._stack_ids()) if self.is_asking and self._stacks.count else 0

    def set_stack_verdict(self, verdict: Verdict) -> None:
        """Give the class in focus this verdict in all photos of the stack, once the user has seen
        what that changes; an answer advances to the next question."""
        question, subject = self.questions.current, self.subject
        if question is None or subject is None or not self.can_annotate():
            return
        name = self._class_name(subject)

        def commit(counted: NDArray[np.int64]) -> None:
            ids = counted.tolist()
            answers = subject == question.class_id and question is self.questions.current
            self._answered_with_stack |= {(image_id, subject) for image_id in ids}
            self.verdicts.set_stack_verdict(
                question.image_id,
                ids,
                subject,
                verdict,
                name,
                answers=answers,
                advance=answers and verdict is not Verdict.UNKNOWN,
            )

        self.acts.set_verdict(
            self._stack_ids(), subject, verdict, name, whole_stacks=True, commit=commit
        )

    def _stack_ids(self) -> NDArray[np.int64]:
        """(n,) the photos of the stack of the one under review that are still there, in the order
        taken; none if it is in no stack."""
        members = self._stacks.members(self._stacks.number_of(self.current_id))
        return members[self._session.snapshot().rows(members) >= 0]

    def _show_stack(self) -> None:
        """Show the stack of the photo under review."""
        if not self._stacks.count:
            self.strip.show_stack((), -1)
            return
        snapshot, ids = self._session.snapshot(), self._stack_ids()
        column = -1 if self.subject is None else snapshot.column_of.get(self.subject, -1)
        photos = [
            StripPhoto(
                image_id,
                snapshot.images.fingerprints[row],
                snapshot.names[row].rpartition("/")[2],
                Verdict(int(snapshot.annotations[row, column])) if column >= 0 else Verdict.UNKNOWN,
            )
            for image_id, row in zip(ids.tolist(), snapshot.rows(ids).tolist(), strict=True)
        ]
        self.strip.show_stack(photos, self.current_id)

    def toggle_class(self, class_id: int) -> None:
        """Give a class its next verdict: a number key or a click on its chip."""
        question = self.questions.current
        facts = self.current.facts_of(class_id)
        if question is not None and facts is not None and self.can_annotate():
            if class_id == self.current.marked and question.class_id is None:
                self.current.mark_next(class_id)
            verdict = _NEXT_VERDICT[facts.verdict]
            self.verdicts.set_verdict(question.image_id, class_id, verdict, facts.name)

    def confirm(self) -> None:
        """What is predicted in the image is right: commit it and go on."""
        question = self.questions.current
        if question is None or not self.can_annotate():
            return
        snapshot = self._session.snapshot()
        found = confirmation(snapshot, np.array([question.image_id], np.int64))
        if found.without_predictions:
            self.show_message(not_encoded_sentence(1))
        elif not self.current.predicts_as(snapshot):
            self._refresh_facts()
            self.show_message(_("The predictions have just changed; look at them again."))
        else:
            self.verdicts.confirm(question.image_id, found, answers=question.class_id is None)

    def mark_reviewed(self, reviewed: bool) -> None:
        """Mark the image as reviewed, the rest absent, and go on, or remove the mark."""
        question = self.questions.current
        if not reviewed:
            if self.is_asking:
                self._undo_stack.mark_reviewed([self.current_id], False)
        elif question is not None and self.can_annotate():
            self.verdicts.mark_reviewed(question.image_id, answers=question.class_id is None)

    def _class_found(self, class_id: int, present: bool) -> None:
        question = self.questions.current
        if question is None or not self.can_annotate():
            return
        verdict = Verdict.PRESENT if present else Verdict.ABSENT
        self.current.add(class_id)
        asked = class_id == question.class_id
        name = self._class_name(class_id)
        self.verdicts.set_verdict(
            question.image_id, class_id, verdict, name, answers=asked, advance=asked
        )

    def can_annotate(self) -> bool:
        """Whether the photo has been on screen; if not, say why."""
        question = self.questions.current
        if question is None:
            return False
        if self.viewer.has_shown(question.image_id):
            return True
        if self.canvas.message and self.canvas.image_id == question.image_id:
            self.show_message(_("This photo cannot be shown, so it cannot be annotated."))
        else:
            self.show_message(_("The photo is still loading."))
        return False

    def _decision_committed(self, decision: Decision, advanced: bool) -> None:
        if decision.class_id is None:
            text = _("Reviewed")
        else:
            text = (
                f"{isolated(self._class_name(decision.class_id))}: {verdict_name(decision.verdict)}"
            )
        if advanced:
            self._show(after=text)
        else:
            self._refresh_facts()
            self.announcer.announce(text)

    def _went_back(self, undone: bool) -> None:
        self._show(after=_("Undone") if undone else "", forward=False)

    def _mark(self, class_id: int) -> None:
        """A chip has the keyboard: P, A and U apply to its class now."""
        self.current.marked = class_id
        self._show_facts()
        self._find_region()
        self._context.refresh_commands()

    # ------------------------------------------------------------------------------ showing

    def _show(self, after: str = "", *, forward: bool = True) -> None:
        """Show the current question and announce it, following the sentence ``after``."""
        self.acts.close()
        self._drop_gone_class()
        if forward:
            self._skip_answered()
        skipped = self._skip_unshown() if forward and self.request is not None else 0
        question = self.questions.current
        self._show_progress()
        if question is None:
            self._show_ending(self._finished())
            self.announcer.announce(
                f"{after}. {self.end.heading.text()}. {self.end.sentence.text()}"
            )
            return
        snapshot = self._session.snapshot()
        if not self.current.show(snapshot, question, self._bands):
            self.questions.drop_current()
            self._show(after)
            return
        self._last_image = question.image_id
        image = self.current.image
        assert image is not None
        self.bar.suggest_class(self.subject)
        was_asking = self.is_asking
        self.stack.setCurrentWidget(self.work)
        decoded = self.viewer.show_image((image.image_id, image.version), image.name)
        self.side.finder.set_classes(snapshot.classes)
        self._show_facts()
        if not decoded:  # else once it is painted: the next photos can wait until then
            self._preload()
        if not was_asking:
            self.canvas.setFocus()
        self._context.refresh_commands()
        if skipped:
            text = ngettext(
                "Skipped {count} photo that cannot be shown",
                "Skipped {count} photos that cannot be shown",
                skipped,
            )
            text = text.format(count=number(skipped))
            self._context.status.show_text(text)
            after = f"{after}. {text}" if after else text
        place = _("{place} of {count}").format(
            place=number(self.questions.position + 1), count=number(len(self.questions))
        )
        parts = (after, place, self.side.question.sentence, image.name)
        self.announcer.announce(". ".join(part for part in parts if part))

    def _show_facts(self) -> None:
        question = self.questions.current
        if question is not None and self.current.image is not None:
            self.side.show_image(self.current, question.reason, whole=question.class_id is None)
            self._show_stack()

    def _show_progress(self) -> None:
        position, count = self.questions.position, len(self.questions)
        if self.request is None and count:
            position, count = self._before + position, max(self._total, count)
        self.bar.show_progress(position, count)

    def _refresh_facts(self) -> None:
        """Show the present verdicts on the same image and chips."""
        if self.questions.current is not None:
            self.current.refresh(self._session.snapshot(), self._bands)
            self._show_facts()
            self._find_region()

    def _show_ending(self, ending: Ending) -> None:
        self.end.show_ending(ending)
        self.stack.setCurrentWidget(self.end)
        if self.isVisible():
            self.end.take_focus()
        self._context.refresh_commands()

    def _finished(self) -> Ending:
        tally = self.questions.tally()
        kind = self.request.kind if self.request is not None else None
        gained = end_panel.count_tail_gained(tally, self._bands, self._session.snapshot())
        return end_panel.finished(kind, tally, gained)

    def show_message(self, sentence: str) -> None:
        """Show a sentence in the status bar and tell it to screen readers."""
        self._context.status.show_text(sentence)
        self.announcer.announce(sentence)

    # ------------------------------------------------------------------------------- photos

    def _regions_toggled(self, shown: bool) -> None:
        self._find_region(asked=shown)

    def _photo_painted(self) -> None:
        self._find_region()

    def _find_region(self, *, asked: bool = False) -> None:
        """Show where the class is seen that the verdict keys apply to, if the user wants that.

        ``asked``: the user has just said so, so that the backbone may be loaded for it.
        """
        subject = self.subject
        if not (
            self._context.settings.get(SHOW_REGIONS)
            and self.isVisible()
            and self.is_asking
            and self.viewer.has_shown(self.current_id)
        ):
            subject = None
        self.regions.want(self.current_id, self.viewer.version, subject, load=asked)

    def _preload(self) -> None:
        """Decode the photos around the one on screen."""
        snapshot = self._session.snapshot()
        near = [
            question.image_id for question in self.questions.around(PRELOAD_PREVIOUS, PRELOAD_NEXT)
        ]
        if near:
            self.viewer.preload([(id_, file_version(snapshot, id_)) for id_ in near])

    def _drop_gone_class(self) -> bool:
        """Drop questions about classes that have left the vocabulary.

        Returns:
            Whether the current question was one of them.
        """
        known, dropped = self._session.snapshot().column_of, False
        while (question := self.questions.current) is not None:
            if question.class_id is None or question.class_id in known:
                break
            self.questions.drop_class(question.class_id)
            dropped = True
        return dropped

    def _skip_answered(self) -> None:
        """Skip questions that a verdict on a whole stack has answered, unless it was undone."""
        snapshot = self._session.snapshot()
        while (question := self.questions.current) is not None:
            class_id = question.class_id
            if class_id is None or (question.image_id, class_id) not in self._answered_with_stack:
                return
            row = snapshot.row_of.get(question.image_id)
            column = snapshot.column_of.get(class_id)
            if row is None or column is None or snapshot.annotations[row, column] < 0:
                return
            self.questions.advance()

    def _skip_unshown(self) -> int:
        """Skip photos that are known not to be shown; returns how many."""
        snapshot = self._session.snapshot()
        count = 0
        while (question := self.questions.current) is not None:
            id_ = question.image_id
            if not self.viewer.cannot_show((id_, file_version(snapshot, id_))):
                break
            self.questions.advance()
            count += 1
        return count

    # ------------------------------------------------------------------------------ queues

    def _request_queue(self, request: QueueRequest | None, *, refreshing: bool = False) -> None:
        """Have a queue built, or, without a request, only the bands computed."""
        session = self._session
        self.queue_request.ask(lambda: build_queue_result(session, request, refreshing=refreshing))

    def _queue_built(self, result: QueueResult) -> None:
        self._bands, self._stacks = result.bands, result.stacks
        if result.queue is None:
            self._refresh_facts()
        elif not result.refreshing:
            self._begin(result)
        elif self.questions.current is not None:
            self.questions.replace_rest(result.questions(), result.stacks.number_of)
            self._show_progress()
            self._refresh_facts()
            self._preload()
            self.show_message(_("The following questions were chosen again."))
        elif not len(self.questions):  # else the end was reached: its summary stays
            self._begin(result)
        self._context.refresh_commands()  # what is asked about may be in a stack

    def _begin(self, result: QueueResult) -> None:
        self.verdicts.questions = QuestionList(result.questions(), stack_of=result.stacks.number_of)
        if len(self.questions):
            self._show()
            return
        assert result.queue is not None
        self.bar.show_progress(0, 0)
        self._show_ending(end_panel.empty(result.queue, self._session.snapshot()))
        self.announcer.announce(self.end.sentence.text())

    def _queue_failed(self, error: Exception) -> None:
        self._show_ending(end_panel.failed(error))
        self._context.report_failure(error)

    def _refresh_now(self) -> None:
        if self.isVisible():
            self._request_queue(self.request, refreshing=True)

    def _ending_chosen(self, choice: str) -> None:
        commands = {
            end_panel.GRID: "review.leave",
            end_panel.RETRAIN: "model.retrain",
            end_panel.VOCABULARY: "vocabulary.edit",
        }
        if choice in commands:
            self._context.commands.trigger(commands[choice])
            return
        kind, class_id = QueueKind(choice), None
        if kind.needs_class and self.request is not None:
            class_id = self.request.class_id
        self.ask(kind, class_id)

    # -------------------------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = event.key() - int(Qt.Key.Key_0)
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and 1 <= number <= 9 and self.is_asking:
            if not event.isAutoRepeat():  # each press changes the verdict
                self.side.chips.press(number)
            event.accept()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._find_region()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.viewer.stop_loading()
        self.acts.close()
        self._find_region()

    def _class_name(self, class_id: int) -> str:
        snapshot = self._session.snapshot()
        column = snapshot.column_of.get(class_id)
        return snapshot.classes[column].name if column is not None else _("Class")
