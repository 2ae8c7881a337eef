"""The page: sentences, states, keeping up to date, and the way to the grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from ui_libraries import DOG, DRIER, LIGHT, MISSING, OpenSession, add_version, evaluation

from lmpt_desktop.catalogue.prompt_sets import PromptSets
from lmpt_desktop.domain.records import Verdict
from lmpt_desktop.engine.session import LibrarySession
from lmpt_desktop.inference.filters import Status
from lmpt_desktop.inference.tail_gaps import GapKind
from lmpt_desktop.ui.long_tail.columns import BY_NAME, COLUMNS, TailColumn
from lmpt_desktop.ui.long_tail.page import LongTailPage

WAIT_MS = 10_000
MakePage = Callable[[LibrarySession], LongTailPage]


def sentences(page: LongTailPage) -> list[str]:
    labels = page.gap_links.findChildren(QLabel)
    return [label.accessibleName() or label.text() for label in labels if not label.isHidden()]


def first_sentence(page: LongTailPage) -> str:
    """What still stands there while the sentences are being replaced: "no example"."""
    return next(iter(sentences(page)), "no example")


def is_current(page: LongTailPage, session: LibrarySession) -> bool:
    """Whether the figures are of the library as it is now."""
    return page.figures is not None and page.figures.snapshot is session.snapshot()


def cell(page: LongTailPage, row: int, order: TailColumn) -> str:
    column = next(place for place, item in enumerate(COLUMNS) if item is order)
    return str(page.classes.model.index(row, column).data())


def test_what_is_missing_is_listed_in_sentences(page: LongTailPage) -> None:
    missing = sentences(page)
    assert missing[0] == "1 class has no example: hair drier"
    assert missing[1] == (
        "3 classes have examples, but fewer than 5 (1 more example of “traffic light” is enough)"
    )


def test_a_sentence_lists_its_classes_only_and_escape_lists_all(
    page: LongTailPage, qtbot: QtBot
) -> None:
    label = page.gap_links.findChild(QLabel, "gap-few-examples")
    assert label is not None
    label.linkActivated.emit(str(GapKind.FEW_EXAMPLES))
    assert [cell(page, row, BY_NAME["class"]) for row in range(page.classes.model.rowCount())] == [
        "traffic light", "cup", "kite",
    ]  # fmt: skip
    assert "need more examples" in page.strip.text and page.strip.isVisible()
    assert page.classes.current == page.classes.model.listed[0]
    qtbot.keyClick(page.classes.table, Qt.Key.Key_Escape)
    assert page.classes.model.rowCount() == 6 and not page.strip.isVisible()


def test_escape_goes_back_to_the_grid_when_nothing_is_narrowed(
    page: LongTailPage, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(page.left):
        qtbot.keyClick(page.classes.chart, Qt.Key.Key_Escape)


def test_a_verdict_changes_figures_and_sentences(
    page: LongTailPage, session: LibrarySession, qtbot: QtBot
) -> None:
    session.annotations.annotate([11, 12], [DRIER], Verdict.PRESENT)
    qtbot.waitUntil(lambda: "no example" not in first_sentence(page), timeout=WAIT_MS)
    row = page.classes.model.place_of(4)
    assert cell(page, row, BY_NAME["present"]) == "□ 2"


def test_many_changes_are_counted_a_few_times_and_none_while_hidden(
    page: LongTailPage, session: LibrarySession, qtbot: QtBot
) -> None:
    counted = [page.figures]

    def count() -> int:
        if page.figures is not counted[-1]:
            counted.append(page.figures)
        return len(counted) - 1

    for number in range(50):
        session.annotations.annotate([MISSING], [DRIER], Verdict(number % 2))
        count()

    qtbot.waitUntil(lambda: count() > 0 and is_current(page, session), timeout=WAIT_MS)
    assert count() <= 3
    page.hide()
    shown = count()
    session.annotations.annotate([MISSING], [DRIER], Verdict.UNKNOWN)
    qtbot.wait(700)  # longer than changes are gathered for
    assert count() == shown
    page.show()
    qtbot.waitUntil(lambda: count() > shown, timeout=WAIT_MS)


def test_the_current_class_and_the_order_outlive_an_update(
    page: LongTailPage, session: LibrarySession, qtbot: QtBot
) -> None:
    page.classes.model.arrange(BY_NAME["class"], reverse=True)
    page.classes.table.show_class(3)
    session.annotations.annotate([11, 12], [DRIER], Verdict.PRESENT)
    qtbot.waitUntil(lambda: "no example" not in first_sentence(page), timeout=WAIT_MS)
    assert page.classes.current == 3 and page.classes.model.order is BY_NAME["class"]
    assert page.classes.table.currentIndex().row() == page.classes.model.place_of(3)
    assert page.classes.chart.current == page.classes.model.place_of(3)


def test_the_current_class_stays_when_its_column_moves(
    page: LongTailPage, session: LibrarySession, qtbot: QtBot
) -> None:
    page.classes.table.show_class(3)
    name = session.snapshot().classes[3].name
    session.vocabulary.archive([DOG])
    qtbot.waitUntil(
        lambda: page.classes.tail is not None and len(page.classes.tail) == 5, timeout=WAIT_MS
    )
    assert page.classes.current == 2
    assert page.classes.sentence.text().startswith(name)


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (BY_NAME["class"], None),
        (BY_NAME["present"], Status.PRESENT),
        (BY_NAME["absent"], Status.ABSENT),
        (BY_NAME["predicted"], Status.PREDICTED),
        (BY_NAME["average_precision"], None),
    ],
)
def test_enter_on_a_cell_asks_for_what_it_counts(
    page: LongTailPage, qtbot: QtBot, order: TailColumn, status: Status | None
) -> None:
    place = next(place for place, item in enumerate(COLUMNS) if item is order)
    page.classes.table.setCurrentIndex(page.classes.model.index(2, place))
    with qtbot.waitSignal(page.class_requested) as asked:
        qtbot.keyClick(page.classes.table, Qt.Key.Key_Return)
    assert asked.args == [LIGHT, status]


def test_predictions_not_judged_open_as_exactly_these_photos(
    page: LongTailPage, session: LibrarySession, qtbot: QtBot
) -> None:
    snapshot = session.snapshot()
    session.annotations.apply(  # forget the verdicts on the first six photos
        np.repeat(snapshot.image_ids[:6], 6),
        np.tile(snapshot.class_ids, 6),
        np.full(36, -1, np.int8),
    )
    snapshot = session.snapshot()
    column = int((snapshot.predicted & (snapshot.annotations < 0)).sum(axis=0).argmax())
    expected = snapshot.image_ids[
        snapshot.predicted[:, column] & (snapshot.annotations[:, column] < 0)
    ]
    assert 2 <= len(expected) < 6
    qtbot.waitUntil(lambda: is_current(page, session), timeout=WAIT_MS)
    place = next(i for i, item in enumerate(COLUMNS) if item is BY_NAME["not_judged"])
    row = page.classes.model.place_of(column)
    assert page.classes.model.index(row, place).data() == str(len(expected))
    page.classes.table.setCurrentIndex(page.classes.model.index(row, place))
    with qtbot.waitSignal(page.images_requested) as asked:
        qtbot.keyClick(page.classes.table, Qt.Key.Key_Enter)
    assert asked.args == [expected.tolist()]


@pytest.mark.parametrize(("width", "height"), [(620, 720), (900, 500), (1280, 720)])
def test_in_large_letters_nothing_lies_over_anything_and_no_cell_is_cut(
    page: LongTailPage, qtbot: QtBot, width: int, height: int
) -> None:
    font = page.font()
    font.setPointSizeF(1.5 * font.pointSizeF())
    page.setFont(font)
    page.resize(width, height)
    assert page.height() == height  # it asks for no more
    classes = page.classes
    classes.table.show_class(0)
    whole = f"{classes.sentence.text()}  ·  {classes.sentence.text()}"
    classes.sentence.setText(whole)
    label, chart = classes.sentence, classes.chart
    line = label.fontMetrics().height()
    above = classes.splitter.widget(0)
    assert above is not None
    qtbot.waitUntil(
        lambda: (
            line <= label.height() < 2 * line
            and chart.geometry().bottom() < label.geometry().top()
            and label.geometry().bottom() < above.height()
            and classes.splitter.geometry().bottom() < classes.height()
        ),
        timeout=WAIT_MS,
    )
    assert label.shown.endswith("…") and whole.startswith(label.shown[:-1])
    assert label.text() == label.toolTip() == whole
    metrics = classes.table.fontMetrics()
    for place, column in enumerate(COLUMNS):
        if column is BY_NAME["class"]:
            continue
        for row in classes.model.rows:
            assert metrics.horizontalAdvance(column.text(row)) < classes.table.columnWidth(place)
        title = metrics.horizontalAdvance(column.title)
        assert title < classes.table.columnWidth(place)
    assert classes.table.columnWidth(1) >= min(
        classes.table.columnWidth(0), metrics.averageCharWidth() * 10
    )


class TestStates:
    def test_before_any_annotation_figures_are_called_estimates(
        self, make_page: MakePage, session: LibrarySession
    ) -> None:
        ids, class_ids = session.snapshot().image_ids.tolist(), list(session.snapshot().column_of)
        session.annotations.annotate(ids, class_ids, Verdict.UNKNOWN)
        page = make_page(session)
        assert "estimated from predictions" in page.notice.text
        assert cell(page, 0, BY_NAME["band"]).endswith(("common", "rare"))
        assert cell(page, 0, BY_NAME["estimated_photos"]).startswith("about ")

    def test_before_any_photo_is_encoded_that_is_shown(
        self, make_page: MakePage, library: Path, open_session: OpenSession
    ) -> None:
        session = open_session(library, begin=False)
        session.annotations.annotate(range(1, 10), [DOG], Verdict.PRESENT)
        page = make_page(session)
        assert "No photo has been encoded yet" in page.notice.text
        assert cell(page, 0, BY_NAME["present"]) == "9"

    def test_without_classes_it_offers_the_vocabulary(
        self, make_page: MakePage, session: LibrarySession, qtbot: QtBot
    ) -> None:
        session.vocabulary.set_all([])
        page = make_page(session)
        assert page.stack.currentWidget() is page.empty
        with qtbot.waitSignal(page.vocabulary_requested):
            qtbot.mouseClick(page.empty_button, Qt.MouseButton.LeftButton)

    def test_average_precision_appears_with_an_evaluation(
        self, make_page: MakePage, session: LibrarySession
    ) -> None:
        judged = evaluation({"dog": 0.876, "person": None})
        session.versions.promote(add_version(session, judged=judged))
        page = make_page(session)
        assert page.notice.text == ""
        assert cell(page, 0, BY_NAME["average_precision"]) == "87.6"
        assert cell(page, 1, BY_NAME["average_precision"]) == "–"

    def test_without_one_that_is_shown(self, page: LongTailPage) -> None:
        assert "no AP to show" in page.notice.text

    def test_a_failure_is_reported(
        self,
        page: LongTailPage,
        session: LibrarySession,
        qtbot: QtBot,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_args: object) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(PromptSets, PromptSets.all.__name__, fail)
        with qtbot.waitSignal(page.failed, timeout=WAIT_MS) as failure:
            session.annotations.annotate([11], [DRIER], Verdict.PRESENT)
        assert "disk" in str(failure.args[0])  # pyright: ignore[reportOptionalSubscript]


def test_a_sentence_is_followed_by_keyboard(page: LongTailPage, qtbot: QtBot) -> None:
    label = page.gap_links.findChild(QLabel, "gap-no-example")
    assert label is not None
    page.save.setFocus()
    qtbot.keyClick(page.save, Qt.Key.Key_Tab)
    focused = page.focusWidget()
    assert focused is label
    qtbot.keyClick(focused, Qt.Key.Key_Return)
    assert page.narrowed is GapKind.NO_EXAMPLE
    assert page.classes.model.rowCount() == 1
