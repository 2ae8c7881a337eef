"""Comparison page and versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTableView,
)
from pytestqt.qtbot import QtBot
from ui_libraries import (
    ANNOTATED,
    CLASS_NAMES,
    CUP,
    DOG,
    LIGHT,
    PERSON,
    Locked,
    add_run,
    add_version,
    annotate_sample,
    evaluation,
)

from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.engine.versions.comparison import CorrectionSummary
from lmpt_desktop.inference.bootstrap import Interval
from lmpt_desktop.inference.confirmation import confirmation
from lmpt_desktop.inference.corrections import Tally
from lmpt_desktop.inference.measurement import ClassMeasurement, MeanMeasurement, Measurement
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.bridge import SessionBridge
from lmpt_desktop.ui.kit.scored_thumbnails import ScoredThumbnailView
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader
from lmpt_desktop.ui.versions.comparison import ComparisonDialog
from lmpt_desktop.ui.versions.comparison_models import changed_lines, most_telling
from lmpt_desktop.ui.versions.dialog import VersionsDialog
from trainer.bands import Band
from trainer.events import BandScores
from trainer.prompt_set import ClassResult, Evaluation, ThresholdBasis

WAIT_MS = 10_000
SHIFT = (2.0, -2.0, 2.0, 0.0, 0.0, -2.0)
"""The new prompts see more dogs and traffic lights, and fewer persons and cups."""

Compare = Callable[..., ComparisonDialog]


def thumbnail(image_id: int, _version: str, size: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (size, size * 3 // 4), (image_id * 20 % 255, 90, 120)).save(buffer, "JPEG")
    return buffer.getvalue()


def judged(
    gain: float, names: tuple[str, ...] = CLASS_NAMES, extra: dict[str, float] | None = None
) -> Evaluation:
    """Average precisions of 70, 60, 50 and 40 percent, and ``gain`` above; the last two classes
    could not be judged."""
    precisions = {
        name: None if place >= 4 else 0.7 - 0.1 * place + gain for place, name in enumerate(names)
    }
    scores = BandScores(0.55 + gain, 0.7 + gain, 0.5 + gain, None)
    return evaluation(precisions, scores, **(extra or {}))


@pytest.fixture
def loader(qtbot: QtBot) -> Iterator[ThumbnailLoader]:
    loader = ThumbnailLoader(thumbnail)
    yield loader
    loader.close()


@pytest.fixture
def run_id(session: LibrarySession) -> int:
    """A run that made a version; it learned dog and kite from 9 photos, person and hair drier
    from 5, traffic light and cup from 3."""
    run = add_run(session)
    add_version(
        session,
        judged=judged(0.06),
        baseline=judged(0.0),
        shift=SHIFT,
        train_present=(9, 5, 3, 9, 5, 3),
        run_id=run,
    )
    return run


@pytest.fixture
def compare(
    session: LibrarySession, bridge: SessionBridge, loader: ThumbnailLoader, qtbot: QtBot
) -> Compare:
    """Show a comparison and wait until it is made."""

    def show(run_id: int | None, pair: tuple[int, int] | None = None) -> ComparisonDialog:
        dialog = ComparisonDialog(session, run_id, loader, bridge, pair=pair)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: dialog.comparison is not None, timeout=WAIT_MS)
        return dialog

    return show


@pytest.fixture
def verdicts(session: LibrarySession, run_id: int) -> None:
    """The dog that appears with the largest step is there; so is the person that vanishes so."""
    changes = session.versions.compare_run(run_id).changed
    for class_id in (DOG, PERSON):
        change = next(item for item in changes if item.class_id == class_id)
        session.annotations.annotate([change.image_id], [class_id], Verdict.PRESENT)


@pytest.fixture
def dialog(compare: Compare, run_id: int, verdicts: None) -> ComparisonDialog:
    return compare(run_id)


def cells(table: QTableView, row: int) -> list[str]:
    model = table.model()
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def changes_by_hand(session: LibrarySession) -> tuple[np.ndarray, np.ndarray]:
    """Which predictions appear and which vanish, from the zero-shot scores and :data:`SHIFT`."""
    scores = session.snapshot().scores
    with np.errstate(invalid="ignore"):
        after = 1 / (1 + np.exp(-(np.log(scores / (1 - scores)) + np.array(SHIFT))))
        return (scores < 0.5) & (after >= 0.5), (scores >= 0.5) & (after < 0.5)


@pytest.fixture
def measured(session: LibrarySession) -> None:
    """All annotated photos are held out: person has 5 of either kind, the others do not."""
    annotate_sample(session)
    session.catalogue.runs.add_held_out(range(1, ANNOTATED + 1))


def made_up(change: Interval, *, confirmed: int = 0) -> Measurement:
    """Dog and person can be measured and differ by ``change``; traffic light cannot."""
    old = 0.6
    new = old + change.estimate
    return Measurement(
        images=40,
        classes=(
            ClassMeasurement(DOG, "dog", Band.HEAD, 30, 8, 32, old, new, change),
            ClassMeasurement(PERSON, "person", Band.TAIL, 5, 5, 35, old, new, change),
            ClassMeasurement(LIGHT, "traffic light", Band.TAIL, 1, 2, 38),
        ),
        means={
            None: MeanMeasurement(2, old, new, change),
            Band.HEAD: MeanMeasurement(1, old, new, change),
            Band.TAIL: MeanMeasurement(1, old, new, change),
        },
        present=15,
        confirmed=confirmed,
        resamples=1000,
    )


BETTER, WORSE = Interval(0.031, 0.01, 0.074), Interval(-0.031, -0.074, -0.01)
UNDECIDED = Interval(0.031, -0.01, 0.074)


@pytest.fixture
def compare_made_up(
    session: LibrarySession, run_id: int, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ComparisonDialog]:
    """Show the comparison with other findings."""
    real = session.versions.compare_run(run_id)

    def show(**findings: Any) -> ComparisonDialog:
        changed = replace(real, **findings)
        monkeypatch.setattr(session.versions, "compare_run", lambda _run: changed)
        return compare(run_id)

    return show


def test_it_opens_on_the_predictions_that_change_and_ends_with_figures(
    dialog: ComparisonDialog, session: LibrarySession
) -> None:
    titles = [dialog.tabs.tabText(place).split(" (")[0] for place in range(dialog.tabs.count())]
    assert titles == ["Predictions that change", "Your corrections", "Classes", "Figures"]
    assert dialog.tabs.currentIndex() == 0
    gained, lost = changes_by_hand(session)
    count, photos = (gained | lost).sum(), (gained | lost).any(axis=1).sum()
    assert gained.sum() > 5 and lost.sum() > 5
    assert (
        f"{count} predictions would change, in {photos} photos: {gained.sum()} appear, "
        f"{lost.sum()} vanish."
    ) in dialog.summary.text()


def test_nothing_is_the_default_while_nothing_is_known(
    dialog: ComparisonDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    assert "It is not known which version is better" in dialog.verdict.text()
    assert not any(button.isDefault() for button in dialog.findChildren(QPushButton))
    assert dialog.measure.isVisible()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        qtbot.keyClick(dialog, key)
        qtbot.keyClick(dialog.tabs, key)
    assert dialog.isVisible()
    assert [item.version_id for item in session.versions.all() if item.active] == [0]


@pytest.mark.parametrize(
    ("change", "words", "default"),
    [
        (BETTER, "The new version does better on the 2 of 3 classes", "promote"),
        (WORSE, "The new version does worse on the 2 of 3 classes", "keep"),
        (UNDECIDED, "No difference can be told yet: +3.1 (−1.0 to +7.4)", ""),
        (Interval(0.0, 0.0, 0.0), "No difference shows on the 2 of 3 classes", ""),
    ],
)
def test_it_says_what_is_known_and_enter_does_no_more(
    compare_made_up: Callable[..., ComparisonDialog], change: Interval, words: str, default: str
) -> None:
    dialog = compare_made_up(measurement=made_up(change))
    assert words in dialog.verdict.text()
    defaults = [item.objectName() for item in dialog.findChildren(QPushButton) if item.isDefault()]
    assert defaults == ([default] if default else [])


@pytest.mark.parametrize(
    ("change", "colour"), [(BETTER, "present"), (WORSE, "error"), (UNDECIDED, "muted")]
)
def test_only_what_is_decided_is_coloured(
    compare_made_up: Callable[..., ComparisonDialog], change: Interval, colour: str
) -> None:
    dialog = compare_made_up(measurement=made_up(change, confirmed=4))
    shade = theme.current().colour(colour).name()
    assert f"#score-change {{ color: {shade}; }}" in dialog.cards[None].styleSheet()
    cell = dialog.table.model().index(0, 6).data(Qt.ItemDataRole.ForegroundRole)
    assert cell.name() == shade
    assert "grey where it may as well be none" in dialog.explanation.text()
    assert "4 of 15 present annotations were only confirmed" in dialog.explanation.text()


def test_each_class_is_compared_or_not_measurable_yet(
    compare_made_up: Callable[..., ComparisonDialog],
) -> None:
    dialog = compare_made_up(measurement=made_up(UNDECIDED))
    dog, _person, light = (cells(dialog.table, row) for row in range(3))
    assert dog[2:7] == ["30", "8 / 32", "60.0", "63.1", "+3.1 (−1.0 to +7.4)"]
    assert light[2:7] == ["1", "2 / 38", "–", "–", "Not measurable yet"]
    medium = dialog.cards[Band.MEDIUM]
    assert (medium.figure.text(), medium.change.text()) == ("–", "Not measurable yet")
    assert dialog.cards[None].beneath.text() == "was 60.0; 2 classes"


RESULTS = {
    DOG: ClassResult("dog", 30, 8, 32, 0.6, 0.312, ThresholdBasis.OWN, 0.224, 0.4),
    PERSON: ClassResult("person", 5, 5, 35, 0.6, 0.35, ThresholdBasis.SHARED),
}


def test_each_threshold_says_how_sure_it_is_and_sorts_as_a_number(
    compare_made_up: Callable[..., ComparisonDialog],
) -> None:
    dialog = compare_made_up(measurement=made_up(UNDECIDED), results=RESULTS)
    table = dialog.table
    column = len(cells(table, 0)) - 1
    title = table.model().headerData(column, Qt.Orientation.Horizontal)
    assert title == "Threshold"
    shown = {cells(table, row)[0]: cells(table, row)[column] for row in range(3)}
    assert shown == {
        "dog": "0.31 (0.22 to 0.40)",
        "person": "0.35 (shared)",
        "traffic light": "–",
    }
    table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
    assert [cells(table, row)[0] for row in range(3)] == ["person", "dog", "traffic light"]
    tips = [table.model().index(row, column).data(Qt.ItemDataRole.ToolTipRole) for row in range(3)]
    assert "threshold of all classes together" in tips[0]
    assert "8 photos with the class and 32 photos without it" in tips[1]
    assert tips[2] is None


def test_the_classes_fit_a_screen_of_1024_pixels(
    compare_made_up: Callable[..., ComparisonDialog], qtbot: QtBot
) -> None:
    dialog = compare_made_up(measurement=made_up(UNDECIDED), results=RESULTS)
    table = dialog.table
    dialog.tabs.setCurrentIndex(2)
    dialog.resize(1010, 600)
    qtbot.waitUntil(lambda: table.viewport().width() > 900, timeout=WAIT_MS)
    widths = [table.columnWidth(column) for column in range(len(cells(table, 0)))]
    assert sum(widths) <= table.viewport().width()
    for column, width in enumerate(widths):
        needed = max(
            table.fontMetrics().horizontalAdvance(cells(table, row)[column]) for row in range(3)
        )
        assert needed < width, widths


def test_a_comparison_knows_the_thresholds_of_the_new_versions_training(
    run_id: int, session: LibrarySession
) -> None:
    results = session.versions.compare_run(run_id).results
    assert results[DOG].name == "dog"
    assert results[PERSON].held_out_present == 7
    version = next(item for item in session.versions.all() if item.run_id == run_id)
    # The other way round the new one is zero-shot prediction, which no training made.
    assert session.versions.compare(version.version_id, 0).results == {}


def test_the_classes_that_say_something_come_first() -> None:
    better, undecided, unknown = (
        replace(item, change=change)
        for item, change in zip(made_up(BETTER).classes, (BETTER, UNDECIDED, None), strict=True)
    )
    assert most_telling([unknown, undecided, better]) == [better, undecided, unknown]


def test_the_library_itself_is_measured(
    measured: None, compare: Compare, run_id: int, session: LibrarySession
) -> None:
    """The new version adds the same to every photo's score, which ranks them as before."""
    dialog = compare(run_id)
    assert "No difference shows on the 1 of 6 classes" in dialog.verdict.text()
    rows = {cells(dialog.table, row)[0]: cells(dialog.table, row) for row in range(6)}
    assert rows["person"][3] == "5 / 5" and rows["person"][6] == "no difference"
    assert rows["dog"][3] == "9 / 1" and rows["dog"][6] == "Not measurable yet"
    assert dialog.measure.isVisible()
    session.versions.promote(1)


