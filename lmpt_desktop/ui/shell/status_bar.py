"""The status bar: background work and its progress; and the label of backbone and device."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QStatusBar, QToolButton, QWidget

from lmpt_desktop.engine.notices import Activity, ActivityKind, ActivityState
from lmpt_desktop.translation import N_, _, ngettext, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.texts import backbone_name

MESSAGE_MS = 6000

_ORDER = (
    ActivityKind.DOWNLOAD,
    ActivityKind.FIT,
    ActivityKind.ENCODE,
    ActivityKind.CHANGE,
    ActivityKind.SCAN,
    ActivityKind.CAPTION,
    ActivityKind.VERIFY,
)
"""Which of several running activities is shown: first those that users wait for."""

_ACTIVITY_NAMES = {
    ActivityKind.SCAN: N_("Looking for photos"),
    ActivityKind.ENCODE: N_("Encoding photos"),
    ActivityKind.CHANGE: N_("Encoding with the new backbone"),
    ActivityKind.DOWNLOAD: N_("Downloading the backbone"),
    ActivityKind.FIT: N_("Retraining prompts"),
    ActivityKind.CAPTION: N_("Writing captions"),
    ActivityKind.VERIFY: N_("Verifying photos"),
}
_PAUSABLE = (ActivityKind.SCAN, ActivityKind.ENCODE, ActivityKind.CHANGE, ActivityKind.VERIFY)


def seconds_text(seconds: float) -> str:
    """A duration in words: "5 s", "3 min", "2 h 10 min"."""
    if seconds < 60:
        return _("{seconds} s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    hours, rest = divmod(minutes, 60)
    return (
        _("{hours} h {rest} min").format(hours=hours, rest=rest)
        if rest
        else _("{hours} h").format(hours=hours)
    )


def amount_text(activity: Activity) -> str:
    """The progress of an activity: "120 of 204", "12 of 605 MB", "1,240 so far", or ""."""
    if activity.kind is ActivityKind.DOWNLOAD:
        done = round(activity.done / 1e6)
        if activity.total:
            return _("{done} of {total} MB").format(
                done=number(done), total=number(round(activity.total / 1e6))
            )
        return _("{done} MB").format(done=number(done)) if done else ""
    if activity.total:
        return _("{done} of {total}").format(
            done=number(activity.done), total=number(activity.total)
        )
    return _("{done} so far").format(done=number(activity.done)) if activity.done else ""


def activity_text(activity: Activity) -> str:
    """An activity in a line."""
    name = (
        _("Looking at photos again, in more detail")
        if activity.again
        else _(_ACTIVITY_NAMES[activity.kind])
    )
    if activity.state is ActivityState.FAILED:
        return activity.message or _("{activity}: stopped because of a problem").format(
            activity=name
        )
    amount = amount_text(activity)
    text = f"{name}: {amount}" if amount else name
    if activity.state is ActivityState.PAUSED:
        return _("{text} (paused)").format(text=text)
    if activity.seconds_left is not None:
        text = _("{text}, {time} left").format(text=text, time=seconds_text(activity.seconds_left))
    return f"{text} ({_(activity.note)})" if activity.note else text


class StatusBar(QStatusBar):
    """Messages at the left; progress at the right."""

    pause_requested = Signal(object)
    """The activity kind to pause."""
    resume_requested = Signal(object)
    cancel_requested = Signal(object)
    here_requested = Signal()
    """Encode on this computer instead of waiting for another one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status-bar")
        self._device = ""
        self._activities: dict[ActivityKind, Activity] = {}
        self.activity = Label()
        self.activity.setObjectName("status-activity")
        self.progress = QProgressBar()
        self.progress.setObjectName("status-progress")
        self.progress.setFixedSize(130, 12)
        self.progress.setTextVisible(False)
        self.pause_button = self._button("status-pause")
        self.pause_button.clicked.connect(self._pause_pressed)
        self.cancel_button = self._button("status-cancel")
        self.cancel_button.setToolTip(_("Stop; finished work is kept"))
        self.cancel_button.setAccessibleName(_("Stop"))
        self.cancel_button.clicked.connect(self._cancel_pressed)
        self.here_button = self._button("status-here")
        self.here_button.setText(_("Encode here"))
        self.here_button.setToolTip(
            _("Do not wait for the other computer: encode photos on this one")
        )
        self.here_button.clicked.connect(self.here_requested)
        self.queue = Label()
        self.queue.setObjectName("status-queue")
        self.queue.setContentsMargins(8, 0, 0, 0)
        self.queue.hide()
        self.learning = Label(_("Learning from your verdicts"))
        self.learning.setObjectName("status-learning")
        self.learning.setProperty("role", "muted")
        self.learning.setContentsMargins(8, 0, 0, 0)
        self.learning.setToolTip(
            _(
                "Predictions of the classes you answer move at once, and with them queues and "
                "search. A retraining refines them. Model > Learn from every verdict switches "
                "this off."
            )
        )
        self.learning.hide()
        self.model = Label()
        """Where work is done; the window has it in the toolbar."""
        self.model.setObjectName("status-model")
        self.model.setProperty("role", "muted")
        self.model.setContentsMargins(8, 0, 8, 0)
        for part in (
            self.learning, self.activity, self.progress, self.here_button, self.pause_button,
            self.cancel_button, self.queue,
        ):  # fmt: skip
            self.addPermanentWidget(part)
        self._update()
        theme.manager().changed.connect(self._update)

    # ----------------------------------------------------------------------------- showing

    def show_text(self, sentence: str) -> None:
        """Show a sentence for a few seconds."""
        self.showMessage(sentence, MESSAGE_MS)

    def show_model(self, backbone: str, device: str, message: str = "") -> None:
        """Show the backbone in use and its device, which is "" until it is loaded."""
        self._device = device
        name = backbone_name(backbone)
        place = device or _("this computer")
        self.model.setText(f"{name} · {place}")
        self.model.setAccessibleName(self.model.text())
        self.model.setToolTip(
            message
            or (
                _("Backbone {name}, running on {device}").format(name=name, device=device)
                if device
                else _("Backbone {name}, not loaded yet").format(name=name)
            )
        )
        self._update()

    def show_learning(self, learning: bool) -> None:
        """Say that verdicts have moved the predictions, or that they no longer do."""
        self.learning.setVisible(learning)

    def show_queue(self, count: int) -> None:
        """Show how many photos are waiting to be encoded; hidden if none are."""
        self.queue.setText(
            ngettext("{count} photo waiting", "{count} photos waiting", count).format(
                count=number(count)
            )
        )
        sentence = ngettext(
            "{count} photo is waiting to be encoded. It has no predictions until then.",
            "{count} photos are waiting to be encoded. They have no predictions until then.",
            count,
        ).format(count=number(count))
        self.queue.setToolTip(sentence)
        self.queue.setAccessibleName(sentence)
        self.queue.setVisible(count > 0)

    def show_activity(self, activity: Activity) -> None:
        self._activities[activity.kind] = activity
        self._update()

    def reset(self) -> None:
        """No library is open."""
        self._activities.clear()
        self.model.clear()
        self.show_queue(0)
        self.show_learning(False)
        self.clearMessage()
        self._update()

    @property
    def current(self) -> Activity | None:
        """The activity shown."""
        for states in ((ActivityState.RUNNING,), (ActivityState.PAUSED, ActivityState.FAILED)):
            for kind in _ORDER:
                activity = self._activities.get(kind)
                if activity is not None and activity.state in states:
                    return activity
        return None

    @property
    def working(self) -> bool:
        """Whether scanning, encoding, changing the backbone or verifying is running or paused."""
        return any(
            activity.kind in _PAUSABLE
            and activity.state in (ActivityState.RUNNING, ActivityState.PAUSED)
            for activity in self._activities.values()
        )

    @property
    def paused(self) -> bool:
        return any(activity.state is ActivityState.PAUSED for activity in self._activities.values())

    # ----------------------------------------------------------------------------- details

    def _button(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setAutoRaise(True)
        return button

    def _update(self, *_args: object) -> None:
        activity = self.current
        busy = activity is not None
        for part in (self.activity, self.progress, self.pause_button, self.cancel_button):
            part.setVisible(busy)
        self.here_button.setVisible(activity is not None and activity.waits)
        self.cancel_button.setIcon(theme.icon("clear"))
        if activity is None:
            return
        failed = activity.state is ActivityState.FAILED
        loading = activity.kind is ActivityKind.ENCODE and not activity.done and not self._device
        held = activity.state is not ActivityState.RUNNING
        waiting = loading and activity.state is ActivityState.RUNNING
        self.activity.setText(_("Loading the backbone") if waiting else activity_text(activity))
        self.activity.setToolTip(activity.message)
        self.progress.setVisible(not failed)
        # A range of 0 makes the bar run back and forth, because the total is unknown.
        self.progress.setRange(0, 1000 if activity.total or held else 0)
        self.progress.setValue(
            round(1000 * activity.done / activity.total) if activity.total else 0
        )
        self.pause_button.setVisible(activity.kind in _PAUSABLE or activity.pausable or failed)
        self.pause_button.setIcon(theme.icon("resume" if held else "pause"))
        words = _("Try again") if failed else (_("Resume") if held else _("Pause"))
        self.pause_button.setToolTip(words)
        self.pause_button.setAccessibleName(words)
        self.pause_button.setText(words if failed else "")
        self.pause_button.setToolButtonStyle(
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            if failed
            else Qt.ToolButtonStyle.ToolButtonIconOnly
        )
        self.cancel_button.setVisible(not failed or activity.kind is ActivityKind.CHANGE)

    def _pause_pressed(self) -> None:
        activity = self.current
        if activity is None:
            return
        if activity.state is ActivityState.RUNNING:
            self.pause_requested.emit(activity.kind)
        else:
            self.resume_requested.emit(activity.kind)

    def _cancel_pressed(self) -> None:
        activity = self.current
        if activity is not None:
            self.cancel_requested.emit(activity.kind)
