"""The one button below the inspector that says what it will do, and the rarer actions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from lmpt_desktop.translation import _, ngettext, number
from lmpt_desktop.ui.inspector.summary import Summary


class FittingButton(QPushButton):
    """Shows the longest of several texts that fits, with its key at the end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts: tuple[str, ...] = ()
        self._key = ""

    def set_texts(self, texts: Sequence[str], key: str = "") -> None:
        """The same in fewer and fewer words; screen readers get the first."""
        self._texts, self._key = tuple(texts), key
        self.setAccessibleName(texts[0] if texts else "")
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(60, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        room = self.width() - 32  # padding and frame
        wide = self.fontMetrics().horizontalAdvance
        keyed = [f"{text}   {self._key}" for text in self._texts if self._key]
        # The counts are worth more than the key, the key more than nothing.
        candidates = [*keyed[:1], *self._texts[:1], *keyed[1:], *self._texts[1:]]
        fitting = next((text for text in candidates if wide(text) <= room), "")
        if not fitting and candidates:
            cut = Qt.TextElideMode.ElideRight
            fitting = self.fontMetrics().elidedText(candidates[-1], cut, max(0, room))
        if fitting != self.text():
            self.setText(fitting)


class ConfirmBar(QWidget):
    """*Confirm* with its counts; *Rest is absent* and *Not reviewed* in a menu."""

    confirm_requested = Signal()
    rest_absent_requested = Signal()
    unreviewed_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confirm-bar")
        self._keys = ("", "", "")
        self._summary: Summary | None = None
        self._counting = 0
        self.confirm = FittingButton()
        self.confirm.setObjectName("confirm")
        self.confirm.setAutoDefault(False)
        self.confirm.setMinimumHeight(34)
        self.confirm.clicked.connect(self.confirm_requested)
        self.undo_review = FittingButton()
        self.undo_review.setObjectName("not-reviewed")
        self.undo_review.setAutoDefault(False)
        self.undo_review.setMinimumHeight(34)
        self.undo_review.clicked.connect(self.unreviewed_requested)
        self.more = QToolButton()
        self.more.setObjectName("confirm-more")
        self.more.setAccessibleName(_("Other ways to finish the selected photos"))
        self.more.setToolTip(_("Other ways to finish the selected photos"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setText("⋯")
        self.more.setFixedSize(34, 34)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self.more)
        menu.setToolTipsVisible(True)
        self.rest_absent = menu.addAction("")
        self.rest_absent.setToolTip(
            _("Whatever the model predicts: every class without your verdict becomes absent")
        )
        self.rest_absent.triggered.connect(self.rest_absent_requested)
        self.unreviewed = menu.addAction("")
        self.unreviewed.setToolTip(_("Remove the reviewed mark; verdicts stay"))
        self.unreviewed.triggered.connect(self.unreviewed_requested)
        self.more.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 10)
        row.setSpacing(6)
        row.addWidget(self.confirm, 1)
        row.addWidget(self.undo_review, 1)
        row.addWidget(self.more)

    def show_keys(self, confirm: str, rest_absent: str, unreviewed: str) -> None:
        """Name the keys of the three actions."""
        self._keys = (confirm, rest_absent, unreviewed)
        self._show()

    def show_summary(self, summary: Summary | None) -> None:
        """Say what confirming these images does."""
        self._summary, self._counting = summary, 0
        self._show()

    def show_counting(self, images: int) -> None:
        """Say that what confirming ``images`` images does is still being counted."""
        self._counting = images
        self._show()

    def _show(self) -> None:
        summary, key = self._summary, self._keys[0]
        if self._counting:
            self._set_primary(False)
            texts = _photo_texts(self._counting)
            self._show_button(texts, "", enabled=False, tip=_("Counting what would change..."))
            self._show_actions(0, 0)
            return
        shown = summary is not None and summary.images > 0 and len(summary.scores) > 0
        self.setVisible(shown)
        if summary is None or not shown:
            return
        left = summary.confirmed_present + summary.confirmed_absent + summary.without_predictions
        done = summary.reviewed == summary.images and not (summary.unknown_cells and left)
        if done:
            tip = _("Every class has a verdict.")
            if summary.unknown_cells:
                tip = _("The classes without a verdict have no prediction yet.")
            self._show_button((_("✓ Reviewed"),), "", enabled=False, tip=tip)
        elif summary.without_predictions == summary.images:
            tip = _("There is nothing to confirm until the photo is encoded.")
            texts = (_("Confirm: not encoded yet"), _("Not encoded yet"))
            if not summary.predictable:
                tip = _("Only photos whose file can be read get predictions.")
                texts = (_("Confirm: no predictions"), _("No predictions"))
            self._show_button(texts, "", enabled=False, tip=tip)
        else:
            tip = _(
                "What is predicted becomes present and every other class absent; "
                "your own verdicts stay"
            )
            if summary.without_predictions:
                left_out = ngettext(
                    "{count} photo is not encoded yet and is left out.",
                    "{count} photos are not encoded yet and are left out.",
                    summary.without_predictions,
                ).format(count=number(summary.without_predictions))
                tip = f"{tip}\n{left_out}"
            texts = confirm_texts(summary)
            named = f"{texts[0]}\n{tip}" + (f" ({key})" if key else "")
            self._show_button(texts, key, enabled=True, tip=named)
        self._set_primary(self.confirm.isEnabled())
        self._show_actions(summary.unknown_cells, summary.reviewed)
        self.undo_review.setVisible(done)
        self.more.setVisible(not done)

    def _show_button(self, texts: Sequence[str], key: str, *, enabled: bool, tip: str) -> None:
        self.confirm.setEnabled(enabled)
        self.confirm.setToolTip(tip)
        self.confirm.set_texts(texts, key)

    def _show_actions(self, unknown: int, reviewed: int) -> None:
        """Name the other actions with what they change."""
        texts = (
            _("&Rest is absent ({count})").format(count=number(unknown)),
            _("&Not reviewed ({count})").format(count=number(reviewed)),
        )
        for action, text, key, count in zip(
            (self.rest_absent, self.unreviewed),
            texts,
            self._keys[1:],
            (unknown, reviewed),
            strict=True,
        ):
            action.setText(f"{text}\t{key}" if key else text)
            action.setEnabled(count > 0)
        self.more.setEnabled(unknown > 0 or reviewed > 0)
        self.undo_review.setVisible(False)
        self.more.setVisible(True)
        key = self._keys[2]
        tip = self.unreviewed.toolTip()
        self.undo_review.setToolTip(f"{tip} ({key})" if key else tip)
        self.undo_review.set_texts((_("Not reviewed"),))

    def _set_primary(self, primary: bool) -> None:
        role = "primary" if primary else ""
        if self.confirm.property("role") != role:
            self.confirm.setProperty("role", role)
            self.confirm.style().polish(self.confirm)


def confirm_texts(summary: Summary) -> tuple[str, ...]:
    """What the button says, from many words to few."""
    present, absent = number(summary.confirmed_present), number(summary.confirmed_absent)
    counts = _("{present} present, {absent} absent").format(present=present, absent=absent)
    signs = f"{present} ✓  {absent} ✕"
    if summary.images == 1:
        whole = _("Confirm: {counts}")
        return (whole.format(counts=counts), whole.format(counts=signs), _("Confirm"))
    images = summary.images - summary.without_predictions
    whole = ngettext("Confirm {count} photo: {counts}", "Confirm {count} photos: {counts}", images)
    return (
        whole.format(count=number(images), counts=counts),
        whole.format(count=number(images), counts=signs),
        *_photo_texts(images),
    )


def _photo_texts(images: int) -> tuple[str, ...]:
    whole = ngettext("Confirm {count} photo...", "Confirm {count} photos...", images)
    return (whole.format(count=number(images)), _("Confirm"))