def test_figures_sort_as_numbers(compare_made_up: Callable[..., ComparisonDialog]) -> None:
    table = compare_made_up(measurement=made_up(BETTER)).table
    table.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert [cells(table, row)[2] for row in range(3)] == ["1", "5", "30"]
    table.sortByColumn(6, Qt.SortOrder.AscendingOrder)
    assert cells(table, 0)[0] == "traffic light"
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert cells(table, 0)[0] == "dog"


def test_calibration_and_shared_thresholds_are_shown(
    session: LibrarySession, compare: Compare
) -> None:
    extra = {"ECE": 0.021, "ECE_before": 0.113, "classes_sharing_threshold": 2.0}
    run = add_run(session)
    add_version(session, judged=judged(0.06, extra=extra), baseline=judged(0.0), run_id=run)
    text = compare(run).explanation.text()
    assert "off by 2.1 percentage points" in text and "calibrated: 11.3" in text
    assert "2 classes with fewer than 5 held-out annotations of either kind" in text
    assert "share one threshold" in text


def test_corrections_are_counted_for_both_versions(
    session: LibrarySession, run_id: int, compare: Compare
) -> None:
    gained, lost = changes_by_hand(session)
    rows, columns = np.nonzero(gained | lost)
    ids, classes = session.snapshot().image_ids[rows], session.snapshot().class_ids[columns]
    # Of the first three the new version is right, of the fourth the old one.
    truth = gained[rows, columns].copy()
    truth[3] = not truth[3]
    session.annotations.apply(ids[:4], classes[:4], truth[:4].astype(np.int8))
    dialog = compare(run_id)
    assert (
        "Of your 4 corrections the old version has 1 right, the new one 3. It is not known which "
        "of them it has learned from."
    ) in dialog.summary.text()
    assert dialog.tabs.tabText(1) == "Your corrections (4)"
    box = dialog.findChild(QComboBox, "outcome")
    assert box is not None and dialog.corrections is not None
    assert [box.itemText(place) for place in range(box.count())] == [
        "All (4)",
        "The new version is wrong (1)",
        "The new version is right (3)",
        "Both are wrong (0)",
    ]
    box.setCurrentIndex(1)
    [line] = dialog.corrections.rows
    assert line.correction.image_id == ids[3] and line.correction.old_right
    spoken = str(dialog.corrections.index(0).data(Qt.ItemDataRole.AccessibleTextRole))
    assert "the old version was right" in spoken
    wanted: list[list[int]] = []
    dialog.images_requested.connect(wanted.append)
    show = dialog.findChild(QPushButton, "show-corrections")
    assert show is not None
    show.click()
    assert wanted == [[ids[3]]]


