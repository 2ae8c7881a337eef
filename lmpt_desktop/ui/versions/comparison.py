"""Two versions side by side, before the user decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSortFilterProxyModel, Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import VersionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.comparison import Comparison
from lmpt_desktop.engine.versions.versions import VersionInfo
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, larger, muted, style_table, tint
from lmpt_desktop.ui.kit.scored_thumbnails import ScoredThumbnailView
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import (
    DASH,
    NOT_ENOUGH,
    band_name,
    change,
    classes_text,
    percent,
    photos_text,
    predictions_text,
)
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.versions.comparison_models import (
    SORT_ROLE,
    ChangedModel,
    ClassComparisonModel,
    changed_lines,
    class_comparisons,
)
from lmpt_desktop.ui.versions.versions_model import version_title
from trainer.bands import Band


class ScoreCard(QFrame):
    """mAP of one band: the new one in large, the change and the old one below."""

    def __init__(self, band: Band | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._band = band
        self._change = 0.0
        self.setObjectName("score-card")
        name = _("All classes") if band is None else f"{theme.BAND_SHAPES[band]} {band_name(band)}"
        self._name = QLabel(name)
        self.figure = QLabel("–")
        self.figure.setFont(larger(self.font(), 1.9))
        self.beneath = QLabel()
        self.beneath.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(1)
        for label in (self._name, self.figure, self.beneath):
            layout.addWidget(label)
        layout.addStretch(1)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_scores(self, old: float | None, new: float | None) -> None:
        """mAP in [0, 1]; None where there are too few annotations."""
        if new is None:
            self.figure.setText("–")
            self.beneath.setText(_(NOT_ENOUGH))
        else:
            self.figure.setText(percent(new))
            before = _("was {0}").format(percent(old)) if old is not None else ""
            self.beneath.setText(f"{change(old, new)}  {before}".strip())
        self._change = 0.0 if old is None or new is None else round(new - old, 3)
        description = _("{0}: {1}, {2}").format(
            self._name.text(), self.figure.text(), self.beneath.text()
        )
        self.setAccessibleName(description)
        self._restyle()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#score-card {{ background: {colours.surface}; border: 1px solid {colours.border}; "
            "border-radius: 6px; }"
        )
        tint(self._name, colours.band(self._band) if self._band else colours.colour("text"))
        name = "muted" if not self._change else ("present" if self._change > 0 else "error")
        tint(self.beneath, colours.colour(name))


class ComparisonDialog(LibraryDialog):
    """The result of a run, or any two versions: promote, discard, or decide later."""

    promoted = Signal(int)
    """Version id."""
    discarded = Signal(int)
    """Version id."""
    images_requested = Signal(list)
    """Show these image ids in the grid."""

    def __init__(
        self,
        session: LibrarySession,
        run_id: int | None,
        loader: ThumbnailLoader,
        bridge: SessionBridge | None = None,
        parent: QWidget | None = None,
        *,
        pair: tuple[int, int] | None = None,
    ) -> None:
        """``run_id`` names a run; None: ``pair`` names two versions, the old and the new one."""
        super().__init__(session, bridge, parent)
        self.setWindowTitle(_("Compare versions"))
        self.resize(980, 660)
        self._titles = ("", "")
        self._loader = loader
        self.comparison: Comparison | None = None
        self.changed: ChangedModel | None = None
        self.summary = muted(_("Comparing..."))
        self.summary.setObjectName("comparison-summary")
        self.cards = {band: ScoreCard(band) for band in (None, *Band)}
        cards = QHBoxLayout()
        for card in self.cards.values():
            cards.addWidget(card, 1)
        self.tabs = QTabWidget()
        self.promote = QPushButton(_("&Promote: use the new version"))
        self.promote.setObjectName("promote")
        self.discard = QPushButton(_("&Discard"))
        self.discard.setObjectName("discard")
        self.later = QPushButton(_("Decide &later"))
        self.later.setObjectName("later")
        self.promote.setDefault(True)
        self.discard.setAutoDefault(False)
        self.later.setAutoDefault(False)
        foot = QHBoxLayout()
        foot.addWidget(self.discard)
        foot.addStretch(1)
        foot.addWidget(self.later)
        foot.addWidget(self.promote)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(self.summary)
        layout.addLayout(cards)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.strip)
        layout.addLayout(foot)
        self.promote.clicked.connect(self.promote_new)
        self.discard.clicked.connect(self.discard_new)
        self.later.clicked.connect(self.reject)
        self.promote.setEnabled(False)
        self.discard.setEnabled(False)
        self._request = LatestRequest(self._show_state, self.show_error, owner=self, overlap=False)
        self.listen(VersionsChanged, lambda _notice: self._refresh_state())

        def compare() -> tuple[Comparison, list[VersionInfo]]:
            versions = self.session.versions
            if run_id is not None:
                return versions.compare_run(run_id), versions.all()
            return versions.compare(*(pair or (0, 0))), versions.all()

        self.run(compare, self._show, self._failed)

    def _show(self, answer: tuple[Comparison, list[VersionInfo]]) -> None:
        comparison, versions = answer
        self.comparison = comparison
        if comparison.old_version_id is not None:
            self._name_pair(comparison, comparison.old_version_id, versions)
        self.summary.setText(self._sentence(comparison, versions))
        old = comparison.old.scores if comparison.old else None
        new = comparison.new.scores if comparison.new else None
        for band, card in self.cards.items():
            name = band.value if band else "total"
            card.show_scores(getattr(old, name, None), getattr(new, name, None))
        self.tabs.addTab(self._class_page(comparison), _("Classes"))
        count = number(comparison.changed_count)
        self.tabs.addTab(
            self._changed_page(comparison), _("Predictions that change ({0})").format(count)
        )
        self._show_state(versions)

    def _name_pair(
        self, comparison: Comparison, old_id: int, versions: Sequence[VersionInfo]
    ) -> None:
        """Name the two versions in the title and on the buttons."""
        found = {item.version_id: item for item in versions}
        old, new = (
            version_title(found[i]) if i in found else DASH for i in (old_id, comparison.version_id)
        )
        self._titles = old, new
        self.setWindowTitle(_("{old} and {new}").format(old=old, new=new))
        short = self.promote.fontMetrics().elidedText(new, Qt.TextElideMode.ElideRight, 240)
        self.promote.setText(_("&Use {new}").format(new=short.replace("&", "&&")))
        self.promote.setToolTip(new)
        self.discard.hide()

    def _failed(self, error: Exception) -> None:
        self.summary.setText(_("There is nothing to compare."))
        missing = isinstance(error, KeyError)
        reason = _("This version does not exist: none was made, or it has been deleted.")
        self.strip.show_text(reason if missing else str(error), "warning")

    def _sentence(self, comparison: Comparison, versions: Sequence[VersionInfo]) -> str:
        classes = comparison.new.classes if comparison.new else []
        enough = sum(1 for item in classes if item.average_precision is not None)
        if comparison.old_version_id is not None:
            return "\n".join(self._pair_sentences(comparison, versions, enough))
        held_out = _(
            "Mean average precision (mAP) in percent, on annotations held out from training; "
            "{0} of {1} classes have enough of them to be measured."
        ).format(number(enough), number(len(classes)))
        library = _("In the library {0} in {1} would change: {2} appear, {3} vanish.").format(
            predictions_text(comparison.changed_count),
            photos_text(comparison.changed_images),
            number(comparison.gained),
            number(comparison.lost),
        )
        return "\n".join(filter(None, (held_out, self._calibration(comparison), library)))

    def _pair_sentences(
        self, comparison: Comparison, versions: Sequence[VersionInfo], enough: int
    ) -> list[str]:
        """What two versions are measured on, and what would change from one to the other."""
        old, new = self._titles
        if comparison.new is None:
            measured = _(
                "No photo is held out from training yet (a retraining holds some out), so there is "
                "no average precision to compare."
            )
        else:
            measured = _(
                "Old: {old}. New: {new}. Mean average precision (mAP) in percent, both on the same "
                "photos held out from training, as they are annotated now; {enough} of {all} "
                "classes have enough of them to be measured."
            ).format(
                old=old, new=new, enough=number(enough), all=number(len(comparison.new.classes))
            )
        change = _(
            "From “{old}” to “{new}” {predictions} in {photos} change: {gained} appear, {lost} "
            "vanish."
        ).format(
            old=old,
            new=new,
            predictions=predictions_text(comparison.changed_count),
            photos=photos_text(comparison.changed_images),
            gained=number(comparison.gained),
            lost=number(comparison.lost),
        )
        imported = [
            item
            for item in versions
            if item.version_id in (comparison.old_version_id, comparison.version_id)
            and item.version_id != 0
            and item.run_id is None
        ]
        caution = _(
            "An imported version may have learned from the photos that it is measured on here."
        )
        return [measured, change, *([caution] if imported and comparison.new else [])]

    def _calibration(self, comparison: Comparison) -> str:
        """How well scores match probabilities, and how many classes share a threshold."""
        figures = comparison.new.extra if comparison.new else {}
        parts: list[str] = []
        after, before = figures.get("ECE"), figures.get("ECE_before")
        if after is not None and before is not None:
            parts.append(
                _("Calibration error {0} (before calibration {1}).").format(
                    percent(after), percent(before)
                )
            )
        if sharing := round(figures.get("classes_sharing_threshold", 0)):
            parts.append(
                _(
                    "{0} with fewer than 5 held-out annotations of either kind: they share one "
                    "threshold."
                ).format(classes_text(sharing))
            )
        return " ".join(parts)

    def _class_page(self, comparison: Comparison) -> QWidget:
        model = ClassComparisonModel(class_comparisons(comparison), self)
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(model)
        proxy.setSortRole(SORT_ROLE)
        self.table = QTableView()
        self.table.setObjectName("class-comparison")
        self.table.setAccessibleName(_("Classes, old and new"))
        self.table.setModel(proxy)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        style_table(self.table, 0, {1: 100, 2: 100, 3: 84, 4: 72, 5: 72, 6: 170})
        return self.table

    def _changed_page(self, comparison: Comparison) -> QWidget:
        snapshot = self.session.snapshot()
        lines = changed_lines(comparison, snapshot)
        self.changed = ChangedModel(lines, self)
        view = ScoredThumbnailView(self.changed, self._loader, lines=2)
        view.setObjectName("changed-predictions")
        view.setAccessibleName(_("Predictions that change"))
        view.image_activated.connect(lambda image: self.images_requested.emit([image]))
        box = QComboBox()
        box.setObjectName("changed-class")
        box.setAccessibleName(_("Class"))
        box.addItem(_("All classes"), "")
        for name in sorted({line.class_name for line in lines}, key=str.casefold):
            box.addItem(name, name)
        model = self.changed
        box.currentIndexChanged.connect(lambda _index: model.set_class(box.currentData()))
        show = QPushButton(_("Show these photos in the &grid"))
        show.setAutoDefault(False)
        show.clicked.connect(self._request_images)
        show.setEnabled(bool(lines))
        page = QWidget()
        head = QHBoxLayout()
        head.addWidget(box)
        head.addWidget(self._few(comparison, len(lines)), 1)
        head.addWidget(show)
        layout = QVBoxLayout(page)
        layout.addLayout(head)
        layout.addWidget(view, 1)
        return page

    def _few(self, comparison: Comparison, shown: int) -> QLabel:
        if not comparison.changed_count:
            return muted(_("No prediction changes."))
        if shown < comparison.changed_count:
            return muted(_("The {0} with the largest change").format(number(shown)))
        return muted(_("Largest changes first"))

    def _request_images(self) -> None:
        if self.changed is not None:
            ids = dict.fromkeys(line.change.image_id for line in self.changed.rows)
            self.images_requested.emit(list(ids))

    def _refresh_state(self) -> None:
        if self.comparison is not None:
            self._request.ask(self.session.versions.all)

    def _show_state(self, versions: Sequence[VersionInfo]) -> None:
        """Show whether the new version can be promoted, also after changes made elsewhere."""
        if self.comparison is None:
            return
        requested = self.comparison.version_id
        found = next((item for item in versions if item.version_id == requested), None)
        active = found is not None and found.active
        undecided = found is not None and not found.active
        self.promote.setEnabled(undecided)
        self.discard.setEnabled(undecided)
        self.later.setText(_("Decide &later") if undecided else _("&Close"))
        if active:
            self.strip.show_text(_("This version is in use. You can roll back under Versions."))
        elif found is None:
            self.strip.show_text(_("This version has been discarded."))

    def promote_new(self) -> None:
        """Predict with the new version from now on."""
        self._decide(self.session.versions.promote, self.promoted)

    def discard_new(self) -> None:
        """Delete the new version; predictions stay as they are."""
        self._decide(self.session.versions.discard, self.discarded)

    def _decide(self, act: Callable[[int], object], decided: SignalInstance) -> None:
        """Call ``act`` with the new version, then emit ``decided`` and close."""
        if self.comparison is None:
            return
        version = self.comparison.version_id
        self.promote.setEnabled(False)
        self.discard.setEnabled(False)

        def done(_result: object) -> None:
            decided.emit(version)
            self.accept()

        self.run(lambda: act(version), done, self._refused)

    def _refused(self, error: Exception) -> None:
        self.show_error(error)
        self._refresh_state()
