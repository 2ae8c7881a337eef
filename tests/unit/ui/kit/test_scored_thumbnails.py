"""The list of photos with scores below them."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.scored_thumbnails import (
    Caption,
    ScoredThumbnail,
    ScoredThumbnailModel,
    ScoredThumbnailView,
)


def describe(image_id: int) -> ScoredThumbnail:
    captions = (Caption("dog", "present"), Caption("0.70", "muted", "✓", "present"))
    return ScoredThumbnail(image_id, f"print-{image_id}", captions, f"photo {image_id}: 0.70")


def test_it_is_a_proper_model(qtmodeltester: ModelTester) -> None:
    model = ScoredThumbnailModel(describe, [3, 1])
    qtmodeltester.check(model)
    assert model.index(1).data(Qt.ItemDataRole.AccessibleTextRole) == "photo 1: 0.70"


def test_rows_are_described_only_when_they_are_asked_for(qtbot: QtBot) -> None:
    described: list[int] = []

    def note(row: int) -> ScoredThumbnail:
        described.append(row)
        return describe(row)

    model: ScoredThumbnailModel[int] = ScoredThumbnailModel(note)
    view = ScoredThumbnailView(model, None, lines=2)
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    model.set_rows(range(5000))
    view.grab()
    assert 0 < len(set(described)) < 100


def test_captions_are_painted_in_their_colours_without_pictures(qtbot: QtBot) -> None:
    view = ScoredThumbnailView(ScoredThumbnailModel(describe, [1]), None, lines=2)
    qtbot.addWidget(view)
    view.resize(300, 300)
    image = view.grab().toImage()
    cell = view.visualRect(view.model().index(0, 0))
    shades = {
        image.pixelColor(x, y).name()
        for x in range(cell.left(), cell.right())
        for y in range(cell.top() + 120, cell.bottom())
    }
    assert theme.current().present in shades
    picture = image.pixelColor(cell.center().x(), cell.top() + 40)
    assert picture.name() == theme.current().border


def test_an_entered_photo_is_announced(qtbot: QtBot) -> None:
    view = ScoredThumbnailView(ScoredThumbnailModel(describe, [7, 9]), None, lines=2)
    qtbot.addWidget(view)
    with qtbot.waitSignal(view.image_activated) as entered:
        view.activated.emit(view.model().index(1, 0))
    assert entered.args == [9]
    with qtbot.assertNotEmitted(view.image_activated):
        view.activated.emit(QModelIndex())