def test_corrections_it_has_learned_from_are_counted_apart(
    compare_made_up: Callable[..., ComparisonDialog],
) -> None:
    found = CorrectionSummary((), 60, Tally(48, 3, 31), Tally(30, 0, 25), Tally(18, 3, 6))
    dialog = compare_made_up(corrections=found)
    assert "it has learned from 30 of them" in dialog.summary.text()
    seen = dialog.findChild(QLabel, "corrections-seen")
    assert seen is not None
    assert seen.text() == (
        "Learned from: old 0, new 25 of 30. Not learned from, which says more: old 3, new 6 of 18."
    )
    explained = [label.text() for label in dialog.findChildren(QLabel)]
    assert any("Confirmed predictions" in text for text in explained)


def test_confirmed_predictions_are_no_corrections(
    session: LibrarySession, run_id: int, compare: Compare
) -> None:
    snapshot = session.snapshot()
    session.annotations.confirm(confirmation(snapshot, snapshot.image_ids))
    dialog = compare(run_id)
    assert dialog.comparison is not None
    assert dialog.comparison.corrections.verdicts == 0
    assert "no verdict of your own" in dialog.summary.text()


def test_it_can_ask_for_what_is_missing(dialog: ComparisonDialog, qtbot: QtBot) -> None:
    assert "about 30 answers" in dialog.measure.text()
    with qtbot.waitSignal(dialog.measure_requested):
        qtbot.mouseClick(dialog.measure, Qt.MouseButton.LeftButton)


