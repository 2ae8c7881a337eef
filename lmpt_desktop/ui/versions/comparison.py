"""Two versions side by side, before the user decides.

It opens on what one can see, the predictions that change; figures come last, with how sure they
are.  See docs/adr/0018-comparison.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSortFilterProxyModel, Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from lmpt_desktop.engine.notices import VersionsChanged
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.comparison import Comparison
from lmpt_desktop.engine.versions.versions import VersionInfo
from lmpt_desktop.error_texts import message_of
from lmpt_desktop.inference.measurement import MeanMeasurement
from lmpt_desktop.translation import N_, _, number
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.dialogs import LibraryDialog, larger, muted, named_button, style_table
from lmpt_desktop.ui.kit.label import Label
from lmpt_desktop.ui.kit.scored_thumbnails import ScoredThumbnailView
from lmpt_desktop.ui.kit.tasks import LatestRequest
from lmpt_desktop.ui.kit.texts import DASH, NOT_MEASURABLE, classes_text, percent
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.versions.comparison_models import (
    SORT_ROLE,
    ChangedModel,
    ClassComparisonModel,
    CorrectionsModel,
    Outcome,
    change_colour,
    changed_lines,
    class_lines,
    correction_lines,
)
from lmpt_desktop.ui.versions.comparison_texts import (
    AP_TIP,
    CORRECTIONS_EXPLAINED,
    calibration_text,
    corrections_text,
    figures_text,
    interval_text,
    library_text,
    seen_text,
    verdict_text,
)
from lmpt_desktop.ui.versions.versions_model import version_title
from trainer.bands import Band

CARD_TITLES: dict[Band | None, str] = {
    None: N_("All classes"),
    Band.HEAD: N_("Common classes"),
    Band.MEDIUM: N_("Fairly common classes"),
    Band.TAIL: N_("Rare classes"),
}


class ScoreCard(QFrame):
    """The mean of some classes: the new one in large, the difference and the old one below."""

    def __init__(self, band: Band | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = "muted"
        self.setObjectName("score-card")
        self.setToolTip(_(AP_TIP))
        self._name = Label(_(CARD_TITLES[band]))
        self.figure = Label(DASH)
        self.figure.setFont(larger(self.font(), 1.9))
        self.change = Label(_(NOT_MEASURABLE))
        self.change.setWordWrap(True)
        self.change.setObjectName("score-change")
        self.beneath = Label()
        self.beneath.setObjectName("score-beneath")
        self.beneath.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(1)
        for label in (self._name, self.figure, self.change, self.beneath):
            layout.addWidget(label)
        layout.addStretch(1)
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def show_mean(self, mean: MeanMeasurement | None) -> None:
        """Show a mean; None where no class can be measured."""
        if mean is not None:
            self.figure.setText(percent(mean.new))
            self.change.setText(interval_text(mean.change))
            self.beneath.setText(
                _("was {old}; {classes}").format(
                    old=percent(mean.old), classes=classes_text(mean.classes)
                )
            )
            self._colour = change_colour(mean.change)
        texts = (self._name, self.figure, self.change, self.beneath)
        self.setAccessibleName(", ".join(label.text() for label in texts if label.text()))
        self._restyle()

    def _restyle(self, *_: object) -> None:
        colours = theme.current()
        self.setStyleSheet(
            f"#score-card {{ background: {colours.surface}; border: 1px solid {colours.border}; "
            "border-radius: 6px; } "
            f"#score-change {{ color: {colours.colour(self._colour).name()}; }} "
            f"#score-beneath {{ color: {colours.muted}; }}"
        )


class ComparisonDialog(LibraryDialog):
    """The result of a run, or any two versions: use the new one, keep the present one, or make
    more of it measurable first."""

    promoted = Signal(int)
    """Version id."""
    discarded = Signal(int)
    """Version id."""
    images_requested = Signal(list)
    """Show these image ids in the grid."""
    measure_requested = Signal()
    """Ask for the answers that are missing to measure."""

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
        room = self.screen().availableSize()
        self.resize(min(1010, room.width() - 14), min(660, room.height() - 60))
        self._titles = ("", "")
        self._loader = loader
        self.comparison: Comparison | None = None
        self.changed: ChangedModel | None = None
        self.corrections: CorrectionsModel | None = None
        self.verdict = Label(_("Comparing..."))
        self.verdict.setObjectName("comparison-verdict")
        self.verdict.setWordWrap(True)
        self.verdict.setFont(larger(self.font(), 1.15))
        self.summary = muted()
        self.summary.setObjectName("comparison-summary")
        self.cards = {band: ScoreCard(band) for band in (None, *Band)}
        self.tabs = QTabWidget()
        # None is the default: Enter must not decide what is not known.
        self.promote = named_button("promote", _("&Use this version"))
        self.discard = named_button("discard", _("&Delete the new version"))
        self.measure = named_button("measure", _("&Make it measurable: about 30 answers"))
        self.measure.setToolTip(
            _("Asks for the photos with and without a class that are missing to measure it")
        )
        self.measure.hide()
        self.keep = named_button("keep", _("&Keep the present one"))
        self.keep.setToolTip(_("Nothing changes; the new version stays in the list of versions"))
        foot = QHBoxLayout()
        foot.addWidget(self.discard)
        foot.addStretch(1)
        for button in (self.measure, self.keep, self.promote):
            foot.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(self.verdict)
        layout.addWidget(self.summary)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.strip)
        layout.addLayout(foot)
        self.promote.clicked.connect(self.promote_new)
        self.discard.clicked.connect(self.discard_new)
        self.measure.clicked.connect(self.measure_requested)
        self.keep.clicked.connect(self.reject)
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

    # ----------------------------------------------------------------------------- showing

    def _show(self, answer: tuple[Comparison, list[VersionInfo]]) -> None:
        comparison, versions = answer
        self.comparison = comparison
        if comparison.run_id is None:
            self._name_pair(comparison, versions)
        self.verdict.setText(verdict_text(comparison))
        self.summary.setText("\n".join(self._sentences(comparison, versions)))
        for page, title in (
            (
                self._changed_page(comparison),
                _("Predictions that change ({0})").format(number(comparison.changed_count)),
            ),
            (
                self._corrections_page(comparison),
                _("Your corrections ({0})").format(number(comparison.corrections.total.count)),
            ),
            (self._class_page(comparison), _("Classes")),
            (self._figures_page(comparison), _("Figures")),
        ):
            self.tabs.addTab(page, title)
        self.tabs.setFocus()
        self._show_state(versions)

    def _name_pair(self, comparison: Comparison, versions: Sequence[VersionInfo]) -> None:
        """Name the two versions in the title and on the buttons."""
        found = {item.version_id: item for item in versions}
        old, new = (
            version_title(found[i]) if i in found else DASH
            for i in (comparison.old_version_id, comparison.version_id)
        )
        self._titles = old, new
        self.setWindowTitle(_("{old} and {new}").format(old=old, new=new))
        short = self.promote.fontMetrics().elidedText(new, Qt.TextElideMode.ElideRight, 240)
        self.promote.setText(_("&Use {new}").format(new=short.replace("&", "&&")))
        self.promote.setToolTip(new)
        self.discard.hide()

    def _failed(self, error: Exception) -> None:
        self.verdict.setText(_("There is nothing to compare."))
        missing = isinstance(error, KeyError)
        reason = _("This version does not exist: none was made, or it has been deleted.")
        self.strip.show_text(reason if missing else message_of(error), "warning")

    def _sentences(self, comparison: Comparison, versions: Sequence[VersionInfo]) -> list[str]:
        """What is known beside the figures."""
        sentences = [library_text(comparison), corrections_text(comparison.corrections)]
        if comparison.run_id is None:
            old, new = self._titles
            sentences.insert(0, _("Old: {old}. New: {new}.").format(old=old, new=new))
        imported = any(
            item.version_id in (comparison.old_version_id, comparison.version_id)
            and item.version_id != 0
            and item.run_id is None
            for item in versions
        )
        if imported and comparison.measurement is not None:
            sentences.append(
                _(
                    "An imported version may have learned from the photos that it is measured on "
                    "here."
                )
            )
        return sentences

    def _class_page(self, comparison: Comparison) -> QWidget:
        model = ClassComparisonModel(class_lines(comparison), self)
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(model)
        proxy.setSortRole(SORT_ROLE)
        self.table = QTableView()
        self.table.setObjectName("class-comparison")
        self.table.setAccessibleName(_("Classes, old and new"))
        self.table.setModel(proxy)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        style_table(self.table, 0, {1: 100, 2: 90, 3: 90, 4: 56, 5: 56, 6: 164, 7: 150})
        return self.table

    def _figures_page(self, comparison: Comparison) -> QWidget:
        page = QWidget()
        cards = QHBoxLayout()
        found = comparison.measurement
        for band, card in self.cards.items():
            card.show_mean(found.means.get(band) if found is not None else None)
            cards.addWidget(card, 1)
        self.explanation = muted(
            "\n".join(
                filter(
                    None,
                    (
                        figures_text(found) if found is not None else verdict_text(comparison),
                        calibration_text(comparison),
                    ),
                )
            )
        )
        self.explanation.setObjectName("comparison-explanation")
        layout = QVBoxLayout(page)
        layout.setSpacing(10)
        layout.addLayout(cards)
        layout.addWidget(self.explanation)
        layout.addStretch(1)
        return page

    def _changed_page(self, comparison: Comparison) -> QWidget:
        snapshot = self.session.snapshot()
        lines = changed_lines(comparison, snapshot)
        self.changed = ChangedModel(lines, self)
        view = self._thumbnails(self.changed, "changed-predictions", _("Predictions that change"))
        box = QComboBox()
        box.setObjectName("changed-class")
        box.setAccessibleName(_("Class"))
        box.addItem(_("All classes"), "")
        for name in sorted({line.class_name for line in lines}, key=str.casefold):
            box.addItem(name, name)
        model = self.changed
        box.currentIndexChanged.connect(lambda _index: model.set_class(box.currentData()))
        show = named_button("show-changed", _("Show these photos in the &grid"))
        show.clicked.connect(
            lambda: self._request_images([line.change.image_id for line in model.rows])
        )
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

    def _corrections_page(self, comparison: Comparison) -> QWidget:
        found = comparison.corrections
        self.corrections = model = CorrectionsModel(
            correction_lines(comparison, self.session.snapshot()), self
        )
        view = self._thumbnails(model, "corrections", _("Your corrections"))
        total = found.total
        both_wrong = total.count - total.old_right - total.new_right
        box = QComboBox()
        box.setObjectName("outcome")
        box.setAccessibleName(_("Which corrections"))
        box.addItem(_("All ({count})").format(count=number(total.count)), None)
        for text, outcome, count in (
            (_("The new version is wrong ({count})"), Outcome.WRONG, total.old_right),
            (_("The new version is right ({count})"), Outcome.RIGHT, total.new_right),
            (_("Both are wrong ({count})"), Outcome.BOTH_WRONG, both_wrong),
            (_("It has not learned from ({count})"), Outcome.UNSEEN, found.unseen.count),
        ):
            if outcome is not Outcome.UNSEEN or found.known:
                box.addItem(text.format(count=number(count)), outcome)
        box.currentIndexChanged.connect(lambda _index: model.set_outcome(box.currentData()))
        show = named_button("show-corrections", _("Show these photos in the g&rid"))
        show.clicked.connect(
            lambda: self._request_images([line.correction.image_id for line in model.rows])
        )
        show.setEnabled(bool(model.rows))
        head = QHBoxLayout()
        head.addWidget(box)
        head.addStretch(1)
        head.addWidget(show)
        seen = Label(seen_text(found))
        seen.setObjectName("corrections-seen")
        seen.setWordWrap(True)
        seen.setVisible(bool(seen.text()))
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.addWidget(seen)
        layout.addWidget(muted(_(CORRECTIONS_EXPLAINED)))
        layout.addLayout(head)
        layout.addWidget(view, 1)
        return page

    def _thumbnails(
        self, model: ChangedModel | CorrectionsModel, name: str, title: str
    ) -> ScoredThumbnailView:
        view = ScoredThumbnailView(model, self._loader, lines=2)
        view.setObjectName(name)
        view.setAccessibleName(title)
        view.image_activated.connect(lambda image: self.images_requested.emit([image]))
        return view

    def _few(self, comparison: Comparison, shown: int) -> Label:
        if not comparison.changed_count:
            return muted(_("No prediction changes."))
        if shown < comparison.changed_count:
            return muted(_("The {0} with the largest change").format(number(shown)))
        return muted(_("Largest changes first"))

    def _request_images(self, image_ids: Sequence[int]) -> None:
        self.images_requested.emit(list(dict.fromkeys(image_ids)))

    # ------------------------------------------------------------------------------- state

    def _refresh_state(self) -> None:
        if self.comparison is not None:
            self._request.ask(self.session.versions.all)

    def _show_state(self, versions: Sequence[VersionInfo]) -> None:
        """Show whether the new version can be used, also after changes made elsewhere."""
        if self.comparison is None:
            return
        requested = self.comparison.version_id
        found = next((item for item in versions if item.version_id == requested), None)
        active = found is not None and found.active
        undecided = found is not None and not found.active
        self.promote.setEnabled(undecided)
        self.discard.setEnabled(undecided)
        self.measure.setVisible(undecided and self._can_measure_more())
        self.keep.setText(_("&Keep the present one") if undecided else _("&Close"))
        self._choose_default(undecided)
        if active:
            self.strip.show_text(
                _("This version is in use. Under Versions you can go back to the one before.")
            )
        elif found is None:
            self.strip.show_text(_("This version has been deleted."))

    def _can_measure_more(self) -> bool:
        found = self.comparison.measurement if self.comparison is not None else None
        return found is None or found.measurable < len(found.classes)

    def _choose_default(self, undecided: bool) -> None:
        """Enter may do what the figures say, but only where they say something."""
        found = self.comparison.measurement if self.comparison is not None else None
        change = found.change if found is not None else None
        decided = undecided and change is not None and change.decided
        self.promote.setDefault(decided and change is not None and change.low > 0)
        self.keep.setDefault(decided and change is not None and change.high < 0)

    # -------------------------------------------------------------------------------- acts

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
