"""Choose the frozen image-text model that predictions rest on."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.encoding.backbones import BackboneInfo
from lmpt_desktop.engine.notices import (
    Activity,
    ActivityChanged,
    ActivityKind,
    ActivityState,
    EncoderChanged,
    Problem,
)
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.settings import DEVICE
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, close_box, heading, muted
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.setting_editors import device_box
from lmpt_desktop.ui.kit.texts import backbone_name, file_size, photos_text
from trainer.suggested import BUNDLED_SIDES

_NAME = re.compile(r"[\w.+-]+/\S.*|local-dir:\S.*")


def is_backbone_name(text: str) -> bool:
    """Whether ``text`` is ``MODEL/PRETRAINED``, ``MODEL/path`` or ``local-dir:path``."""
    return _NAME.fullmatch(text) is not None


class BackboneDialog(LibraryDialog):
    """A list of suggested backbones, a field for any other, and the device."""

    def __init__(
        self,
        session: LibrarySession,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Backbone"))
        self.resize(600, 600)
        self.now = Label()
        self.now.setObjectName("backbone-now")
        self.now.setWordWrap(True)
        self.list = QListWidget()
        self.list.setObjectName("backbones")
        self.list.setAccessibleName(_("Suggested backbones"))
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(2)
        self.custom = QLineEdit()
        self.custom.setObjectName("custom-backbone")
        self.custom.setPlaceholderText(_("MODEL/PRETRAINED or MODEL/path to weights"))
        self.custom.setAccessibleName(_("Another backbone"))
        self.custom.setClearButtonEnabled(True)
        self.browse = QPushButton(_("&Weights file..."))
        self.browse.setAutoDefault(False)
        self.browse.setToolTip(
            _("Type the model's name first (for example ViT-B-16), then choose its weights")
        )
        self.effect = muted()
        self.effect.setObjectName("backbone-effect")
        self.bar = QProgressBar()
        self.bar.setObjectName("download")
        self.bar.setAccessibleName(_("Progress of the change"))
        self.cancel = QPushButton(_("&Cancel change"))
        self.cancel.setObjectName("cancel-download")
        self.cancel.setAutoDefault(False)
        self.device = device_box()
        self.use = QPushButton(_("&Use this backbone"))
        self.use.setObjectName("use")
        self.use.setDefault(True)
        self._lay_out()
        self._connect()
        self.device.setEnabled(False)
        self.run(lambda: self.session.settings.get(DEVICE), self._show_device)
        self.refresh()
        self._show_progress()

    def _lay_out(self) -> None:
        other = QHBoxLayout()
        other.addWidget(self.custom, 1)
        other.addWidget(self.browse)
        download = QHBoxLayout()
        download.addWidget(self.bar, 1)
        download.addWidget(self.cancel)
        device = QFormLayout()
        device.addRow(_("&Device"), self.device)
        buttons = close_box(self)
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.ActionRole)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.now)
        layout.addWidget(heading(_("Suggested")))
        layout.addWidget(self.list, 1)
        layout.addWidget(heading(_("Another model of open_clip, or your own weights")))
        layout.addLayout(other)
        layout.addWidget(self.effect)
        layout.addLayout(download)
        layout.addLayout(device)
        layout.addWidget(self.strip)
        layout.addWidget(buttons)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._choice_changed)
        self.list.itemActivated.connect(lambda _item: self.use_chosen())
        self.custom.textChanged.connect(self._choice_changed)
        self.browse.clicked.connect(self._browse)
        self.use.clicked.connect(self.use_chosen)
        self.cancel.clicked.connect(self._cancel)
        self.listen(EncoderChanged, self._encoder_changed)
        self.listen(ActivityChanged, self._activity_changed)
        self.listen(Problem, lambda problem: self.strip.show_text(problem.message, "error"))

    def _show_device(self, device: str) -> None:
        self.device.setCurrentIndex(max(0, self.device.findData(device)))
        self.device.currentIndexChanged.connect(self._device_chosen)
        self.device.setEnabled(True)

    def refresh(self) -> None:
        """Show what is in use and what can be chosen."""
        name, device = self.session.model.backbone, self.session.model.device
        shown = backbone_name(name)
        self.now.setText(
            _("In use: {name} on {device}").format(name=shown, device=device)
            if device
            else _("In use: {name}").format(name=shown)
        )
        chosen = self.list.currentItem()
        kept = chosen.data(Qt.ItemDataRole.UserRole).name if chosen else name
        self.list.clear()
        for info in self.session.model.backbones():
            item = QListWidgetItem(self._described(info))
            item.setData(Qt.ItemDataRole.UserRole, info)
            item.setToolTip(_("Published by: {0}").format(info.source) if info.source else "")
            self.list.addItem(item)
            if info.name == kept:
                self.list.setCurrentItem(item)
        self._choice_changed()

    def _described(self, info: BackboneInfo) -> str:
        if info.available:
            size = _("on this computer")
        elif info.name in BUNDLED_SIDES:
            size = _("missing from this installation")
        else:
            size = _("download: {0}").format(file_size(info.download_bytes))
        mark = "   ● " + _("in use") if info.name == self.session.model.backbone else ""
        facts = []
        if info.licence:
            licence = _("Licence: {0}").format(info.licence)
            facts.append(
                _("{licence}, research only").format(licence=licence)
                if info.research_only
                else licence
            )
        if info.imagenet is not None:
            share = _("{0} %").format(decimal(info.imagenet))
            facts.append(_("{0} on ImageNet, zero-shot (published)").format(share))
        return "\n".join([f"{info.title}   ({size}){mark}", info.note, " · ".join(facts)]).rstrip()

    def chosen(self) -> str:
        """The name typed, else the one selected, else ""."""
        if typed := self.custom.text().strip():
            return typed
        item = self.list.currentItem()
        return item.data(Qt.ItemDataRole.UserRole).name if item else ""

    def _choice_changed(self, *_args: object) -> None:
        name, typed = self.chosen(), bool(self.custom.text().strip())
        self.list.setEnabled(not typed)
        if typed and not is_backbone_name(name):
            self.effect.setText(_("Enter MODEL/PRETRAINED, for example ViT-B-16/openai."))
            self.use.setEnabled(False)
            return
        self.use.setEnabled(bool(name) and name != self.session.model.backbone)
        if not self.use.isEnabled():
            self.effect.setText("")
            return
        photos = photos_text(len(self.session.snapshot().images))
        self.effect.setText(
            _(
                "Features belong to a backbone, so the {0} of this library will be encoded again. "
                "Until that is done, {1} predicts. Annotations are kept, and so are versions made "
                "with another backbone, for when you return to it."
            ).format(photos, backbone_name(self.session.model.backbone))
        )

    def use_chosen(self) -> None:
        """Switch to the chosen backbone, which is loaded and encodes photos in the background."""
        name = self.chosen()
        if not self.use.isEnabled() or not name:
            return
        self.use.setEnabled(False)
        self.strip.show_text(_("Loading {0}...").format(name))
        self.run(lambda: self.session.model.set_backbone(name), self._switched, self._refused)

    def _switched(self, _none: None) -> None:
        self.custom.clear()
        self.refresh()

    def _refused(self, error: Exception) -> None:
        self.show_error(error)
        self.refresh()

    def _browse(self) -> None:
        model = self.custom.text().strip().partition("/")[0]
        if not model:
            self.strip.show_text(_("Type the model's name first, for example ViT-B-16."), "warning")
            self.custom.setFocus()
            return
        chosen, _kind = QFileDialog.getOpenFileName(
            self,
            _("Choose weights"),
            "",
            _("Weights (*.safetensors *.pt *.pth *.bin);;All files (*)"),
        )
        if chosen:
            self.custom.setText(f"{model}/{Path(chosen)}")

    def _device_chosen(self, _index: int) -> None:
        device = self.device.currentData()
        self.run(lambda: self.session.model.set_device(device))

    def _encoder_changed(self, notice: EncoderChanged) -> None:
        self.refresh()
        if notice.message:
            self.strip.show_text(notice.message)
        elif notice.device:
            self.strip.show_text(
                _("{0} runs on {1}.").format(backbone_name(notice.backbone), notice.device)
            )

    def _activity_changed(self, notice: ActivityChanged) -> None:
        if notice.activity.kind in (ActivityKind.DOWNLOAD, ActivityKind.CHANGE):
            self._show_progress()

    def _show_progress(self) -> None:
        """Show the download while there is one, else how many photos are encoded."""
        current = self.session.activities.current()
        download, change = current.get(ActivityKind.DOWNLOAD), current.get(ActivityKind.CHANGE)
        downloading = download is not None and download.state is ActivityState.RUNNING
        shown = download if downloading else change
        visible = shown is not None and shown.state in (ActivityState.RUNNING, ActivityState.PAUSED)
        self.bar.setVisible(visible)
        self.cancel.setVisible(visible)
        if shown is None or not visible:
            return
        # Bytes may exceed the range of a progress bar; kilobytes cannot.
        unit = 1024 if downloading else 1
        self.bar.setRange(0, shown.total // unit)
        self.bar.setValue(shown.done // unit)
        self.bar.setFormat(_download_text(shown) if downloading else _photos_text(shown))

    def _cancel(self) -> None:
        activities = self.session.activities
        changing = bool(self.session.model.change.name)
        kind = ActivityKind.CHANGE if changing else ActivityKind.DOWNLOAD
        self.run(lambda: activities.cancel(kind))


def _download_text(activity: Activity) -> str:
    done = file_size(activity.done) if activity.done else _("0 MB")
    whole = _("{0} of {1}").format(done, file_size(activity.total))
    return whole if activity.total else done


def _photos_text(activity: Activity) -> str:
    if not activity.total:
        return ""
    return _("{done} of {total}").format(done=number(activity.done), total=number(activity.total))