def test_keeping_the_present_one_changes_nothing(
    dialog: ComparisonDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    assert dialog.keep.text() == "&Keep the present one"
    qtbot.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    assert [(item.version_id, item.active) for item in session.versions.all()] == [
        (1, False),
        (0, True),
    ]


def test_changed_predictions_are_marked_by_whether_they_agree_with_the_user(
    session: LibrarySession, run_id: int, verdicts: None
) -> None:
    lines = changed_lines(session.versions.compare_run(run_id), session.snapshot())
    agreeing = [line for line in lines if line.agrees]
    contradicting = [line for line in lines if line.agrees is False]
    assert [line.class_name for line in agreeing] == ["dog"]
    assert [line.class_name for line in contradicting] == ["person"]
    assert agreeing[0].file_name == session.images.path(agreeing[0].change.image_id).name


def test_changes_of_images_and_classes_that_are_gone_are_left_out(
    session: LibrarySession, run_id: int
) -> None:
    comparison = session.versions.compare_run(run_id)
    assert {item.class_id for item in comparison.changed} == {DOG, PERSON, LIGHT, CUP}
    session.vocabulary.archive([DOG])
    lines = changed_lines(comparison, session.snapshot())
    assert {line.change.class_id for line in lines} == {PERSON, LIGHT, CUP}


def test_the_changed_photos_are_painted_and_filtered_by_class(
    dialog: ComparisonDialog, session: LibrarySession, loader: ThumbnailLoader, qtbot: QtBot
) -> None:
    view = dialog.findChild(ScoredThumbnailView, "changed-predictions")
    box = dialog.findChild(QComboBox, "changed-class")
    assert view is not None and box is not None and dialog.changed is not None
    first = dialog.changed.rows[0]
    view.grab()
    image_id = first.change.image_id
    qtbot.waitUntil(
        lambda: loader.pixmap(image_id, first.fingerprint, 160) is not None, timeout=WAIT_MS
    )
    image = view.grab().toImage()
    red, green, blue = image_id * 20 % 255, 90, 120
    near = [
        (x, y)
        for x in range(10, 120, 5)
        for y in range(10, 120, 5)
        if abs((shade := image.pixelColor(x, y)).red() - red) < 6
        and abs(shade.green() - green) < 6
        and abs(shade.blue() - blue) < 6
    ]
    assert len(near) > 50
    box.setCurrentText("person")
    _gained, lost = changes_by_hand(session)
    assert view.model().rowCount() == lost[:, session.snapshot().column_of[PERSON]].sum()
    line = dialog.changed.rows[0]
    spoken = view.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == (
        f"person vanishes from {line.file_name} ({line.change.old_score:.2f} → "
        f"{line.change.new_score:.2f}), against your annotation"
    )


def test_photos_can_be_shown_in_the_grid(dialog: ComparisonDialog, qtbot: QtBot) -> None:
    wanted: list[list[int]] = []
    dialog.images_requested.connect(wanted.append)
    show = dialog.findChild(QPushButton, "show-changed")
    assert show is not None
    show.click()
    view = dialog.findChild(ScoredThumbnailView, "changed-predictions")
    assert view is not None and dialog.changed is not None
    ids = [line.change.image_id for line in dialog.changed.rows]
    view.activated.emit(view.model().index(2, 0))
    view.activated.emit(QModelIndex())
    assert wanted == [list(dict.fromkeys(ids)), [ids[2]]]


def test_promoting_activates_the_new_version_and_closes(
    dialog: ComparisonDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    gained, lost = changes_by_hand(session)
    before = session.snapshot().predicted
    with qtbot.waitSignal(dialog.promoted) as signal:
        qtbot.mouseClick(dialog.promote, Qt.MouseButton.LeftButton)
    assert signal.args == [1]
    assert [item.version_id for item in session.versions.all() if item.active] == [1]
    assert not dialog.isVisible()
    qtbot.waitUntil(
        lambda: np.array_equal(session.snapshot().predicted, (before | gained) & ~lost),
        timeout=WAIT_MS,
    )


def test_discarding_deletes_it(
    dialog: ComparisonDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(dialog.discarded):
        qtbot.mouseClick(dialog.discard, Qt.MouseButton.LeftButton)
    assert [item.version_id for item in session.versions.all()] == [0]
    assert not any((session.library_folder / "prompt_sets").iterdir())


def test_a_promotion_elsewhere_is_noticed(
    dialog: ComparisonDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    session.versions.promote(1)
    qtbot.waitUntil(lambda: not dialog.promote.isEnabled(), timeout=WAIT_MS)
    assert "in use" in dialog.strip.text
    session.versions.promote(0)
    session.versions.discard(1)
    qtbot.waitUntil(lambda: "deleted" in dialog.strip.text, timeout=WAIT_MS)
    assert not dialog.promote.isEnabled()


def test_a_refused_promotion_keeps_the_page_open(
    dialog: ComparisonDialog, session: LibrarySession, locked: Locked, qtbot: QtBot
) -> None:
    with locked():
        qtbot.mouseClick(dialog.promote, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "Try again" in dialog.strip.text, timeout=WAIT_MS)
    assert dialog.isVisible()
    assert [item.version_id for item in session.versions.all() if item.active] == [0]


def test_a_run_without_prompts_has_nothing_to_compare(
    session: LibrarySession, loader: ThumbnailLoader, qtbot: QtBot
) -> None:
    dialog = ComparisonDialog(session, add_run(session), loader)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: bool(dialog.strip.text), timeout=WAIT_MS)
    assert "none was made" in dialog.strip.text
    assert not dialog.promote.isEnabled()


def test_that_nothing_changed_is_shown(session: LibrarySession, compare: Compare) -> None:
    run = add_run(session)
    add_version(session, judged=judged(0.06), run_id=run)
    dialog = compare(run)
    assert dialog.cards[None].figure.text() == "–"
    assert "No prediction in the library would change." in dialog.summary.text()
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert "No prediction changes." in texts


@pytest.fixture
def two_versions(session: LibrarySession) -> None:
    """Version 1, which is in use, and version 2."""
    add_version(session, judged=judged(0.02), run_id=add_run(session))
    add_version(session, judged=judged(0.04), shift=SHIFT, run_id=add_run(session))
    session.versions.promote(1)


@pytest.fixture
def versions(
    session: LibrarySession, bridge: SessionBridge, two_versions: None, qtbot: QtBot
) -> VersionsDialog:
    dialog = VersionsDialog(session, bridge)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: len(dialog.model.rows) == 3, timeout=WAIT_MS)
    return dialog


def active(session: LibrarySession) -> int:
    """The version in use."""
    [found] = [item.version_id for item in session.versions.all() if item.active]
    return found


def shown_active(dialog: VersionsDialog) -> int:
    """The version that the dialog shows as the one in use."""
    [found] = [item.version_id for item in dialog.model.rows if item.active]
    return found


def test_versions_mark_the_one_in_use_and_give_its_figures(versions: VersionsDialog) -> None:
    rows = [cells(versions.table, row) for row in range(3)]
    assert [row[1] for row in rows] == ["not used yet", "● in use", "used before"]
    assert rows[1][4:] == ["57.0", "72.0", "52.0", "–"]
    assert "6 classes" in versions.details.origin.text()
    assert rows[2][0] == "Plain prompts"
    selected = versions.selected()
    assert selected is not None and selected.active


def test_what_is_in_use_can_be_neither_promoted_nor_discarded(versions: VersionsDialog) -> None:
    assert not versions.promote.isEnabled() and not versions.discard.isEnabled()
    versions.select_version(2)
    assert versions.promote.isEnabled() and versions.discard.isEnabled()
    versions.select_version(0)
    assert versions.promote.isEnabled() and not versions.discard.isEnabled()
    assert not versions.export_button.isEnabled()


def answer(monkeypatch: pytest.MonkeyPatch, button: QMessageBox.StandardButton) -> list[str]:
    """Press ``button`` in every question; what was asked."""
    asked: list[str] = []

    def question(_parent: object, _title: str, text: str, *_more: object) -> object:
        asked.append(text)
        return button

    monkeypatch.setattr(QMessageBox, "question", question)
    return asked


def test_promoting_and_rolling_back_step_by_step(
    versions: VersionsDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    versions.select_version(2)
    qtbot.mouseClick(versions.promote, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown_active(versions) == 2, timeout=WAIT_MS)
    qtbot.mouseClick(versions.roll_back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown_active(versions) == 1, timeout=WAIT_MS)
    qtbot.mouseClick(versions.roll_back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown_active(versions) == 0, timeout=WAIT_MS)
    assert active(session) == 0
    assert not versions.roll_back.isEnabled()


def test_a_version_is_deleted_after_confirmation(
    versions: VersionsDialog,
    session: LibrarySession,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = answer(monkeypatch, QMessageBox.StandardButton.No)
    versions.select_version(2)
    qtbot.mouseClick(versions.discard, Qt.MouseButton.LeftButton)
    assert len(session.versions.all()) == 3
    assert "for good" in asked[0]
    answer(monkeypatch, QMessageBox.StandardButton.Yes)
    qtbot.mouseClick(versions.discard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "was deleted" in versions.strip.text, timeout=WAIT_MS)
    assert [item.version_id for item in session.versions.all()] == [1, 0]


@pytest.mark.parametrize(
    ("chosen", "pair"), [((2,), [1, 2]), ((0,), [1, 0]), ((0, 2), [0, 2]), ((1, 2), [1, 2])]
)
def test_any_two_can_be_compared(
    versions: VersionsDialog, qtbot: QtBot, chosen: tuple[int, ...], pair: list[int]
) -> None:
    versions.select_version(*chosen)
    with qtbot.waitSignal(versions.compare_requested) as signal:
        qtbot.mouseClick(versions.compare, Qt.MouseButton.LeftButton)
    assert signal.args == pair


def test_one_alone_or_three_cannot_be_compared(versions: VersionsDialog) -> None:
    versions.select_version(1)
    assert not versions.compare.isEnabled()
    versions.select_version(0, 1, 2)
    assert not versions.compare.isEnabled()
    assert not versions.promote.isEnabled()


@pytest.mark.usefixtures("two_versions")
def test_two_versions_side_by_side_are_called_by_their_names(
    session: LibrarySession, compare: Compare, qtbot: QtBot
) -> None:
    session.versions.rename(2, "the good one")
    dialog = compare(None, (0, 2))
    gained, lost = changes_by_hand(session)
    assert dialog.windowTitle() == "Plain prompts and the good one"
    assert "Old: Plain prompts. New: the good one." in dialog.summary.text()
    assert f"{(gained | lost).sum()} predictions would change" in dialog.summary.text()
    assert dialog.promote.text() == "&Use the good one"
    assert dialog.discard.isHidden()
    with qtbot.waitSignal(dialog.promoted):
        dialog.promote.click()
    assert active(session) == 2


def test_why_two_versions_cannot_be_compared_is_shown(
    session: LibrarySession, loader: ThumbnailLoader, qtbot: QtBot
) -> None:
    other = add_version(session, backbone="ViT-B-16/openai")
    dialog = ComparisonDialog(session, None, loader, pair=(0, other))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(
        lambda: "Only versions of the backbone in use (lite)" in dialog.strip.text, timeout=WAIT_MS
    )


def test_a_name_and_a_note_are_kept(
    versions: VersionsDialog, session: LibrarySession, qtbot: QtBot
) -> None:
    versions.select_version(2)
    qtbot.keyClicks(versions.details.name, "  my  best ")
    qtbot.keyClick(versions.details.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: cells(versions.table, 0)[0] == "my best", timeout=WAIT_MS)
    versions.details.note.setPlainText("with the holiday photos")
    versions.select_version(1)  # going elsewhere keeps it
    qtbot.waitUntil(
        lambda: session.versions.all()[0].note == "with the holiday photos", timeout=WAIT_MS
    )
    assert versions.details.note.toPlainText() == ""
    versions.select_version(0)
    assert not versions.details.name.isEnabled()


def test_versions_go_out_and_come_in(
    session: LibrarySession,
    bridge: SessionBridge,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = (*CLASS_NAMES[:4], "owl", "fox")
    add_version(session, judged=judged(0.02, names), class_names=names)
    dialog = VersionsDialog(session, bridge)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: len(dialog.model.rows) == 2, timeout=WAIT_MS)
    dialog.select_version(1)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(tmp_path / "mine"), ""))
    dialog.export_button.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: "Written to" in dialog.strip.text, timeout=WAIT_MS)
    yours = (tmp_path / "mine.zip").rename(tmp_path / "yours.zip")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(yours), ""))
    dialog.import_button.menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: "yours was imported" in dialog.strip.text, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: len(dialog.model.rows) == 3, timeout=WAIT_MS)
    assert "2 classes it has learned are not in this library" in dialog.strip.text
    assert "owl and fox" in dialog.strip.text
    qtbot.waitUntil(
        lambda: [v.version_id for v in [dialog.selected()] if v] == [2], timeout=WAIT_MS
    )
    found = dialog.selected()
    assert found is not None and not found.active


def test_a_file_that_is_no_version_is_refused_and_nothing_is_kept(
    versions: VersionsDialog, session: LibrarySession, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "notes.zip").write_text("no zip at all")
    versions.import_from(tmp_path / "notes.zip")
    qtbot.waitUntil(lambda: "not a zip" in versions.strip.text, timeout=WAIT_MS)
    assert [item.version_id for item in session.versions.all()] == [2, 1, 0]
