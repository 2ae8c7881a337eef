"""The review page: questions one after the other, answered by keys.

It puts the parts together: a line of questions, the photo, what is asked about it, and the desk
that commits.  After a key the next image is painted without looking at more of the library than
one row of its arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from lmpt_desktop.domain.bands import ClassBands
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.queues import QueueKind, QueueRequest
from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.annotations.undo_stack import AnnotationUndoStack
from lmpt_desktop.ui.commands import CommandRegistry
from lmpt_desktop.ui.review import ends
from lmpt_desktop.ui.review.announcer import Announcer
from lmpt_desktop.ui.review.asking import Asked, QueueAsker
from lmpt_desktop.ui.review.at_hand import AtHand
from lmpt_desktop.ui.review.ending import EndPanel
from lmpt_desktop.ui.review.facts import version_of
from lmpt_desktop.ui.review.judging import Judge
from lmpt_desktop.ui.review.line import Act, Line, Question
from lmpt_desktop.ui.review.queue_bar import QueueBar
from lmpt_desktop.ui.review.side import SidePanel
from lmpt_desktop.ui.review.verdicts import NEXT, verdict_word
from lmpt_desktop.ui.review.viewer import PhotoViewer
from lmpt_desktop.ui.shell.context import ShellContext

AHEAD, BEHIND = 4, 2
"""Photos kept ready around the one on screen."""
REFRESH_CALM_MS = 300


class ReviewPage(QWidget):
    """One line of questions at a time; lives as long as the library is open."""

    def __init__(
        self, session: LibrarySession, undo_stack: AnnotationUndoStack, context: ShellContext
    ) -> None:
        super().__init__()
        self.setObjectName("review")
        self._session = session
        self._context = context
        self._undo_stack = undo_stack
        commands = context.commands
        self.judge = Judge(undo_stack, self)
        self.asker = QueueAsker(session, self)
        self.announcer = Announcer(self)
        self.bar = QueueBar(commands)
        self.viewer = PhotoViewer(session.images.path)
        self.canvas = self.viewer.canvas
        self.side = SidePanel(commands)
        self.end = EndPanel()
        self.request: QueueRequest | None = None
        """What the line answers; None for rows of the grid."""
        self.at_hand = AtHand()
        self._bands: ClassBands | None = None
        self._last_image = -1
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(REFRESH_CALM_MS)
        self._refresh_timer.timeout.connect(self._refresh_now)
        self._build(commands)
        self._connect()

    def _build(self, commands: CommandRegistry) -> None:
        self.work = QWidget()
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.viewer, 1)
        row.addWidget(self.side)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.work)
        self.stack.addWidget(self.end)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.stack, 1)
        self.side.finder.show_key(commands.keys_text("review.find"))
        # In the bar's lists letters find an entry, so the keys are heard below it.
        commands.add_plain_keys(self.stack, "review")
        self.bar.addAction(commands.action("review.leave"))
        # While there is nothing else to give the keyboard to, keys are to be heard all the same.
        self.setFocusProxy(self.stack)

    def _connect(self) -> None:
        self.judge.said.connect(self._said)
        self.judge.went_on.connect(self._show)
        self.judge.went_back.connect(self._went_back)
        self.judge.held.connect(lambda: self.tell(_("Still saving; try again in a moment.")))
        self.asker.asked.connect(self._asked)
        self.asker.bands.connect(self._take_bands)
        self.asker.failed.connect(self._ask_failed)
        self.viewer.room_changed.connect(self._have_ready)
        self.canvas.painted.connect(self._have_ready, Qt.ConnectionType.QueuedConnection)
        self.bar.wanted.connect(self.ask)
        self.side.toggled.connect(self.toggle)
        self.side.focused.connect(self._mark)
        self.side.finder.chosen.connect(self._found)
        self.side.finder.left.connect(self.canvas.setFocus)
        self.side.finder.found.connect(self.announcer.say)
        self.end.pressed.connect(self._end_pressed)

    # -------------------------------------------------------------------------------- ask

    def ask(self, kind: QueueKind, class_id: int | None = None) -> None:
        """Begin a queue; the photo appears when it is built."""
        self._refresh_timer.stop()  # these will be new
        self.request = QueueRequest(kind, class_id)
        self.bar.set_classes(self._session.snapshot().classes)
        self.bar.show_queue(kind, class_id)
        self.judge.line = Line()
        self._show_end(*ends.choosing())
        self.asker.ask(self.request)

    def show_images(self, image_ids: Sequence[int]) -> None:
        """Go through these images, in this order."""
        self.request = None
        self.bar.set_classes(self._session.snapshot().classes)
        self.bar.show_grid_rows()
        self.judge.line = Line(Question(image_id) for image_id in image_ids)
        if self._bands is None:
            self.asker.ask_bands()
        else:
            self.asker.cancel()
        self._show()
        self.canvas.setFocus()

    def library_changed(self) -> None:
        """Other predictions or classes: before long, other questions."""
        self._refresh_timer.start()
        if self.stack.currentWidget() is self.work:
            if self._drop_gone_class():
                self._show()
            else:
                self._refresh_facts()

    def images_changed(self) -> None:
        """Files appeared, vanished or are others now."""
        self.viewer.pool.forget_failures()
        version = version_of(self._session.snapshot(), self.current_id)
        if self.asks and version and version != self.viewer.version:
            self._show()  # the file has another content now: look at that
        else:
            self._have_ready()

    def annotations_changed(self) -> None:
        """Show verdicts as they are now: somebody else may have changed some."""
        if self.isVisible() and self.line.current is not None:
            self._refresh_facts()

    def close_page(self) -> None:
        """Stop loading and asking."""
        self._refresh_timer.stop()
        self.asker.cancel()
        self.viewer.close_viewer()

    # ------------------------------------------------------------------------------- state

    @property
    def line(self) -> Line:
        return self.judge.line

    @property
    def idle(self) -> bool:
        """Whether there are no questions, not even answered ones."""
        return not len(self.line) and not self.asker.busy

    @property
    def current_id(self) -> int:
        """The image at hand, else the last one shown; -1 if none was."""
        question = self.line.current
        return question.image_id if question is not None else self._last_image

    @property
    def asks(self) -> bool:
        """Whether there is a question on screen."""
        return self.line.current is not None and self.stack.currentWidget() is self.work

    @property
    def subject(self) -> int | None:
        """The class that P, A and U are about."""
        return self.at_hand.subject if self.line.current is not None else None

    @property
    def focus_class(self) -> int | None:
        return self.subject if self.asks else None

    def chosen_count(self) -> int:
        return int(self.asks)

    def chosen_ids(self) -> NDArray[np.int64]:
        return np.array([self.current_id] if self.asks else [], np.int64)

    def zoom(self, steps: int) -> None:
        if steps:
            self.canvas.zoom(steps)
        else:
            self.canvas.fit()

    # ------------------------------------------------------------------------------ verdicts

    def set_verdict(self, verdict: Verdict) -> None:
        """P, A and U."""
        question, subject = self.line.current, self.subject
        if question is None or subject is None or not self.can_annotate():
            return
        asked = subject == question.class_id
        goes_on = asked and verdict is not Verdict.UNKNOWN
        name = self._class_name(subject)
        if not asked:
            self.at_hand.mark_next(subject)
        self.judge.say(question.image_id, subject, verdict, name, answers=asked, advance=goes_on)

    def toggle(self, class_id: int) -> None:
        """A number key or a click on a chip."""
        question = self.line.current
        entry = self.at_hand.entry(class_id)
        if question is not None and entry is not None and self.can_annotate():
            if class_id == self.at_hand.marked and question.class_id is None:
                self.at_hand.mark_next(class_id)
            self.judge.say(question.image_id, class_id, NEXT[entry.verdict], entry.name)

    def mark_reviewed(self, reviewed: bool) -> None:
        if reviewed:
            self.done()
        elif self.asks:
            self._undo_stack.mark_reviewed([self.current_id], False)

    def done(self) -> None:
        """Enter: what is still unknown is absent; on to the next."""
        question = self.line.current
        if question is not None and self.can_annotate():
            self.judge.mark_reviewed(question.image_id, answers=question.class_id is None)

    def _found(self, class_id: int, present: bool) -> None:
        question = self.line.current
        if question is None or not self.can_annotate():
            return
        verdict = Verdict.PRESENT if present else Verdict.ABSENT
        self.at_hand.join(class_id)
        asked = class_id == question.class_id
        name = self._class_name(class_id)
        self.judge.say(question.image_id, class_id, verdict, name, answers=asked, advance=asked)

    def can_annotate(self) -> bool:
        """Nobody can judge what is not to be seen."""
        question = self.line.current
        if question is None:
            return False
        if self.viewer.has_shown(question.image_id):
            return True
        if self.canvas.message and self.canvas.image_id == question.image_id:
            self.tell(_("This photo cannot be shown, so there is nothing to say about it."))
        else:
            self.tell(_("The photo is still loading."))
        return False

    def _said(self, act: Act, went_on: bool) -> None:
        if act.class_id is None:
            said = _("Reviewed")
        else:
            said = f"{self._class_name(act.class_id)}: {verdict_word(act.verdict)}"
        if went_on:
            self._show(after=said)
        else:
            self._refresh_facts()
            self.announcer.say(said)

    def _went_back(self, taken_back: bool) -> None:
        self._show(after=_("Taken back") if taken_back else "", forward=False)

    def _mark(self, class_id: int) -> None:
        """A chip has the keyboard: P, A and U are about its class now."""
        self.at_hand.marked = class_id
        self._show_facts()
        self._context.refresh_commands()

    # ------------------------------------------------------------------------------ showing

    def _show(self, after: str = "", *, forward: bool = True) -> None:
        """Show the question at hand."""
        self._drop_gone_class()
        skipped = self._pass_over_unseen() if forward and self.request is not None else 0
        question = self.line.current
        self.bar.show_progress(self.line.place, len(self.line))
        if question is None:
            self._show_end(*self._ended())
            self.announcer.say(f"{after}. {self.end.heading.text()}. {self.end.sentence.text()}")
            return
        snapshot = self._session.snapshot()
        if not self.at_hand.take(snapshot, question, self._bands):
            # The image has left the library.
            self.line.drop_current()
            self._show(after)
            return
        self._last_image = question.image_id
        facts = self.at_hand.facts
        assert facts is not None
        self.bar.suggest_class(self.subject)
        was_asking = self.asks
        self.stack.setCurrentWidget(self.work)
        decoded = self.viewer.show_image((question.image_id, facts.version), facts.name)
        self.side.finder.set_classes(snapshot.classes)
        self._show_facts()
        if not decoded:  # else once it is painted: the next photos can wait that long
            self._have_ready()
        if not was_asking:
            self.canvas.setFocus()
        self._context.refresh_commands()
        if skipped:
            words = ngettext(
                "Skipped {count} photo that cannot be shown",
                "Skipped {count} photos that cannot be shown",
                skipped,
            )
            told = words.format(count=number(skipped))
            self._context.status.show_text(told)
            after = f"{after}. {told}" if after else told
        place = _("{place} of {count}").format(
            place=number(self.line.place + 1), count=number(len(self.line))
        )
        parts = (after, place, self.side.question.sentence, facts.name)
        self.announcer.say(". ".join(part for part in parts if part))

    def _show_facts(self) -> None:
        question = self.line.current
        if question is not None and self.at_hand.facts is not None:
            self.side.show_image(
                self.at_hand.facts,
                question.reason,
                whole=question.class_id is None,
                subject=self.at_hand.marked,
            )

    def _refresh_facts(self) -> None:
        """The same image and chips, verdicts as they are now."""
        if self.line.current is not None:
            self.at_hand.refresh(self._session.snapshot(), self._bands)
            self._show_facts()

    def _show_end(
        self, heading: str, sentence: str, choices: list[tuple[str, str]], icon: str
    ) -> None:
        self.end.say(heading, sentence, choices, icon)
        self.stack.setCurrentWidget(self.end)
        if self.isVisible():
            self.end.take_focus()
        self._context.refresh_commands()

    def _ended(self) -> tuple[str, str, list[tuple[str, str]], str]:
        tally = self.line.tally()
        kind = self.request.kind if self.request is not None else None
        gained = ends.tail_gained(tally, self._bands, self._session.snapshot())
        return ends.ended(kind, tally, gained)

    def tell(self, sentence: str) -> None:
        """Say something both in the status line and to screen readers."""
        self._context.status.show_text(sentence)
        self.announcer.say(sentence)

    # ------------------------------------------------------------------------------- photos

    def _have_ready(self) -> None:
        """Have the photos around the one on screen decoded."""
        snapshot = self._session.snapshot()
        near = [question.image_id for question in self.line.around(BEHIND, AHEAD)]
        if near:
            self.viewer.have_ready([(id_, version_of(snapshot, id_)) for id_ in near])

    def _drop_gone_class(self) -> bool:
        """Ask nothing about a class that was archived or merged: an answer would go where nobody
        looks.  Whether the question at hand was one."""
        known, dropped = self._session.snapshot().column_of, False
        while (question := self.line.current) is not None:
            if question.class_id is None or question.class_id in known:
                break
            self.line.drop_class(question.class_id)
            dropped = True
        return dropped

    def _pass_over_unseen(self) -> int:
        """Go on over photos known not to be shown; how many."""
        snapshot = self._session.snapshot()
        count = 0
        while (question := self.line.current) is not None:
            id_ = question.image_id
            if not self.viewer.cannot_show((id_, version_of(snapshot, id_))):
                break
            self.line.advance()
            count += 1
        return count

    # ------------------------------------------------------------------------------ queues

    def _asked(self, asked: Asked) -> None:
        self._bands = asked.bands
        if asked.refreshing and self.line.current is not None:
            self.line.replace_rest(asked.questions())
            self.bar.show_progress(self.line.place, len(self.line))
            self._refresh_facts()
            self._have_ready()
            self.tell(_("The questions that follow were chosen anew."))
            return
        if asked.refreshing and len(self.line):  # the end was reached: what was done stays told
            return
        self.judge.line = Line(asked.questions())
        if not len(self.line):
            self.bar.show_progress(0, 0)
            self._show_end(*ends.nothing(asked.queue, self._session.snapshot()))
            self.announcer.say(self.end.sentence.text())
            return
        self._show()

    def _ask_failed(self, error: Exception) -> None:
        self._show_end(*ends.failed(error))
        self._context.report_failure(error)

    def _take_bands(self, bands: ClassBands) -> None:
        self._bands = bands
        self._refresh_facts()

    def _refresh_now(self) -> None:
        if self.request is not None and self.isVisible():
            self.asker.ask(self.request, refreshing=True)
        elif self.isVisible():
            self.asker.ask_bands()

    def _end_pressed(self, choice: str) -> None:
        if choice == "grid":
            self._context.commands.trigger("review.leave")
        elif choice == "retrain":
            self._context.commands.trigger("model.retrain")
        elif choice == "vocabulary":
            self._context.commands.trigger("vocabulary.edit")
        else:
            self.ask(QueueKind(choice), ends.class_for(QueueKind(choice), self.request))

    # -------------------------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        number = event.key() - int(Qt.Key.Key_0)
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and 1 <= number <= 9 and self.asks:
            if not event.isAutoRepeat():  # each press makes something else of the verdict
                self.side.chips.press(number)
            event.accept()
            return
        super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.viewer.rest()

    def _class_name(self, class_id: int) -> str:
        snapshot = self._session.snapshot()
        column = snapshot.column_of.get(class_id)
        return snapshot.classes[column].name if column is not None else _("Class")
